"""Errors of instruments' poses whose answers are known, symmetries included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from hoi_perception.instruments.description import Symmetry
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, named_frames, pose_frames, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.metrics import instrument
from hoi_perception.metrics.instrument import instrument_errors, nearest_equivalent, rot_deg

QUARTERS = tuple(Symmetry("body", axis, 4) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
ROUND = Symmetry("body", (1.0, 0.0, 0.0))


def turn(axis: str, degrees: float) -> np.ndarray:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def state(R: np.ndarray, t: tuple[float, float, float], *angles: float) -> InstrumentState:
    return InstrumentState(R[None], np.array([t]), np.array([angles]).reshape(1, -1))


@pytest.mark.parametrize("degrees", [0.0, 0.001, 30.0, 179.9, 180.0])
def test_angle_between_rotations(degrees: float) -> None:
    R = Rotation.random(random_state=0).as_matrix()
    assert rot_deg(R @ turn("y", degrees), R) == pytest.approx(degrees, abs=1e-6)


def test_turns_of_a_cube_are_no_error() -> None:
    """All 24 turns of a cube are the same; 50 degrees about an axis are 40 from the next."""
    R = Rotation.random(random_state=1).as_matrix()
    for turned in Rotation.create_group("O").as_matrix():
        assert rot_deg(R @ turned, R, QUARTERS) == pytest.approx(0.0, abs=1e-5)
    assert rot_deg(R @ turn("z", 50.0), R, QUARTERS) == pytest.approx(40.0)
    assert rot_deg(R @ turn("z", 50.0), R) == pytest.approx(50.0)


def test_a_round_body_may_turn_by_any_angle() -> None:
    """Only the tilt of the axis counts: tilted by 10 degrees, after any turn before and behind it."""
    R = Rotation.random(random_state=2).as_matrix()
    for first, last in ((0.0, 0.0), (33.0, 121.0), (180.0, -77.0)):
        assert rot_deg(R @ turn("x", first) @ turn("y", 10.0) @ turn("x", last), R, [ROUND]) == pytest.approx(10.0)
    half = Symmetry("body", (0.0, 1.0, 0.0), 2)  # with its two ends alike
    assert rot_deg(R @ turn("y", 170.0), R, [ROUND]) == pytest.approx(170.0)
    assert rot_deg(R @ turn("y", 170.0), R, [ROUND, half]) == pytest.approx(10.0)
    ball = Symmetry("body", (0.0, 1.0, 0.0))
    assert rot_deg(R @ turn("y", 170.0), R, [ROUND, ball]) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_turn_by_a_general_search(seed: int) -> None:
    predicted, truth = Rotation.random(2, random_state=seed)
    axis = np.random.default_rng(seed).normal(size=3)
    axis /= np.linalg.norm(axis)

    def off(angle: float) -> float:
        return float((predicted.inv() * truth * Rotation.from_rotvec(angle * axis)).magnitude())

    grid = np.linspace(-np.pi, np.pi, 73)
    start = grid[np.argmin([off(a) for a in grid])]
    best = minimize_scalar(off, bounds=(start - 0.1, start + 0.1), method="bounded", options={"xatol": 1e-10}).fun
    found = rot_deg(predicted.as_matrix(), truth.as_matrix(), [Symmetry("body", tuple(axis))])
    assert found == pytest.approx(np.degrees(best), abs=1e-4)


def test_an_axis_beside_the_origin_takes_the_origin_along() -> None:
    """A half turn about the line x = 10 mm, y = 0 along z puts the origin at x = 20 mm."""
    half = Symmetry("body", (0.0, 0.0, 1.0), 2, (0.01, 0.0, 0.0))
    R, t = nearest_equivalent(turn("z", 170.0), np.eye(3), np.array([0.0, 0.0, 0.5]), [half])
    np.testing.assert_allclose(R, turn("z", 180.0), atol=1e-12)
    np.testing.assert_allclose(t, [0.02, 0.0, 0.5], atol=1e-12)
    spin = Symmetry("body", (0.0, 0.0, 1.0), 0, (0.01, 0.0, 0.0))
    R, t = nearest_equivalent(turn("z", 90.0), np.eye(3), np.zeros(3), [spin])
    np.testing.assert_allclose(t, [0.01, -0.01, 0.0], atol=1e-12)


def test_symmetries_that_fit_no_body_are_refused() -> None:
    odd = Symmetry("body", (0.0, 0.1, 1.0), 5)
    with pytest.raises(ValueError, match="no finite group"):
        rot_deg(np.eye(3), np.eye(3), [*QUARTERS, odd])


def test_errors_of_scissors_with_two_tips() -> None:
    """Moved by (3, 4, 0) mm: every tip is off by 5 mm. Opened by 6 degrees of the joint more: nothing else but tips."""
    scissors = Library.find().get("iris_scissors")
    R, opened = Rotation.random(random_state=4).as_matrix(), np.radians(10.0)
    truth = state(R, (0.1, 0.0, 0.5), opened)
    shifted = instrument_errors(scissors, state(R, (0.103, 0.004, 0.5), opened), truth)
    assert (shifted.trans_mm, shifted.tip_mm) == (pytest.approx(5.0), pytest.approx(5.0))
    assert shifted.rot_deg == pytest.approx(0.0, abs=1e-6) and shifted.artic_deg == pytest.approx(0.0)
    wider = state(R, (0.1, 0.0, 0.5), opened + np.radians(6.0))
    errors = instrument_errors(scissors, wider, truth)
    assert errors.artic_deg == pytest.approx(6.0)
    assert errors.rot_deg == pytest.approx(0.0, abs=1e-6) and errors.trans_mm == 0.0
    tree, tips = joint_tree(scissors), named_frames(scissors)
    one, two = (pose_frames(pose_links(tree, s), tips)[1][0] for s in (wider, truth))
    reach = np.linalg.norm(two - truth.t, axis=1)  # from the pivot, which is the base's origin
    chord = 2.0 * np.sin(np.radians(3.0)) * reach
    assert errors.tip_mm == pytest.approx(1000.0 * chord.mean(), rel=0.02)
    assert errors.tip_mm == pytest.approx(1000.0 * np.linalg.norm(one - two, axis=1).mean())


def test_a_half_turned_syringe_is_the_same() -> None:
    """Its barrel is declared to look the same after half a turn about its axis; a mug's is not."""
    syringe, mug = Library.find().get("syringe"), Library.find().get("mug")
    R = Rotation.random(random_state=5).as_matrix()
    joints = len(syringe.joint_names)
    truth = state(R, (0.0, 0.0, 0.4), *[0.0] * joints)
    errors = instrument_errors(syringe, state(R @ turn("x", 180.0), (0.0, 0.0, 0.4), *[0.0] * joints), truth)
    assert errors.rot_deg == pytest.approx(0.0, abs=1e-5) and errors.trans_mm == pytest.approx(0.0, abs=1e-9)
    assert errors.tip_mm == pytest.approx(0.0, abs=1e-6)
    turned = instrument_errors(mug, state(R @ turn("x", 180.0), (0.0, 0.0, 0.4)), state(R, (0.0, 0.0, 0.4)))
    assert turned.rot_deg == pytest.approx(180.0)


def test_what_an_instrument_does_not_have_is_nan() -> None:
    cube = Library.find().get("cube")
    errors = instrument_errors(cube, state(turn("x", 90.0), (0.0, 0.0, 0.5)), state(np.eye(3), (0.0, 0.0, 0.5)))
    assert errors.rot_deg == pytest.approx(0.0, abs=1e-5)
    assert np.isnan(errors.tip_mm) and np.isnan(errors.artic_deg)


def test_angles_count_without_whole_turns() -> None:
    assert instrument.artic_deg(np.radians([175.0, 10.0]), np.radians([-175.0, 30.0])) == pytest.approx(15.0)
    with pytest.raises(ValueError, match="one state at a time"):
        two = InstrumentState(np.stack([np.eye(3)] * 2), np.zeros((2, 3)), np.zeros((2, 0)))
        instrument_errors(Library.find().get("cube"), two, two)
