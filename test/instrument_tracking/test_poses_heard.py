"""Poses of an instrument by another source, as evidence beside the image; pictures of a cup in front of a grey wall."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.config import FittingConfig
from hoi_perception.fiducials.drawing import with_marker
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instrument_perception import InstrumentPerception
from hoi_perception.instrument_telling import Told
from hoi_perception.instrument_tracking.wanted import Wanted, with_pose
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.description import Fiducial
from hoi_perception.instruments.folder import write_instrument
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Frame, Instrument, ScaleSource, Side, ToldPose, TrackState

CAMERA = camera_from_fov(320, 240, 55.0)
CUP, MARKED = "cup_16oz", "marked_scalpel"
UP = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
SURE = np.diag([1e-6] * 3 + [1e-4] * 3)


@pytest.fixture(scope="module")
def perception(tmp_path_factory: pytest.TempPathFactory) -> InstrumentPerception:
    """One that also knows a scalpel with a marker on its base link."""
    folder, model = tmp_path_factory.mktemp("library"), Library.find().get("scalpel_10")
    fiducial = Fiducial("DICT_APRILTAG_36h11", 7, 0.02, model.links[0].name)
    own = replace(model.description, name=MARKED, aliases=(), fiducials=(fiducial,))
    write_instrument(replace(model, description=own), folder / MARKED)
    right = HandModel.load(None, Side.RIGHT)
    models = {side: HandModel.load(None, side) for side in Side}
    return InstrumentPerception(dict.fromkeys(Side, right), models, FittingConfig(), [str(folder)], "no")


def place(k: float) -> NDArray[np.float64]:
    """Where the cup's foot is in frame k: it moves to the right, 4 mm a frame."""
    return np.array([-0.08 + 0.004 * k, 0.06, 0.5])


def attitude(k: float) -> NDArray[np.float64]:
    return np.asarray(rotation_from_axis_angle(np.array([0.3 + 0.01 * k, 0.0, 0.2]))) @ UP


@lru_cache(maxsize=1)
def cup() -> ContourModel:
    return ContourModel.of(Library.find().get(CUP))


def picture(k: float, covered: bool = False) -> NDArray[np.uint8]:
    """A red cup before a wall of one grey; `covered` is a grey sheet of the same colour over all of it."""
    image = np.full((240, 320, 3), 100.0)
    state = InstrumentState(attitude(k)[None], place(k)[None], np.zeros((1, 0)))
    if not covered:
        image[rasterise(cup().placed(pose_links(cup().tree, state)), cup().faces, CAMERA).mask] = (40, 30, 190)
    image += np.random.default_rng(round(k)).normal(0.0, 4.0, image.shape)
    return np.clip(image, 0.0, 255.0).astype(np.uint8)


def told(k: float, off: tuple[float, float, float] = (0.0, 0.0, 0.0), **other: object) -> ToldPose:
    values = {"track_id": 4, "covariance": SURE, "source": "the robot"} | other
    return ToldPose(R_camera_instrument=attitude(k), t_camera_instrument=place(k) + np.array(off), **values)  # type: ignore[arg-type]


def run(
    perception: InstrumentPerception,
    frames: list[tuple[NDArray[np.uint8], tuple[ToldPose, ...]]],
    begun: bool = False,
) -> list[Told]:
    wanted: tuple[Wanted, ...] = (Wanted(4, CUP),)
    if begun:
        wanted = with_pose(wanted, 4, InstrumentState(attitude(0)[None], place(0)[None], np.zeros((1, 0))))
    out = []
    for k, (image, poses) in enumerate(frames):
        wanted, found = perception.step(Frame(image, CAMERA, k * 33_333_333, poses=poses), (), wanted)
        out.append(found)
    return out


def only(found: Told) -> Instrument:
    (instrument,) = found.instruments
    return instrument


def errors(found: list[Told]) -> NDArray[np.float64]:
    """Distances from the truth, m."""
    return np.array([np.linalg.norm(only(one).t_camera_instrument - place(k)) for k, one in enumerate(found)])


def states(found: list[Told]) -> list[TrackState]:
    return [only(one).state for one in found]


BEGUN = [TrackState.INITIALISING] * 3


@pytest.fixture(scope="module")
def with_image(perception: InstrumentPerception) -> list[Told]:
    """A lost cup that the robot tells; pictures show it, are covered in frames 4 to 6, show it again."""
    return run(perception, [(picture(k, 4 <= k < 7), (told(k),)) for k in range(9)])


def test_what_is_told_begins_what_is_lost_and_carries_it_through_what_hides_it(with_image: list[Told]) -> None:
    hidden = [TrackState.OCCLUDED] * 3
    assert states(with_image) == [*BEGUN, TrackState.TRACKED, *hidden, *[TrackState.TRACKED] * 2]
    assert errors(with_image).max() < 0.0005
    for k, one in enumerate(with_image):
        turn = axis_angle_from_rotation(only(one).R_camera_instrument @ attitude(k).T)
        assert np.degrees(np.linalg.norm(turn)) < 0.5, "the image tells nothing of the turn about the cup's axis"
    assert all(one.notes == () for one in with_image)


def test_alone_it_is_as_sure_as_its_source_and_with_the_image_surer(with_image: list[Told]) -> None:
    np.testing.assert_allclose(only(with_image[5]).covariance, SURE, rtol=1e-3, atol=1e-9)
    gain = SURE - only(with_image[3]).covariance
    assert np.linalg.eigvalsh(gain).min() > -1e-9 and gain[0, 0] > 0.2 * SURE[0, 0]


def test_scale_is_that_of_the_instrument_and_the_score_says_who_spoke(with_image: list[Told]) -> None:
    assert {only(one).scale_source for one in with_image} == {ScaleSource.INSTRUMENT}
    assert only(with_image[5]).score == 0.5 and only(with_image[3]).score > 0.9


def test_an_image_that_hid_it_from_the_start_is_believed_once_it_shows_it(perception: InstrumentPerception) -> None:
    found = run(perception, [(picture(k, k < 4), (told(k),)) for k in range(6)])
    assert states(found) == [*BEGUN, TrackState.OCCLUDED, *[TrackState.TRACKED] * 2]


def test_a_marker_in_the_image_is_no_occlusion(perception: InstrumentPerception) -> None:
    found = run(perception, [(picture(k, True), (told(k, in_image=True),)) for k in range(4)])
    assert states(found) == [*BEGUN, TrackState.TRACKED] and only(found[3]).score == 0.9


@pytest.mark.parametrize("off", [0.012, 0.04])
def test_what_contradicts_a_clear_image_is_left_out_until_it_agrees_again(
    off: float, perception: InstrumentPerception
) -> None:
    wrong = (off, 0.0, 0.0)
    frames = [(picture(k), (told(k, wrong if 2 <= k < 5 else (0.0, 0.0, 0.0)),)) for k in range(6)]
    found = run(perception, frames)
    assert [len(one.notes) for one in found] == [0, 0, 1, 1, 1, 0]
    assert f"instrument 4 (cup_16oz) by the robot left out: it is {1e3 * off:.0f} mm" in found[3].notes[0]
    assert errors(found).max() < 0.003


def test_what_was_contradicted_is_not_believed_as_soon_as_the_image_is_hidden(perception: InstrumentPerception) -> None:
    frames = [(picture(k, k > 4), (told(k, (0.04, 0.0, 0.0) if k > 2 else (0.0, 0.0, 0.0)),)) for k in range(7)]
    found = run(perception, frames)
    assert states(found)[5:] == [TrackState.PREDICTED] * 2 and all(one.notes for one in found[3:])
    assert errors(found).max() < 0.01


def test_little_that_is_told_of_depth_leaves_the_image_its_say(perception: InstrumentPerception) -> None:
    """A source 25 mm off along the view, and honest about it."""
    rough = np.diag([1e-4, 1e-4, 9e-4, 0.01, 0.01, 0.01])
    found = run(perception, [(picture(k), (told(k, (0.0, 0.0, 0.025), covariance=rough),)) for k in range(4)])
    assert all(one.notes == () for one in found) and errors(found)[-1] < 0.01


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"track_id": 9}, "no instrument has this number, there are 4"),
        ({"covariance": np.full((6, 6), np.nan)}, "not finite"),
        ({"covariance": -SURE}, "negative variance"),
        ({"joint_positions": np.zeros(2)}, "2 joint angles, the instrument 0"),
    ],
)
def test_poses_that_cannot_be_used_are_noted(
    bad: dict[str, object], why: str, perception: InstrumentPerception
) -> None:
    (found,) = run(perception, [(picture(0, True), (told(0, **bad),))])
    assert found.instruments == () and why in found.notes[0] and "by the robot left out" in found.notes[0]


def test_a_pose_behind_the_camera_is_noted_with_what_is_wrong(perception: InstrumentPerception) -> None:
    (found,) = run(perception, [(picture(0), (told(0, (0.0, 0.0, -1.0)),))])
    assert found.instruments == () and "0.500 m behind the camera" in found.notes[0]


def test_of_two_that_contradict_each_other_the_one_in_the_image_counts(perception: InstrumentPerception) -> None:
    poses = (told(0, (0.05, 0.0, 0.0)), told(0, source="marker 3", in_image=True, covariance=4.0 * SURE))
    (found,) = run(perception, [(picture(0, True), poses)])
    assert errors([found]).max() < 1e-6 and "it contradicts that by marker 3" in found.notes[0]


def test_an_instrument_with_a_marker_is_found_and_followed_by_it(perception: InstrumentPerception) -> None:
    """A scalpel of which nothing but the marker on it is to be seen, 2 mm farther to the right in each frame."""
    camera = camera_from_fov(640, 480, 45.0, assumed=False)
    R = np.asarray(rotation_from_axis_angle(np.array([0.6, 0.3, 0.2]))) @ np.diag([1.0, -1.0, -1.0])
    wanted: tuple[Wanted, ...] = (Wanted(4, MARKED),)
    seen = []
    for k in range(6):
        t = np.array([0.03 + 0.002 * k, -0.02, 0.25])
        image = np.full((480, 640, 3), 110, dtype=np.uint8)
        image = with_marker(image, camera, ("DICT_APRILTAG_36h11", 7, 0.02), R, t) if k < 5 else image
        wanted, found = perception.step(Frame(image, camera, k * 33_333_333), (), wanted)
        tool = only(found)
        seen.append(tool.state)
        assert np.linalg.norm(tool.t_camera_instrument - t) < (0.001 if k < 5 else 0.003)
    assert seen == [*BEGUN, *[TrackState.TRACKED] * 2, TrackState.PREDICTED] and found.notes == ()
