"""Soft silhouettes against finite differences, and instruments found again from their own silhouettes."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from hoi_perception.instruments.folder import read_instrument
from hoi_perception.instruments.library import SHIPPED
from hoi_perception.interaction.single_image import camera_setup
from hoi_perception.interaction.single_image.camera_setup import SetupSettings, set_up_camera
from hoi_perception.interaction.single_image.silhouette import (
    MeshPose,
    RigidMesh,
    View,
    image_jacobian,
    render,
    soft_iou,
)
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion

Array = NDArray[np.float64]
CAMERA = Camera(np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]]), 640, 480)
LENS = Camera(CAMERA.K, 640, 480, D=np.array([-0.25, 0.08, 0.0, 0.0, 0.0]), distortion=Distortion.PLUMB_BOB)


def instrument(name: str) -> RigidMesh:
    mesh = InstrumentMesh.of(read_instrument(SHIPPED / name, {}))
    angles = 0.5 * mesh.joint_limits.sum(axis=1)
    return RigidMesh(mesh.vertices(np.eye(3), np.zeros(3), angles), mesh.faces)


def centred(mesh: RigidMesh, turn: Array, place: Array) -> MeshPose:
    R = np.asarray(rotation_from_axis_angle(turn), dtype=np.float64)
    return MeshPose(R, place - R @ mesh.middle)


def silhouette(mesh: RigidMesh, pose: MeshPose, camera: Camera = CAMERA) -> NDArray[np.bool_]:
    return rasterise(pose.place(mesh.vertices), mesh.faces, camera).mask


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def block(size: tuple[float, float, float] = (0.08, 0.05, 0.02)) -> RigidMesh:
    mesh = trimesh.creation.box(size)
    return RigidMesh(np.asarray(mesh.vertices), np.asarray(mesh.faces))


def test_pixels_move_as_the_derivative_says() -> None:
    mesh = block()
    R = np.asarray(rotation_from_axis_angle(np.array([0.3, -0.2, 0.5])), dtype=np.float64)
    pose = MeshPose(R, np.array([0.02, 0.01, 0.5]), 1.1)
    pivot = np.array([0.01, 0.0, 0.005])
    J = image_jacobian(mesh.vertices, pose, pivot, 600.0)
    for i in range(7):
        step = np.zeros(7)
        step[i] = 1e-6
        seen = [pose.moved(s * step, pivot).place(mesh.vertices) for s in (1.0, -1.0)]
        slope = 600.0 * (seen[0][:, :2] / seen[0][:, 2:] - seen[1][:, :2] / seen[1][:, 2:]) / 2e-6
        assert J[:, :, i] == pytest.approx(slope, abs=1e-4)


def test_a_square_that_covers_half_of_its_mask_has_an_iou_of_one_third() -> None:
    mesh = block((0.1, 0.1, 0.001))
    pose = MeshPose(np.eye(3), np.array([0.0, 0.0, 0.6]))
    mask = silhouette(mesh, MeshPose(np.eye(3), np.array([0.05, 0.0, 0.6])))
    view = View.of(mask, CAMERA, np.array([[-0.1, -0.1], [0.15, 0.1]]), 200)
    seen = render(mesh, pose, view)
    assert seen is not None
    assert soft_iou(seen.coverage, view)[0] == pytest.approx(1.0 / 3.0, abs=0.015)


def test_soft_overlap_changes_as_its_derivative_says() -> None:
    mesh = block()
    pose = centred(mesh, np.array([0.4, 0.3, 0.2]), np.array([0.006, 0.004, 0.5]))
    mask = silhouette(mesh, centred(mesh, np.array([0.4, 0.3, 0.0]), np.array([0.0, 0.0, 0.5])))
    placed = pose.place(mesh.vertices)
    view = View.of(mask, CAMERA, placed[:, :2] / placed[:, 2:], 320)
    problem = camera_setup._Problem(mesh, view, SetupSettings())

    def lack(step: Array) -> float:
        return problem.linearise(pose.moved(step, mesh.middle)).setup.lack_of_overlap

    seen = render(mesh, pose, view)
    assert seen is not None
    gradient = problem._overlap(seen, pose)[1]
    for i, size in enumerate([0.002, 0.002, 0.01, 0.05, 0.05, 0.03]):
        step = np.zeros(7)
        step[i] = size
        change = lack(step) - lack(-step)
        assert 2.0 * size * gradient[i] == pytest.approx(change, abs=0.005 + 0.1 * abs(change))


OFF = np.array([0.04, -0.035, 0.028, *(np.radians(20.0) * np.array([0.5, -0.5, np.sqrt(0.5)])), 0.0])


@pytest.mark.parametrize(("name", "camera"), [("mayo_scissors", CAMERA), ("army_navy_retractor", LENS)])
def test_an_instrument_is_found_from_its_own_silhouette(name: str, camera: Camera) -> None:
    mesh = instrument(name)
    truth = centred(mesh, np.array([1.2, 0.4, 0.3]), np.array([0.01, -0.02, 0.45]))
    mask = silhouette(mesh, truth, camera)
    assert np.linalg.norm(OFF[:3]) == pytest.approx(0.06, abs=0.001)
    start = truth.moved(OFF, mesh.middle)
    assert iou(silhouette(mesh, start, camera), mask) < 0.05
    found = set_up_camera(mesh, mask, camera, start)
    assert iou(silhouette(mesh, found.pose, camera), mask) > 0.9
    assert off_px(mesh, found.pose, truth) < 2.0
    assert found.sinkhorn < 0.001


def off_px(mesh: RigidMesh, one: MeshPose, other: MeshPose) -> float:
    a, b = (p.place(mesh.middle[None])[0] for p in (one, other))
    return float(600.0 * np.linalg.norm(a[:2] / a[2] - b[:2] / b[2]))


def test_what_is_hidden_counts_for_nothing() -> None:
    mesh = block((0.12, 0.03, 0.02))
    truth = centred(mesh, np.array([0.2, 0.3, 0.4]), np.array([0.0, 0.0, 0.45]))
    start = truth.moved(np.array([0.006, 0.008, 0.0, 0.0, 0.0, 0.1, 0.0]), mesh.middle)
    complete = silhouette(mesh, truth)
    hidden = np.zeros_like(complete)
    hidden[:, 320:] = True
    told = set_up_camera(mesh, complete & ~hidden, CAMERA, start, hidden, SetupSettings(turns=((0.0, 0.0, 0.0),)))
    assert iou(silhouette(mesh, told.pose) & ~hidden, complete & ~hidden) > 0.95
    untold = set_up_camera(mesh, complete & ~hidden, CAMERA, start, None, SetupSettings(turns=((0.0, 0.0, 0.0),)))
    assert iou(silhouette(mesh, told.pose), complete) > iou(silhouette(mesh, untold.pose), complete) + 0.2


def test_size_is_found_where_it_is_free() -> None:
    mesh = block((0.12, 0.03, 0.02))
    truth = centred(mesh, np.array([0.2, 0.3, 0.4]), np.array([0.0, 0.0, 0.45]))
    larger = truth.moved(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.log(1.3)]), mesh.middle)
    mask = silhouette(mesh, larger)
    still = SetupSettings(turns=((0.0, 0.0, 0.0),), scale_free=True)
    found = set_up_camera(mesh, mask, CAMERA, truth, settings=still)
    # Size over depth is what a mask tells.
    assert found.pose.scale / found.pose.place(mesh.middle[None])[0, 2] == pytest.approx(1.3 / 0.45, rel=0.02)
    assert found.pose.scale > 1.02


def test_what_cannot_be_set_up_is_refused() -> None:
    mesh, pose = block(), MeshPose(np.eye(3), np.array([0.0, 0.0, 0.5]))
    mask = silhouette(mesh, pose)
    with pytest.raises(ValueError, match="mask is empty"):
        set_up_camera(mesh, np.zeros_like(mask), CAMERA, pose)
    with pytest.raises(ValueError, match="behind the camera"):
        set_up_camera(mesh, mask, CAMERA, MeshPose(np.eye(3), np.array([0.0, 0.0, -0.5])))
    with pytest.raises(ValueError, match="not finite"):
        set_up_camera(mesh, mask, CAMERA, MeshPose(np.eye(3), np.full(3, np.nan)))
    with pytest.raises(ValueError, match="hidden"):
        set_up_camera(mesh, mask, CAMERA, pose, np.ones_like(mask))
