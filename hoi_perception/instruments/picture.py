"""A picture of one instrument: closed and, where it has joints, open, each from above and from the side."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.hands.picture_sheet import shade
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.model import InstrumentModel, joined
from hoi_perception.rendering import rasterise
from hoi_perception.types import Camera

Array = NDArray[np.float64]

WIDTH_PX, HEIGHT_PX, SAMPLES = 900, 420, 3
DISTANCE_M = 2.0
FROM_ABOVE = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
"""From the base link's axes to a camera (x right, y down, z forward) that looks along -z."""


def draw_instrument(model: InstrumentModel) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """Rows of pictures, BGR: jaws closed, then open."""
    tree = joint_tree(model)
    closed = np.clip(0.0, tree.lower, tree.upper)
    opened = np.where(tree.lower >= 0.0, tree.upper, closed)  # jaws open; a wrist that bends both ways stays straight
    states = [closed] if (closed == opened).all() else [closed, opened]
    turned = [FROM_ABOVE, _tilt(1.1) @ FROM_ABOVE]
    bodies = [posed_surface(model, angles) for angles in states]
    seen = [[body @ view.T for view in turned] for body in bodies]
    spans = [np.ptp(points, axis=0) for row in seen for points in row]
    pixel = 1.12 * max(max(span[0] / WIDTH_PX, span[1] / HEIGHT_PX) for span in spans)
    height = int(max(span[1] for span in spans) / pixel) + 60
    return np.concatenate([np.concatenate([_picture(model, p, pixel, height) for p in row], axis=1) for row in seen])


def posed_surface(model: InstrumentModel, angles: Float64[Array, " j"]) -> Float64[Array, "n 3"]:
    """Vertices of all links' meshes in the base link's frame, in order."""
    state = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), angles[None])
    posed = pose_links(joint_tree(model), state)
    surfaces = [link.surface()[0] @ posed.R[0, k].T + posed.t[0, k] for k, link in enumerate(model.links)]
    return np.concatenate(surfaces)


def _tilt(angle: float) -> Float64[Array, "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])


def _picture(
    model: InstrumentModel, points: Float64[Array, "n 3"], pixel: float, height: int
) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """One view, `height` pixels high; `pixel` is the size of a pixel at the instrument, m."""
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    seen = (points - middle + [0.0, 0.0, DISTANCE_M]).astype(np.float32)
    meshes = [(mesh.vertices, mesh.faces) for link in model.links for mesh in link.meshes]
    _, faces = joined(meshes)
    looks = [mesh.look.rgba for link in model.links for mesh in link.meshes]
    colours = np.repeat([look[2::-1] for look in looks], [len(f) for _, f in meshes], axis=0) ** 2.2
    focal = DISTANCE_M / pixel
    K = np.array([[focal, 0.0, WIDTH_PX / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    # corners of their own for each face: edges of instruments are sharp
    raster = rasterise(seen, faces, Camera(K, WIDTH_PX, height), (WIDTH_PX * SAMPLES, height * SAMPLES))
    loose = np.arange(3 * len(faces)).reshape(-1, 3)
    picture = shade(raster, seen[faces].reshape(-1, 3), loose, 0.8 * colours)
    return np.asarray(cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
