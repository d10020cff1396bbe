"""Instruments told by their markers, in drawn pictures."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.fiducials.detection import MarkerFinder
from hoi_perception.fiducials.drawing import with_marker
from hoi_perception.fiducials.reader import Bearer, FiducialReader, Marked
from hoi_perception.instruments.description import Fiducial, Pose
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle

Array = NDArray[np.float64]
CAMERA = camera_from_fov(640, 480, 45.0, assumed=False)
TAG, SIZE = "DICT_APRILTAG_36h11", 0.02
MOUNT = Pose((-0.06, 0.01, 0.004), (0.3, -0.2, 0.5))
WHERE = np.array([0.03, -0.02, 0.25])


def with_fiducials(name: str, *fiducials: Fiducial) -> InstrumentModel:
    """An instrument of the library with markers; those on no link are on its base link."""
    model = Library.find().get(name)
    fiducials = tuple(replace(f, link=f.link or model.links[0].name) for f in fiducials)
    return replace(model, description=replace(model.description, fiducials=fiducials))


@lru_cache(maxsize=1)
def scalpel() -> InstrumentModel:
    return with_fiducials("scalpel_10", Fiducial(TAG, 7, SIZE, "", MOUNT))


@lru_cache(maxsize=1)
def haemostat() -> InstrumentModel:
    """Its marker is on a link that moves."""
    model = Library.find().get("mosquito_haemostat")
    moving = next(joint.child for joint in model.joints if joint.name == "jaw")
    return with_fiducials("mosquito_haemostat", Fiducial("DICT_4X4_50", 3, SIZE, moving, Pose((-0.03, 0.0, 0.002))))


def bearer(track_id: int, model: InstrumentModel) -> Bearer:
    return Bearer.of(track_id, model, joint_tree(model))


def base_of(model: InstrumentModel, angles: Array, R_marker: Array, t_marker: Array) -> tuple[Array, Array]:
    """Where the base link is if the instrument's marker is at a pose."""
    (fiducial,) = model.description.fiducials
    links = pose_links(joint_tree(model), InstrumentState(np.eye(3)[None], np.zeros((1, 3)), angles[None]))
    k = model.link_names.index(fiducial.link)
    R = links.R[0, k] @ fiducial.pose.R
    t = links.t[0, k] + links.R[0, k] @ fiducial.pose.t
    return R_marker @ R.T, t_marker - R_marker @ R.T @ t


def tilted() -> Array:
    facing = np.diag([1.0, -1.0, -1.0])
    return np.asarray(rotation_from_axis_angle(np.array([0.6, 0.3, 0.2])), dtype=np.float64) @ facing


def picture(*markers: tuple[str, int, float], t: Array = WHERE) -> NDArray[np.uint8]:
    """Markers in a row, 8 cm apart."""
    image = np.full((480, 640, 3), 110, dtype=np.uint8)
    for k, marker in enumerate(markers):
        image = with_marker(image, CAMERA, marker, tilted(), t - np.array([0.08 * k, 0.0, 0.0]))
    return image


def is_nothing(found: Marked) -> bool:
    return found.poses == () and found.notes == ()


def test_a_marker_tells_where_its_instrument_is() -> None:
    found = FiducialReader().read(picture((TAG, 7, SIZE)), CAMERA, [bearer(4, scalpel())])
    (pose,) = found.poses
    R, t = base_of(scalpel(), np.zeros(0), tilted(), WHERE)
    assert (pose.track_id, pose.source, pose.in_image) == (4, "marker 7 of DICT_APRILTAG_36h11", True)
    assert np.linalg.norm(pose.t_camera_instrument - t) < 0.0015
    assert np.degrees(np.linalg.norm(axis_angle_from_rotation(pose.R_camera_instrument @ R.T))) < 1.0
    off = np.concatenate([t - pose.t_camera_instrument, axis_angle_from_rotation(R @ pose.R_camera_instrument.T)])
    assert off @ np.linalg.solve(pose.covariance, off) < 18.5
    assert found.notes == ()


def test_on_a_moving_link_it_tells_as_much_as_is_known_of_the_joint() -> None:
    open_by = np.array([0.2])
    image = picture(("DICT_4X4_50", 3, SIZE))
    R, t = base_of(haemostat(), open_by, tilted(), WHERE)
    unknown = bearer(1, haemostat())
    sizes = []
    for one in (unknown, unknown.following(open_by, np.array([1e-4]))):
        (pose,) = FiducialReader().read(image, CAMERA, [one]).poses
        off = np.concatenate([t - pose.t_camera_instrument, axis_angle_from_rotation(R @ pose.R_camera_instrument.T)])
        sizes.append(float(np.linalg.norm(off[:3])))
        assert off @ np.linalg.solve(pose.covariance, off) < 18.5
    assert sizes[1] < 0.001 and np.degrees(np.linalg.norm(off[3:])) < 1.0


def test_an_assumed_focal_length_leaves_the_distance_open() -> None:
    guessed = replace(CAMERA, assumed="55 deg assumed")
    image = picture((TAG, 7, SIZE))
    known, unknown = (FiducialReader().read(image, c, [bearer(4, scalpel())]).poses[0] for c in (CAMERA, guessed))
    assert np.sqrt(known.covariance[2, 2]) < 0.003 and 0.02 < np.sqrt(unknown.covariance[2, 2]) < 0.03


def test_without_declarations_no_image_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MarkerFinder, "found", lambda *_: pytest.fail("looked"))
    plain = bearer(1, Library.find().get("scalpel_10"))
    assert is_nothing(FiducialReader().read(picture((TAG, 7, SIZE)), CAMERA, [plain]))


@pytest.mark.parametrize(
    ("models", "markers", "note"),
    [
        ((1, 1), 1, "marker 7 of DICT_APRILTAG_36h11 left out: the instruments 1 (scalpel_10) and 2 (scalpel_10) have"),
        ((1,), 2, "marker 7 of DICT_APRILTAG_36h11 of instrument 1 (scalpel_10) left out: it is seen 2 times"),
        ((1, 1), 0, ""),
    ],
)
def test_what_does_not_tell_which_it_is_is_left_out(models: tuple[int, ...], markers: int, note: str) -> None:
    bearers = [bearer(k + 1, scalpel()) for k in range(len(models))]
    found = FiducialReader().read(picture(*[(TAG, 7, SIZE)] * markers), CAMERA, bearers)
    assert found.poses == () and [n[: len(note)] for n in found.notes] == ([note] if note else [])


def test_dictionaries_of_one_family_are_read_once() -> None:
    """Number 3 of 4X4_50 is number 3 of 4X4_100 too."""
    other = with_fiducials("scalpel_11", Fiducial("DICT_4X4_100", 60, SIZE, ""))
    image = picture(("DICT_4X4_50", 3, SIZE), ("DICT_4X4_100", 60, SIZE))
    found = FiducialReader().read(image, CAMERA, [bearer(1, haemostat()), bearer(2, other)])
    assert sorted(pose.track_id for pose in found.poses) == [1, 2] and found.notes == ()


def test_other_markers_are_nobodys() -> None:
    assert is_nothing(FiducialReader().read(picture((TAG, 8, SIZE)), CAMERA, [bearer(4, scalpel())]))
