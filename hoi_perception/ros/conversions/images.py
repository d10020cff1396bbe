"""Images: every listed encoding to BGR, without a copy where the bytes allow it.

Encodings by their names in sensor_msgs/image_encodings.hpp. Rows may be padded (`step`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8
from numpy.typing import NDArray

from hoi_perception.ros.conversions.headers import EncodingError, MessageError, header_message
from hoi_perception.ros.messages import Messages

Image = NDArray[np.uint8]
_CHANNELS = {"bgr8": 3, "rgb8": 3, "mono8": 1, "8UC1": 1, "8UC3": 3, "bgra8": 4, "rgba8": 4}
_TO_BGR = {
    "rgb8": cv2.COLOR_RGB2BGR,
    "mono8": cv2.COLOR_GRAY2BGR,
    "8UC1": cv2.COLOR_GRAY2BGR,
    "bgra8": cv2.COLOR_BGRA2BGR,
    "rgba8": cv2.COLOR_RGBA2BGR,
}
_PACKED_YUV = {
    "yuv422": cv2.COLOR_YUV2BGR_UYVY,
    "uyvy": cv2.COLOR_YUV2BGR_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2BGR_YUY2,
    "yuyv": cv2.COLOR_YUV2BGR_YUY2,
}
# ROS names the first two pixels of the first two rows; OpenCV's older names start one pixel in.
_BAYER = {
    "bayer_rggb": cv2.COLOR_BayerBG2BGR,
    "bayer_bggr": cv2.COLOR_BayerRG2BGR,
    "bayer_gbrg": cv2.COLOR_BayerGR2BGR,
    "bayer_grbg": cv2.COLOR_BayerGB2BGR,
}
SUPPORTED = (*_CHANNELS, *_PACKED_YUV, "nv12", *(f"{name}{bits}" for name in _BAYER for bits in (8, 16)))


Fallback = Callable[[Any], NDArray[Any] | None]
"""Decodes an Image to BGR by other means, e.g. cv_bridge; None where it cannot either."""


def image_bgr(message: Any, fallback: Fallback | None = None) -> UInt8[Image, "h w 3"]:
    """Pixels of a sensor_msgs Image or CompressedImage; MessageError if they cannot be decoded.

    A bgr8 image comes back as a view of the message's bytes, not to be written to. `fallback` is asked for what is
    not SUPPORTED.
    """
    if hasattr(message, "format"):
        return _compressed(message)
    encoding = check_not_empty(message)
    if encoding in SUPPORTED:
        return _raw(message, encoding)
    image = fallback(message) if fallback is not None else None
    if image is None:
        raise EncodingError(f"image encoding '{encoding}' is not supported: publish one of {', '.join(SUPPORTED)}")
    if image.dtype != np.uint8 or image.shape != (message.height, message.width, 3):
        raise MessageError(f"image in '{encoding}' was decoded to {image.dtype} of shape {image.shape}: publish bgr8")
    return image


def check_not_empty(message: Any) -> str:
    """Encoding of an Image that has pixels; MessageError otherwise."""
    if int(message.height) <= 0 or int(message.width) <= 0:
        raise MessageError(f"image of {message.width}x{message.height} pixels is empty: check the camera driver")
    return str(message.encoding)


def _raw(message: Any, encoding: str) -> UInt8[Image, "h w 3"]:
    height, width = int(message.height), int(message.width)
    if encoding in ("bgr8", "8UC3"):
        return image_rows(message, height, width, 3)
    if encoding in _CHANNELS:
        return _colour(image_rows(message, height, width, _CHANNELS[encoding]), _TO_BGR[encoding])
    if encoding in _PACKED_YUV:
        _need_even(encoding, width, 2)
        return _colour(image_rows(message, height, width, 2), _PACKED_YUV[encoding])
    if encoding == "nv12":
        _need_even(encoding, width, height)
        return _colour(image_rows(message, height * 3 // 2, width, 1), cv2.COLOR_YUV2BGR_NV12)
    return _colour(_mosaic(message, height, width, encoding[10:]), _BAYER[encoding[:10]])


def image_rows(message: Any, rows: int, width: int, channels: int) -> UInt8[Image, "rows width channels"]:
    """View of an Image's bytes without the rows' padding; `channels` are bytes per pixel."""
    data = np.frombuffer(message.data, dtype=np.uint8)
    used = width * channels
    step = int(message.step) or used
    # The last row need not be padded.
    if step < used or data.size < step * (rows - 1) + used:
        raise MessageError(
            f"image of {width}x{message.height} pixels in '{message.encoding}' with a step of {step} needs "
            f"{max(step, used) * rows} bytes, got {data.size}: check the camera driver"
        )
    shape, strides = (rows, width, channels), (step, channels, 1)
    return np.lib.stride_tricks.as_strided(data, shape=shape, strides=strides, writeable=False)


def _mosaic(message: Any, height: int, width: int, bits: str) -> UInt8[Image, "height width 1"]:
    """Bayer mosaic with 8 bits a pixel; of 16 bits the upper ones are kept."""
    _need_even(str(message.encoding), width, height)
    if bits == "8":
        return image_rows(message, height, width, 1)
    return image_rows(message, height, width, 2)[:, :, 0 if message.is_bigendian else 1][:, :, None]


def _need_even(encoding: str, width: int, height: int) -> None:
    if width % 2 or height % 2:
        raise MessageError(f"'{encoding}' needs even sizes, got a width of {width} and {height} rows: check the driver")


def _colour(image: Shaped[Image, "rows width channels"], code: int) -> UInt8[Image, "h w 3"]:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), code), dtype=np.uint8)


def _compressed(message: Any) -> UInt8[Image, "h w 3"]:
    """JPEG or PNG; a format of image_transport such as "rgb8; jpeg compressed bgr8" names the channel order last."""
    text = str(message.format)
    if "compressedDepth" in text:
        raise EncodingError("a depth image (compressedDepth) is not a colour image: choose another topic")
    data = np.frombuffer(message.data, dtype=np.uint8)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(data, flags) if data.size else None
    if image is None:
        raise MessageError(
            f"compressed image of {data.size} bytes with format '{text}' cannot be decoded: send jpeg or png"
        )
    if "compressed rgb" in text:
        image = image[:, :, ::-1]
    return np.asarray(image, dtype=np.uint8)


def image_message(image: UInt8[Image, "h w 3"], stamp: int, frame_id: str, messages: Messages) -> Any:
    """sensor_msgs/Image in bgr8."""
    height, width = image.shape[:2]
    return messages.make(
        "sensor_msgs/msg/Image",
        header=header_message(stamp, frame_id, messages),
        height=height,
        width=width,
        encoding="bgr8",
        is_bigendian=0,
        step=3 * width,
        data=messages.sequence(image),
    )
