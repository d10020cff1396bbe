"""Bad input to a solve: it ends, says what is wrong, and gives finite figures wherever its start was finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plain_bodies
import pytest
from numpy.typing import NDArray

from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.field_lookup import InstrumentFields
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry
from hoi_perception.interaction.grasp import GraspFit, GraspSight, GraspSolver
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.solver import solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.landmarks import LandmarkTerm
from hoi_perception.interaction.terms.penetration import PenetrationTerm
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Side

Array = NDArray[np.float64]
CAMERA = Camera(np.array([[500.0, 0.0, 319.5], [0.0, 500.0, 239.5], [0.0, 0.0, 1.0]]), 640, 480)
HAND = HandState(
    np.array([[0.0, 0.0, 0.5]]),
    rotation_from_axis_angle(np.array([[-1.5, 0.0, 0.0]])),
    grasp_angles()["palmar"].reshape(1, 45),
)
IN_PALM = np.array([-0.09, 0.0, 0.53])


class Grasping:
    """A hand that holds, or should hold, a cylinder, seen without error."""

    def __init__(self, body: HandBody, posture: AnglePrior, shape: str = "cylinder") -> None:
        self.solver = GraspSolver(body, plain_bodies.body(shape), np.zeros(10), posture)
        engine = Engine(self.solver.bodies, [np.zeros(10)])
        engine.place(SceneState.of([HAND], [at(IN_PALM)]), correct=True)
        x = engine.hand_points()[0, 0, body.points.first_landmark :]
        self.seen = LandmarkTerm(0, x[:, :2] / x[:, 2:], np.full(21, 250.0))

    def fit(
        self,
        place: Array = IN_PALM,
        hand: HandState = HAND,
        seen: LandmarkTerm | None = None,
        contour: MaskContour | None = None,
    ) -> tuple[GraspFit, GraspFit]:
        """The first frame and the one after it, which sees the same."""
        sight = GraspSight(seen or self.seen, contour, at(place))
        first = self.solver.start(sight, hand)
        return first, self.solver.follow(sight, first)


def at(place: Array) -> InstrumentState:
    return InstrumentState(np.eye(3)[None], place[None].copy(), np.zeros((1, 0)))


def is_finite(fit: GraspFit) -> bool:
    solution = fit.solution
    return all(np.isfinite(values).all() for values in (*vars(fit.state).values(), solution.cost, solution.matrix))


@pytest.fixture(scope="module")
def grasping(hands: dict[Side, HandBody], posture: AnglePrior) -> Grasping:
    return Grasping(hands[Side.RIGHT], posture)


def test_good_input(grasping: Grasping) -> None:
    """What the rest of this file spoils: a grasp that touches, told as finite and in front."""
    for fit in grasping.fit():
        assert is_finite(fit)
        assert fit.solution.finite[0]
        assert fit.in_front
        assert len(fit.touching.points) > 0
        assert fit.solution.terms[0]["landmarks"] < 20.0


def test_landmarks_that_are_not_finite_are_left_out(grasping: Grasping) -> None:
    points = grasping.seen.points.copy()
    points[3], points[7, 0], points[12, 1] = np.nan, np.inf, -np.inf
    clean, _ = grasping.fit(seen=replace(grasping.seen, weight=np.where(np.isfinite(points).all(axis=1), 250.0, 0.0)))
    for fit in grasping.fit(seen=replace(grasping.seen, points=points)):
        assert is_finite(fit)
        assert fit.solution.finite[0]
    spoilt, _ = grasping.fit(seen=replace(grasping.seen, points=points))
    np.testing.assert_array_equal(spoilt.state.angles, clean.state.angles)


def test_no_landmark_at_all(grasping: Grasping) -> None:
    for fit in grasping.fit(seen=replace(grasping.seen, points=np.full((21, 2), np.nan))):
        assert is_finite(fit)
        assert fit.solution.finite[0]
        assert fit.solution.terms[0].get("landmarks", 0.0) == 0.0


@pytest.mark.parametrize("mask", [np.zeros((480, 640), dtype=bool), np.ones((480, 640), dtype=bool)])
def test_an_empty_or_full_mask_says_nothing(grasping: Grasping, mask: NDArray[np.bool_]) -> None:
    without, _ = grasping.fit()
    for fit in grasping.fit(contour=MaskContour.of(mask, CAMERA)):
        assert is_finite(fit)
        assert "outline" not in fit.solution.terms[0]
    spoilt, _ = grasping.fit(contour=MaskContour.of(mask, CAMERA))
    np.testing.assert_array_equal(spoilt.state.base, without.state.base)


def test_an_instrument_behind_the_camera_is_told(grasping: Grasping) -> None:
    contour = MaskContour.of(np.hypot(*np.mgrid[-240:240, -320:320]) < 30.0, CAMERA)
    for fit in grasping.fit(place=np.array([-0.09, 0.0, -0.5]), contour=contour):
        assert is_finite(fit)
        assert not fit.in_front
        assert len(fit.touching.points) == 0


def test_a_hand_behind_the_camera_is_told(grasping: Grasping) -> None:
    behind = replace(HAND, wrist=np.array([[0.0, 0.0, -0.5]]))
    for fit in grasping.fit(hand=behind):
        assert not fit.in_front
        assert not fit.solution.finite[0]
        assert not fit.solution.converged[0]
        assert np.isfinite(fit.state.wrist).all()


@pytest.mark.parametrize("broken", ["hand", "instrument"])
def test_a_start_that_is_not_finite_is_told(grasping: Grasping, broken: str) -> None:
    nowhere = np.array([np.nan, 0.0, 0.5])
    hand = replace(HAND, wrist=nowhere[None]) if broken == "hand" else HAND
    for fit in grasping.fit(place=nowhere if broken == "instrument" else IN_PALM, hand=hand):
        assert not fit.solution.finite[0]
        assert not fit.solution.converged[0]


def test_a_hand_deep_inside_the_instrument_gets_out_or_says_so(
    hands: dict[Side, HandBody], posture: AnglePrior
) -> None:
    """A cylinder as thick as a forearm is long: every point of the hand is inside."""
    grasping = Grasping(hands[Side.RIGHT], posture, "thick cylinder")
    engine = Engine(grasping.solver.bodies, [np.zeros(10)])
    start = SceneState.of([HAND], [at(np.array([-0.07, 0.0, 0.5]))])
    engine.place(start, correct=True)
    n = grasping.solver.bodies.hands[0].points.n_surface
    points = engine.hand_points()[:, 0, :n].copy()
    assert (engine.distances(0, points)[0] < 0.0).mean() > 0.95
    for fit in grasping.fit(place=np.array([-0.07, 0.0, 0.5])):
        assert is_finite(fit)
        assert fit.solution.finite[0]
        engine.place(fit.state, correct=True)
        points = engine.hand_points()[:, 0, :n].copy()
        deepest = -float(engine.distances(0, points)[0].min())
        assert deepest < 0.003 or fit.solution.terms[0]["penetration"] > 1.0


class Torn:
    """A point of a sphere is to be at two places at once."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        p = Points.of_instrument(0, np.zeros(2, dtype=int), np.zeros((2, 3)))
        q = Points(np.full(2, -1), np.zeros(2, dtype=int), np.array([[-0.01, 0.0, 0.5], [0.03, 0.0, 0.5]]))
        axes = [np.tile(axis, (2, 1)) for axis in np.eye(3)]
        return [RowBlock("torn", Kind.PLANE, p, np.full(2, 100.0), axis, q=q) for axis in axes]


def test_contacts_that_contradict_each_other_meet_halfway(posture: AnglePrior) -> None:
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    start = SceneState.of([], [at(np.array([0.2, 0.1, 0.4]))])
    priors = Priors(posture, start, np.r_[np.zeros(3), np.ones(3)][None])
    found = solve(Engine(bodies, []), [[Torn()]], priors, start, (10, 10))
    np.testing.assert_allclose(found.state.base[0, 0], [0.01, 0.0, 0.5], rtol=0, atol=1e-6)
    # Both are off by 20 mm, that is two standard deviations.
    assert found.cost[0] == pytest.approx(8.0, rel=1e-6)
    assert found.converged[0]


class Overflowing:
    """More rows than there is room for."""

    def rows(self, geometry: Geometry) -> list[RowBlock]:
        p = Points.of_instrument(0, np.zeros(11, dtype=int), np.zeros((11, 3)))
        q = Points(np.full(11, -1), np.zeros(11, dtype=int), np.zeros((11, 3)))
        return [RowBlock("many", Kind.PLANE, p, np.ones(11), np.tile(np.eye(3)[0], (11, 1)), q=q)]


def test_too_many_rows_are_refused_with_the_numbers(posture: AnglePrior) -> None:
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    start = SceneState.of([], [at(np.array([0.0, 0.0, 0.5]))])
    with pytest.raises(ValueError, match="11 residuals, but room for 10"):
        solve(Engine(bodies, [], 1, 10), [[Overflowing()]], Priors(posture, start, np.zeros((1, 6))), start, (1,))


def test_fields_of_another_instrument_are_refused(library_body: Callable[[str], InstrumentBody]) -> None:
    sphere, scissors = plain_bodies.model("sphere"), library_body("metzenbaum_scissors").fields
    with pytest.raises(ValueError, match=r"3 links and 1 joint angles do not fit 'sphere' with 1 and 0"):
        InstrumentBody.of(sphere, scissors)
    with pytest.raises(ValueError, match=r"field of link 'base' lies round another shape"):
        InstrumentBody.of(sphere, plain_bodies.body("thick cylinder").fields)
    with pytest.raises(ValueError, match=r"field of link 'base' is missing"):
        InstrumentBody.of(sphere, InstrumentFields(joint_tree(sphere), (None,)))
    assert InstrumentBody.of(sphere, plain_bodies.body("sphere").fields).name == "sphere"


def test_one_singular_matrix_stops_no_other_problem(posture: AnglePrior) -> None:
    """Nothing is said about the first problem: its matrix is zero. The second is solved as ever."""
    bodies = Bodies((), (plain_bodies.body("sphere"),))
    start = SceneState.of([], [at(np.array([0.2, 0.1, 0.4]))]).take(np.zeros(2, dtype=np.intp))
    priors = Priors(posture, start, np.array([np.zeros(6), [0, 0, 0, 1, 1, 1]]))
    found = solve(Engine(bodies, [], 2), [[], [Torn()]], priors, start, (10, 10))
    np.testing.assert_array_equal(found.state.base[0], start.base[0])
    np.testing.assert_allclose(found.state.base[1, 0], [0.01, 0.0, 0.5], rtol=0, atol=1e-6)
    assert found.finite.all()


def test_penetration_alone_pushes_apart_and_stays_finite(hands: dict[Side, HandBody], posture: AnglePrior) -> None:
    """The middle of a sphere has no way out: its slope is that of the nearest cell, whatever that is."""
    bodies = Bodies((hands[Side.LEFT],), (plain_bodies.body("sphere"),))
    mirrored = replace(HAND, wrist=HAND.wrist * np.array([-1.0, 1.0, 1.0]))
    start = SceneState.of([mirrored], [at(np.array([0.09, 0.0, 0.5]))])
    engine = Engine(bodies, [np.zeros(10)])
    priors = Priors(posture, start, np.r_[np.full(51, 10.0), np.full(6, 1.0)][None])
    found = solve(engine, [[PenetrationTerm(0, 0)]], priors, start, (5, 5))
    assert np.isfinite(found.cost).all()
    assert all(np.isfinite(values).all() for values in vars(found.state).values())
    assert found.finite[0]
