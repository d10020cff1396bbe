"""Places on contours as the kernels find them against the same in plain NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.instruments.contour import AGREE, EDGE_PX, ContourReader, outer_contour
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, PosedLinks, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion

Array = NDArray[np.float64]
K = np.array([[800.0, 0.0, 320.0], [0.0, 810.0, 240.0], [0.0, 0.0, 1.0]])
CAMERAS = {
    "straight": Camera(K, 640, 480),
    "five": Camera(K, 640, 480, Distortion.PLUMB_BOB, np.array([-0.2, 0.05, 0.002, -0.001, 0.01])),
    "eight": Camera(
        K, 640, 480, Distortion.RATIONAL_POLYNOMIAL, np.array([0.2, 0.05, 1e-3, 2e-3, 0.01, 0.3, 0.02, 0.01])
    ),
    "fisheye": Camera(K, 640, 480, Distortion.EQUIDISTANT, np.array([-0.02, 0.01, -0.003, 0.001])),
}


def turning(model: ContourModel, posed: PosedLinks) -> tuple[Int64[NDArray[np.int64], " s"], Int64[Array, "s 2"]]:
    """Edges between a face whose front the camera is before and one that it is behind, the former to the left."""
    link = model.links[model.faces[:, 0]]
    eyes = -np.einsum("lji,lj->li", posed.R[0], posed.t[0])
    shown: Bool[NDArray[np.bool_], " n"] = np.append((model.normals * eyes[link]).sum(axis=1) > model.offsets, False)
    left, right = shown[model.sides].T
    found = np.flatnonzero(left != right)
    return found, np.where(left[found, None], model.ends[found], model.ends[found][:, ::-1])


def shares_in_image(a: Float64[Array, "s 2"], b: Float64[Array, "s 2"], camera: Camera) -> Float64[Array, "s 2"]:
    """From where to where along it each line is in the image less its rim; (1, 0) or the like where it is not."""
    low, high = np.full(2, EDGE_PX), np.array([camera.width, camera.height]) - 1.0 - EDGE_PX
    step = np.where(a == b, 1e-12, b - a)
    crossings = np.stack([(low - a) / step, (high - a) / step])
    return np.stack([crossings.min(axis=0).max(axis=1).clip(0.0), crossings.max(axis=0).min(axis=1).clip(None, 1.0)], 1)


def places_of(model: ContourModel, posed: PosedLinks, camera: Camera, n: int) -> tuple[Array, Array]:
    """Points (camera frame) spread evenly in the image over all turning edges, and normals there."""
    index, ends = turning(model, posed)
    link = model.links[ends[:, 0]]
    corners = np.einsum("sij,skj->ski", posed.R[0, link], model.vertices[ends]) + posed.t[0, link, None]
    a, b = np.asarray(project(corners, camera)).astype(np.float32).astype(np.float64).swapaxes(0, 1)
    part = shares_in_image(a, b, camera)
    length = np.linalg.norm(b - a, axis=1)
    total = np.cumsum(length * np.maximum(part[:, 1] - part[:, 0], 0.0))
    at = (np.arange(n) + 0.5) / n * total[-1]
    edge = np.searchsorted(total, at)
    share = (part[edge, 1] - (total[edge] - at) / length[edge])[:, None]
    z = corners[edge, :, 2:]
    points = corners[edge, 0] / z[:, 0] * (1.0 - share) + corners[edge, 1] / z[:, 1] * share
    points /= (1.0 - share) / z[:, 0] + share / z[:, 1]
    along = (b - a)[edge] / length[edge, None]
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    soft = np.einsum("nij,nj->ni", posed.R[0, link[edge]], model.smooth_normals[index[edge]])
    across = (soft[:, :2] - points[:, :2] * soft[:, 2:] / points[:, 2:]) * K.diagonal()[:2]
    size = np.linalg.norm(across, axis=1, keepdims=True)
    unit = across / np.maximum(size, 1e-12)
    zigzag = (size > 1e-12) & ((unit * normals).sum(axis=1, keepdims=True) < AGREE)
    return points, np.where(zigzag, unit, normals)


def pose(model: ContourModel, t: tuple[float, float, float], turn: tuple[float, float, float]) -> InstrumentState:
    R = np.asarray(rotation_from_axis_angle(np.array([turn])), dtype=np.float64)
    angles = 0.7 * model.tree.lower + 0.3 * model.tree.upper
    return InstrumentState(R, np.array([t]) - R @ model.middle, angles[None])


@pytest.mark.parametrize("lens", CAMERAS)
@pytest.mark.parametrize(
    ("name", "t", "turn"),
    [
        ("kelly_haemostat", (0.0, 0.0, 0.4), (0.3, 0.4, 0.5)),
        ("mug", (0.1, -0.02, 0.35), (-0.5, 1.4, 0.2)),  # a part is not in the image
        ("scalpel_10", (-0.05, 0.03, 0.3), (1.1, -0.2, 2.0)),
    ],
)
def test_places_are_those_of_plain_numpy(lens: str, name: str, t: tuple[float, ...], turn: tuple[float, ...]) -> None:
    model, camera = ContourModel.of(Library.find().get(name)), CAMERAS[lens]
    state = pose(model, (t[0], t[1], t[2]), (turn[0], turn[1], turn[2]))
    posed = pose_links(model.tree, state)
    points, normals = places_of(model, posed, camera, 4 * 100)
    found = ContourReader(model, camera, 100, 60.0).read(posed)
    assert len(found) >= 50
    gap = np.linalg.norm(found.points_camera[:, None] - points[None], axis=2)
    np.testing.assert_allclose(gap.min(axis=1), 0.0, atol=1e-8)
    np.testing.assert_allclose(found.normals_px, normals[gap.argmin(axis=1)], atol=1e-6)
    np.testing.assert_allclose(found.places_px, project(found.points_camera, camera), atol=1e-9)
    back = np.einsum("nji,nj->ni", posed.R[0, found.links], found.points_camera - posed.t[0, found.links])
    np.testing.assert_allclose(found.points_link, back, atol=1e-12)
    lifted = np.einsum("nij,nj->ni", posed.R[0, found.links], found.normals_link)
    np.testing.assert_allclose(lifted, np.column_stack([found.normals_px, np.zeros(len(found))]), atol=1e-12)


def test_a_reader_remembers_nothing_of_the_contours_that_it_read() -> None:
    model, camera = ContourModel.of(Library.find().get("kelly_haemostat")), CAMERAS["straight"]
    reader = ContourReader(model, camera, 80, 24.0)
    state = pose(model, (0.0, 0.0, 0.4), (0.3, 0.4, 0.5))
    for t in ((0.0, 0.0, 0.02), (5.0, 0.0, 0.4), (0.1, 0.0, 0.3)):  # partly behind the camera, beside it, elsewhere
        reader.read(pose_links(model.tree, replace(state, t=np.array([t]))))
    again = reader.read(pose_links(model.tree, state))
    fresh = outer_contour(model, state, camera, n_points=80)
    for name in ("points_link", "points_camera", "links", "places_px", "normals_px", "normals_link", "profiles"):
        np.testing.assert_array_equal(getattr(again, name), getattr(fresh, name))
