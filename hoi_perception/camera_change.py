"""What is left of the memory when the camera changes from one frame to the next: another calibration, or a zoom."""

from __future__ import annotations

from dataclasses import replace

from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.tracking import HandTrack, Memory, forgotten, restarted
from hoi_perception.types import Camera

MAX_FOCAL_CHANGE = 0.05
"""Share of the focal length that may change from frame to frame before fits start anew: a zoom from end to end takes
seconds, an assumed camera that becomes a calibrated one takes one frame."""


def after_camera_change(memory: Memory, camera: Camera) -> Memory:
    """The memory for a frame of this camera.

    Nothing but ids and calibrated shapes is left for an image of another size. Fits start anew, and know no depth,
    where the lens model is another one or the focal length jumped: the hands were at other depths all along. A smaller
    change of the focal length is noted in the tracks: it loosens what is expected of their depth.
    """
    before = memory.camera
    if before is None or before is camera:
        tracks = tuple(replace(track, focal_change=0.0) for track in memory.tracks)
        return replace(memory, camera=camera, tracks=tracks)
    if (before.width, before.height) != (camera.width, camera.height):
        return replace(forgotten(memory), camera=camera)
    change = abs(camera.focal_px / before.focal_px - 1.0)
    other = camera.distortion is not before.distortion or change > MAX_FOCAL_CHANGE
    tracks = tuple(_unfitted(track) if other else replace(track, focal_change=change) for track in memory.tracks)
    return replace(memory, camera=camera, tracks=tracks)


def _unfitted(track: HandTrack) -> HandTrack:
    """The track with its place in the image and its side, and nothing that a fit said."""
    return replace(restarted(track), depth=None, shape=ShapeEstimate(), focal_change=0.0)
