"""Images that are not pictures: depth (REP-118) and instrument labels."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Shaped, UInt16
from numpy.typing import NDArray

from hoi_perception.ros.conversions.headers import EncodingError, MessageError
from hoi_perception.ros.conversions.images import check_not_empty, image_rows

Depth = Float32[NDArray[np.float32], "h w"]
Values = Shaped[NDArray[Any], "h w"]
_DEPTH_TYPES = {"32FC1": "f4", "16UC1": "u2", "mono16": "u2"}
_MASK_TYPES = {"mono8": "u1", "8UC1": "u1", "mono16": "u2", "16UC1": "u2"}
_HEADER = struct.Struct("<iff")
"""Of compressedDepth: an enum of formats, then two parameters of the quantisation."""


def depth_image(message: Any) -> Depth:
    """Metres along the optical axis, NaN where there is none, of a sensor_msgs Image or compressedDepth image.

    32FC1 holds metres, 16UC1 millimetres with 0 for none. MessageError if it cannot be decoded.
    """
    if hasattr(message, "format"):
        return _compressed_depth(str(message.format), np.frombuffer(message.data, dtype=np.uint8))
    encoding = check_not_empty(message)
    if encoding not in _DEPTH_TYPES:
        raise EncodingError(f"depth encoding '{encoding}' is not supported: publish 32FC1 in m or 16UC1 in mm")
    values = _values(message, _DEPTH_TYPES[encoding])
    return _valid(values) if encoding == "32FC1" else _from_millimetres(values)


def instrument_mask(message: Any) -> UInt16[NDArray[np.uint16], "h w"]:
    """Labels of a sensor_msgs/Image in mono8, 8UC1, mono16 or 16UC1; MessageError if it cannot be decoded."""
    encoding = check_not_empty(message)
    if encoding not in _MASK_TYPES:
        raise EncodingError(f"mask encoding '{encoding}' is not supported: publish one of {', '.join(_MASK_TYPES)}")
    return _values(message, _MASK_TYPES[encoding]).astype(np.uint16)


def _values(message: Any, kind: str) -> Values:
    """View of the pixels as numbers of the message's byte order."""
    dtype = np.dtype((">" if message.is_bigendian else "<") + kind)
    rows = image_rows(message, int(message.height), int(message.width), dtype.itemsize)
    return np.ascontiguousarray(rows).view(dtype)[:, :, 0]


def _compressed_depth(text: str, data: NDArray[np.uint8]) -> Depth:
    """The format of compressed_depth_image_transport: 12 bytes of header, then a PNG with 16 bits a pixel.

    Depth in 32FC1 is stored as quantised inverse depth q: z = a / (q - b), 0 where there is none.
    """
    encoding, _, codec = (part.strip() for part in text.partition(";"))
    if "rvl" in codec:
        raise EncodingError(f"compressed depth in '{text}' is not supported: set the publisher's format to png")
    coded = data[_HEADER.size :]
    image = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED) if coded.size else None
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise MessageError(
            f"compressed depth image of {data.size} bytes with format '{text}' cannot be decoded: "
            "publish it by compressed_depth_image_transport as png"
        )
    values = np.asarray(image)
    if encoding != "32FC1":
        return _from_millimetres(values)
    _, a, b = _HEADER.unpack(data[: _HEADER.size].tobytes())
    if not (np.isfinite(a) and np.isfinite(b)):
        raise MessageError(f"compressed depth image is quantised with {a} and {b}: check the publisher")
    with np.errstate(divide="ignore"):
        return _valid(np.where(values > 0, np.float32(a) / (values.astype(np.float32) - np.float32(b)), np.float32(0)))


def _from_millimetres(values: Values) -> Depth:
    return np.where(values > 0, values * np.float32(1e-3), np.float32(np.nan))


def _valid(values: Values) -> Depth:
    """NaN for what is not a positive finite number."""
    return np.where((values > 0) & np.isfinite(values), values, np.float32(np.nan)).astype(np.float32, copy=False)
