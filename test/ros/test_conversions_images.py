"""Every encoding on an image whose colours are known."""

from __future__ import annotations

from array import array
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hoi_perception.ros.conversions import EncodingError, MessageError, image_bgr, image_message, stamp_ns
from hoi_perception.ros.messages import BagMessages

BGR = (200, 120, 40)
HEIGHT, WIDTH = 6, 8


def message(encoding: str, pixels: np.ndarray, **changes: object) -> SimpleNamespace:
    """A raw image of HEIGHT x WIDTH with the given bytes."""
    pixels = np.ascontiguousarray(pixels)
    fields = {
        "encoding": encoding,
        "height": HEIGHT,
        "width": WIDTH,
        "is_bigendian": 0,
        "step": pixels[0].nbytes,
        "data": pixels.view(np.uint8).reshape(-1),
    }
    return SimpleNamespace(**{**fields, **changes})


def filled(*channels: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, len(channels)), channels, dtype=np.uint8)


def test_channel_orders() -> None:
    b, g, r = BGR
    for encoding, channels in {
        "bgr8": (b, g, r),
        "rgb8": (r, g, b),
        "bgra8": (b, g, r, 9),
        "rgba8": (r, g, b, 9),
        "8UC3": (b, g, r),
    }.items():
        np.testing.assert_array_equal(image_bgr(message(encoding, filled(*channels))), filled(*BGR))
    np.testing.assert_array_equal(image_bgr(message("mono8", filled(77))), filled(77, 77, 77))


def yuv() -> tuple[int, int, int]:
    """BT.601 video range of BGR, by the formula of the standard."""
    b, g, r = (v / 255.0 for v in BGR)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return round(16 + 219 * y), round(128 + 224 * (b - y) / 1.772), round(128 + 224 * (r - y) / 1.402)


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"])
def test_packed_yuv(encoding: str) -> None:
    y, u, v = yuv()
    even, odd = ((u, y), (v, y)) if encoding in ("yuv422", "uyvy") else ((y, u), (y, v))
    pixels = np.zeros((HEIGHT, WIDTH, 2), dtype=np.uint8)
    pixels[:, 0::2], pixels[:, 1::2] = even, odd
    assert np.abs(image_bgr(message(encoding, pixels)).astype(int) - BGR).max() <= 3


def test_nv12() -> None:
    y, u, v = yuv()
    planes = np.vstack(
        [np.full((HEIGHT, WIDTH), y, np.uint8), np.tile(np.array([u, v], np.uint8), (HEIGHT // 2, WIDTH // 2))]
    )
    got = image_bgr(message("nv12", planes))
    assert got.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(got.astype(int) - BGR).max() <= 3


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_bayer(pattern: str, bits: int) -> None:
    colours = dict(zip("bgr", BGR, strict=True))
    mosaic = np.zeros((HEIGHT, WIDTH), dtype=np.uint16)
    for i, letter in enumerate(pattern):
        mosaic[i // 2 :: 2, i % 2 :: 2] = colours[letter]
    mosaic = mosaic.astype(np.uint8) if bits == 8 else mosaic * 256
    np.testing.assert_array_equal(image_bgr(message(f"bayer_{pattern}{bits}", mosaic)), filled(*BGR))


def test_big_endian_bayer() -> None:
    mosaic = np.full((HEIGHT, WIDTH), 90 * 256 + 3, dtype=">u2")
    np.testing.assert_array_equal(image_bgr(message("bayer_rggb16", mosaic, is_bigendian=1)), filled(90, 90, 90))


def test_padded_rows_are_cut_off() -> None:
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    padded = np.full((HEIGHT, WIDTH * 3 + 5), 255, dtype=np.uint8)
    padded[:, : WIDTH * 3] = image.reshape(HEIGHT, -1)
    np.testing.assert_array_equal(image_bgr(message("bgr8", padded)), image)
    np.testing.assert_array_equal(image_bgr(message("rgb8", padded)), image[:, :, ::-1])
    short = padded.reshape(-1)[:-5]  # the last row without its padding
    np.testing.assert_array_equal(image_bgr(message("bgr8", padded, data=short)), image)


def test_bgr8_is_not_copied() -> None:
    source = message("bgr8", filled(*BGR))
    assert np.shares_memory(image_bgr(source), source.data)


def test_message_round_trip_through_bytes() -> None:
    image = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    messages = BagMessages()
    made = messages.decode(
        messages.encode(image_message(image, 5_000_000_001, "eye", messages)), "sensor_msgs/msg/Image"
    )
    np.testing.assert_array_equal(image_bgr(made), image)
    assert (stamp_ns(made.header), made.header.frame_id) == (5_000_000_001, "eye")


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_compressed(extension: str) -> None:
    data = cv2.imencode(extension, filled(*BGR))[1].reshape(-1)
    for text, want in {"jpeg": BGR, "rgb8; jpeg compressed bgr8": BGR, "rgb8; png compressed rgb8": BGR[::-1]}.items():
        got = image_bgr(SimpleNamespace(format=text, data=data))
        assert np.abs(got.astype(int) - want).max() <= 2


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (message("32FC1", filled(0)), "encoding '32FC1' is not supported: publish one of bgr8"),
        (message("", filled(0)), "encoding '' is not supported"),
        (message("bgr8", filled(1, 2)), "step of 16 needs 144 bytes, got 96"),
        (message("bgr8", filled(1, 2, 3), data=np.zeros(100, np.uint8)), "needs 144 bytes, got 100"),
        (message("bgr8", filled(1, 2, 3), width=0), "image of 0x6 pixels is empty"),
        (message("yuyv", np.zeros((HEIGHT, 7, 2), np.uint8), width=7), "'yuyv' needs even sizes"),
        (SimpleNamespace(format="jpeg", data=np.zeros(9, np.uint8)), "9 bytes with format 'jpeg' cannot be decoded"),
        (SimpleNamespace(format="png", data=np.zeros(0, np.uint8)), "0 bytes with format 'png' cannot be decoded"),
        (SimpleNamespace(format="16UC1; compressedDepth", data=np.zeros(9, np.uint8)), "depth image"),
    ],
)
def test_what_cannot_be_decoded_is_said_in_one_line(broken: SimpleNamespace, text: str) -> None:
    with pytest.raises(MessageError) as error:
        image_bgr(broken)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_the_fallback_is_asked_only_for_what_is_not_supported() -> None:
    asked: list[str] = []

    def fallback(message: SimpleNamespace) -> np.ndarray | None:
        asked.append(message.encoding)
        return filled(*BGR) if message.encoding == "yuv444" else None

    np.testing.assert_array_equal(image_bgr(message("yuv444", filled(1, 2, 3)), fallback), filled(*BGR))
    image_bgr(message("rgb8", filled(1, 2, 3)), fallback)
    with pytest.raises(EncodingError, match="'32FC1' is not supported"):
        image_bgr(message("32FC1", filled(0)), fallback)
    assert asked == ["yuv444", "32FC1"]


@pytest.mark.parametrize("wrong", [np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH), np.uint8)])
def test_a_fallback_that_gives_no_picture_is_found_out(wrong: np.ndarray) -> None:
    with pytest.raises(MessageError, match=r"'yuv444' was decoded to .* of shape .*: publish bgr8"):
        image_bgr(message("yuv444", filled(1, 2, 3)), lambda _: wrong)


@pytest.mark.parametrize(
    "encoding", ["bgr8", "rgb8", "mono8", "bgra8", "rgba8", "bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8"]
)
def test_images_are_those_of_cv_bridge(encoding: str) -> None:
    cv_bridge = pytest.importorskip("cv_bridge", reason="cv_bridge comes with a ROS installation")
    messages = pytest.importorskip("sensor_msgs.msg", reason="sensor_msgs comes with a ROS installation")
    channels = {"bgr8": 3, "rgb8": 3, "bgra8": 4, "rgba8": 4}.get(encoding, 1)
    pixels = np.random.default_rng(2).integers(0, 255, (HEIGHT, WIDTH, channels), dtype=np.uint8)
    real = messages.Image(
        height=HEIGHT, width=WIDTH, encoding=encoding, step=WIDTH * channels, data=array("B", pixels.tobytes())
    )
    expected = cv_bridge.CvBridge().imgmsg_to_cv2(real, desired_encoding="bgr8")
    np.testing.assert_array_equal(image_bgr(real), expected)
