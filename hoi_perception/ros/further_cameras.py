"""Images of further cameras that belong to one of the first camera, and where those cameras stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.camera_rig import FARTHEST_M, CameraRig
from hoi_perception.config import NodeConfig
from hoi_perception.ros import conversions
from hoi_perception.ros.assembly import Assembly
from hoi_perception.ros.camera_feed import RefusedError, camera_from_info, of_size
from hoi_perception.ros.companions import Stamped
from hoi_perception.ros.further_setup import further_names
from hoi_perception.ros.inbox import CameraBox, Inbox
from hoi_perception.ros.steady import Steady
from hoi_perception.ros.tf import FrameTransform, NoTransformError, Transforms
from hoi_perception.ros.waiting import Hope, Waiting
from hoi_perception.types import Frame, FurtherView, PlacedCamera

_NEAREST_M = 1e-6
"""Distance between two cameras below which they stand at one place."""


class MissingViewError(ValueError):
    """A further camera that an image has to do without; the text says why and what to do."""


@dataclass(frozen=True)
class _Partner:
    """The image of a further camera and its CameraInfo, None where they are missing; `off_ns` is how far the nearest
    image is off and `latest_ns` the stamp of the latest one, None where none came at all."""

    image: Stamped | None = None
    info: Stamped | None = None
    off_ns: int | None = None
    latest_ns: int | None = None

    @staticmethod
    def of(box: CameraBox, stamp_ns: int, tolerance_ns: int) -> _Partner:
        image = box.images.nearest(stamp_ns, tolerance_ns)
        info = None if image is None else box.infos.valid_at(image.stamp_ns, image.frame_id)
        return _Partner(image, info, box.images.off_ns(stamp_ns), box.images.latest_ns)


class FurtherCameras:
    """Finds, for each image, those of the further cameras that were taken at the same time, in a bounded wait.

    `rig` goes before what `camera_info` and TF say of cameras.
    """

    def __init__(
        self, inbox: Inbox, waiting: Waiting, image_bgr: Callable[[Any], NDArray[Any]], transforms: Transforms
    ) -> None:
        self._inbox, self._waiting, self._image_bgr, self._transforms = inbox, waiting, image_bgr, transforms
        self.rig: CameraRig | None = None
        self._hopes: dict[str, Hope] = {}
        self._steady: dict[str, Steady] = {}

    def views(self, frame: Frame, work: Assembly) -> tuple[FurtherView, ...]:
        """Those that are there, in the order of `further_cameras`; what is missing is noted."""
        views: list[FurtherView] = []
        for name in further_names(work.config):
            try:
                views.append(self._view(name, frame, work))
            except (MissingViewError, RefusedError, NoTransformError, conversions.MessageError) as error:
                work.notes.append(f"camera '{name}': {error}; the image goes on without it")
        return tuple(views)

    def _view(self, name: str, frame: Frame, work: Assembly) -> FurtherView:
        partner = self._partner(name, frame, work)
        if partner.image is None:
            raise MissingViewError(_unmatched(name, partner.off_ns, work.config))
        image = work.decode(self._image_bgr, partner.image.message)
        placed = self._placed(name, partner, (image.shape[1], image.shape[0]), frame, work.config)
        return FurtherView(image, self._steady.setdefault(name, Steady()).placed(placed))

    def _partner(self, name: str, frame: Frame, work: Assembly) -> _Partner:
        """It is worth waiting for where it came with the images before."""
        box, tolerance_ns = self._inbox.cameras[name], round(1e9 * work.config.sync_tolerance_s)
        found = _Partner()

        def ready() -> bool:
            nonlocal found
            found = _Partner.of(box, frame.stamp_ns, tolerance_ns)
            return found.image is not None and (found.info is not None or self.rig is not None)

        hope = self._hopes.setdefault(name, Hope())
        self._waiting.until(ready, work.deadline_s if hope.waits else 0.0)
        hope.learn(found.image is not None, found.latest_ns)
        return found

    def _placed(
        self, name: str, partner: _Partner, size: tuple[int, int], frame: Frame, config: NodeConfig
    ) -> PlacedCamera:
        if self.rig is not None:
            placed = next(one for one in self.rig.further if one.name == name)
            of_size(placed.camera, size, config.camera_file)
            return placed
        image, info = partner.image, partner.info
        if image is None or info is None:
            raise MissingViewError(f"no camera_info: publish or remap cameras/{name}/camera_info, or set camera_file")
        camera = camera_from_info(info, config, size)
        T = _rectified_pair(info) if config.rectified else None
        if T is None:
            T = self._by_tf(image.frame_id or info.frame_id, frame)
        _check_distance(T)
        return PlacedCamera(name, camera, T.R_target_source, T.t_target_source)

    def _by_tf(self, own: str, frame: Frame) -> FrameTransform:
        if own in ("", frame.frame_id):
            raise MissingViewError(
                f"its images bear the frame '{own}', those of the first camera '{frame.frame_id}': give each driver an "
                "optical frame of its own, or set camera_file"
            )
        return self._transforms.find(own, frame.frame_id, frame.stamp_ns)


def _rectified_pair(info: Stamped) -> FrameTransform | None:
    """Where the first camera of a rectified pair is in the frame of the second one, by the second one's P, whose fourth
    column is -f times the baseline (sensor_msgs/CameraInfo); None for a camera of no pair."""
    P = conversions.calibration_from_message(info.message).P
    if not P[:2, 3].any():
        return None
    return FrameTransform(np.eye(3), np.array([P[0, 3] / P[0, 0], P[1, 3] / P[1, 1], 0.0]))


def _check_distance(T: FrameTransform) -> None:
    apart = float(np.linalg.norm(T.t_target_source))
    if not _NEAREST_M < apart <= FARTHEST_M:
        raise MissingViewError(f"it would stand {apart:.3g} m from the first camera: correct the calibration (metres)")


def _unmatched(name: str, off_ns: int | None, config: NodeConfig) -> str:
    if off_ns is None:
        topic = "image/compressed" if config.image_transport == "compressed" else "image"
        return f"no image yet: publish or remap cameras/{name}/{topic}"
    return (
        f"its nearest image is {off_ns * 1e-6:.3g} ms off, more than sync_tolerance_s ({config.sync_tolerance_s:g} s): "
        "trigger the cameras together and synchronise their clocks, or raise it"
    )
