"""Depth and masks on images whose values are known."""

from __future__ import annotations

import struct
from array import array
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hoi_perception.ros.conversions import EncodingError, MessageError, depth_image, instrument_mask

METRES = np.array([[0.5, 1.25, np.nan], [np.inf, -1.0, 0.0]], dtype=np.float32)
VALID = np.array([[0.5, 1.25, np.nan], [np.nan, np.nan, np.nan]], dtype=np.float32)


def message(encoding: str, pixels: np.ndarray, **changes: object) -> SimpleNamespace:
    """A raw image of the given numbers."""
    fields = {
        "encoding": encoding,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "is_bigendian": int(pixels.dtype.byteorder == ">"),
        "step": pixels[0].nbytes,
        "data": np.ascontiguousarray(pixels).view(np.uint8).reshape(-1),
    }
    return SimpleNamespace(**{**fields, **changes})


def compressed(text: str, pixels: np.ndarray, a: float = 0.0, b: float = 0.0) -> SimpleNamespace:
    """As compressed_depth_image_transport sends it."""
    png = cv2.imencode(".png", pixels)[1].tobytes()
    return SimpleNamespace(format=text, data=np.frombuffer(struct.pack("<iff", 0, a, b) + png, dtype=np.uint8))


@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_metres(dtype: str) -> None:
    got = depth_image(message("32FC1", METRES.astype(dtype)))
    np.testing.assert_array_equal(got, VALID)
    assert got.dtype == np.float32
    assert got.dtype.isnative


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_millimetres(encoding: str, dtype: str) -> None:
    got = depth_image(message(encoding, np.array([[500, 0], [65535, 1]], dtype=dtype)))
    np.testing.assert_allclose(got, [[0.5, np.nan], [65.535, 0.001]], rtol=1e-6)
    assert got.dtype == np.float32


def test_padded_rows_and_rclpy_s_arrays() -> None:
    padded = np.full((2, 8), 9, dtype=np.uint16)
    padded[:, :3] = [[1000, 2000, 0], [3000, 4000, 5000]]
    data = array("B", padded.tobytes())
    got = depth_image(message("16UC1", padded[:, :3], step=16, data=data))
    np.testing.assert_allclose(got, [[1, 2, np.nan], [3, 4, 5]], rtol=1e-6)


@pytest.mark.parametrize("text", ["16UC1; compressedDepth png", "16UC1; compressedDepth", "16UC1", ""])
def test_compressed_millimetres(text: str) -> None:
    got = depth_image(compressed(text, np.array([[500, 0], [65535, 1]], dtype=np.uint16)))
    np.testing.assert_allclose(got, [[0.5, np.nan], [65.535, 0.001]], rtol=1e-6)


def test_compressed_metres_by_hand() -> None:
    """Depth quantisation 100 and a largest depth of 10 m: a = 100 * 101, b = 1 - a / 10; 1 m is q = a + b = 9091."""
    a = 100.0 * 101.0
    b = 1.0 - a / 10.0
    got = depth_image(compressed("32FC1; compressedDepth png", np.array([[9091, 0, 4041]], dtype=np.uint16), a, b))
    np.testing.assert_allclose(got, [[1.0, np.nan, 2.0]], rtol=1e-6)


def test_compressed_metres_within_their_quantisation() -> None:
    depth = np.linspace(0.2, 9.0, 300, dtype=np.float32).reshape(10, 30)
    a = 100.0 * 101.0
    b = 1.0 - a / 10.0
    quantised = (a / depth + b).astype(np.uint16)
    got = depth_image(compressed("32FC1; compressedDepth png", quantised, a, b))
    assert (np.abs(got - depth) <= depth**2 / a * 1.01).all()


def test_an_inverse_depth_of_nothing_is_none() -> None:
    """q = b would be infinitely far, q < b behind the camera."""
    got = depth_image(compressed("32FC1; compressedDepth png", np.array([[5, 4]], dtype=np.uint16), 100.0, 5.0))
    assert np.isnan(got).all()


@pytest.mark.parametrize(("encoding", "dtype"), [("mono8", "u1"), ("8UC1", "u1"), ("mono16", "<u2"), ("16UC1", ">u2")])
def test_masks(encoding: str, dtype: str) -> None:
    labels = np.array([[0, 1, 2], [250, 3, 0]], dtype=dtype)
    got = instrument_mask(message(encoding, labels))
    np.testing.assert_array_equal(got, labels)
    assert got.dtype == np.uint16
    assert got.dtype.isnative


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (message("bgr8", METRES), "depth encoding 'bgr8' is not supported: publish 32FC1 in m or 16UC1 in mm"),
        (message("32FC1", METRES, height=0), "image of 3x0 pixels is empty"),
        (message("32FC1", METRES, data=np.zeros(5, np.uint8)), "needs 24 bytes, got 5"),
        (compressed("16UC1; compressedDepth rvl", np.ones((2, 2), np.uint16)), "set the publisher's format to png"),
        (SimpleNamespace(format="16UC1; compressedDepth png", data=np.zeros(7, np.uint8)), "7 bytes with format"),
        (compressed("16UC1; compressedDepth png", np.zeros((2, 2), np.uint8)), "cannot be decoded"),
        (compressed("32FC1; compressedDepth png", np.ones((2, 2), np.uint16), np.nan, 0.0), "quantised with nan"),
    ],
)
def test_what_cannot_be_decoded_is_said_in_one_line(broken: SimpleNamespace, text: str) -> None:
    with pytest.raises(MessageError) as error:
        depth_image(broken)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mask_in_colour_is_refused() -> None:
    with pytest.raises(EncodingError, match="mask encoding 'bgr8' is not supported: publish one of mono8"):
        instrument_mask(message("bgr8", METRES))
