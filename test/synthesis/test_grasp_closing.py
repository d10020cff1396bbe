"""Closing: fingers end at an instrument's surface, outside it, on opposed sides; the checks see what is bad."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("manifold3d")

from hoi_perception.hands.grasps import grasp_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.intersection import iv_exact_cm3
from hoi_perception.synthesis.finger_room import FingerSpheres
from hoi_perception.synthesis.grasp_checks import fingers_overlap, opposed, winding_numbers
from hoi_perception.synthesis.grasp_closing import ClosedGrasp
from hoi_perception.synthesis.grasp_maker import MAX_INTERSECTION_CM3, GraspMaker
from hoi_perception.synthesis.grasp_sampler import sample_grasps
from hoi_perception.synthesis.grasp_starts import Start, UsualGrasp
from hoi_perception.synthesis.grasp_truth import MadeBy
from hoi_perception.synthesis.hand_lookup import TOUCH_M
from hoi_perception.synthesis.hand_samples import SampledHand, sample_hand
from hoi_perception.types import Side


@pytest.fixture(scope="module")
def hand() -> SampledHand:
    return sample_hand(HandModel.load(None, Side.RIGHT))


@pytest.mark.parametrize("side", list(Side))
def test_samples_lie_on_the_mesh(hand: SampledHand, side: Side) -> None:
    angles = grasp_angles()["tripod"][None]
    vertices = hand.vertices(angles, side)[0]
    model = HandModel.load(None, side)
    surface = ClosedMesh.of_hand(vertices, model.faces)
    for part in hand.parts:
        points = hand.pose(part, angles, side)[0].astype(np.float64)
        assert np.abs(surface.signed_distance(points)).max() < 1e-5
        outward = points + 0.0005 * hand.normals(part, angles[0], side)
        assert (surface.signed_distance(outward) > 0.0).mean() > 0.97


def test_spheres_tell_crossed_fingers(hand: SampledHand) -> None:
    spheres = FingerSpheres.of(hand)
    crossed = np.zeros((15, 3))
    crossed[0, 1], crossed[3, 1] = np.radians(-20.0), np.radians(20.0)  # index away from the thumb, middle toward it
    apart = np.zeros((15, 3))
    assert spheres.overlap(apart[None])[0] < 0.0
    assert spheres.overlap(crossed[None])[0] > 0.004
    faces, owner = hand.model.faces, hand.model.skin_weights.argmax(axis=1)
    assert fingers_overlap(hand.vertices(crossed[None], Side.RIGHT)[0], faces, owner)
    assert not fingers_overlap(hand.vertices(apart[None], Side.RIGHT)[0], faces, owner)


def test_winding_numbers_of_a_tetrahedron() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    inside, outside = np.array([0.1, 0.2, 0.1]), np.array([1.0, 1.0, 1.0])
    assert winding_numbers(np.stack([inside, outside]), vertices, faces) == pytest.approx([1.0, 0.0], abs=1e-6)


def test_opposed_needs_two_bones_on_two_sides() -> None:
    up, down = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])
    assert opposed(np.stack([up, down]), np.array([3, 15]))
    assert not opposed(np.stack([up, down]), np.array([3, 3]))
    assert not opposed(np.stack([up, up]), np.array([3, 15]))
    assert not opposed(np.zeros((0, 3)), np.zeros(0, dtype=int))


@pytest.mark.parametrize("name", ["cube", "syringe"])
def test_closed_hands_touch_and_do_not_intersect(name: str) -> None:
    """By a second way: exact distances of the final mesh, no field and no samples."""
    maker = GraspMaker(Library.find().get(name))
    found = [maker.attempt(np.random.default_rng(seed)) for seed in range(4)]
    grasps = [grasp for grasp in found if grasp is not None]
    assert len(grasps) >= 2
    for grasp in grasps:
        faces = maker.hands[grasp.side].faces
        held = grasp.closed.held
        body = ClosedMesh(grasp.body_vertices, maker.mesh.faces)
        around = ClosedMesh.of_hand(grasp.hand_vertices, faces)
        assert iv_exact_cm3(around, body) < MAX_INTERSECTION_CM3
        touching = []
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            points = maker.samples.with_shape(grasp.shape).pose(finger, grasp.closed.angles[None], grasp.side)[0]
            nearest = float(body.signed_distance(points.astype(np.float64)).min())
            assert nearest > -0.0002
            touching += [finger] if nearest < TOUCH_M else []
        assert len(touching) >= 2
        assert np.isfinite(held.R).all()


def test_sampling_is_by_seed_and_covers_instruments_and_processes() -> None:
    names = ("cube", "syringe")
    one = sample_grasps(4, seed=3, instruments=names)
    two = sample_grasps(4, seed=3, instruments=names, jobs=2)
    other = sample_grasps(1, seed=4, instruments=names)
    assert [grasp.instrument for grasp in one.grasps] == ["cube", "syringe", "cube", "syringe"]
    for a, b in zip(one.grasps, two.grasps, strict=True):
        assert np.array_equal(a.hand.pose, b.hand.pose)
        assert np.array_equal(a.t_camera_instrument, b.t_camera_instrument)
    assert not np.array_equal(one.grasps[0].hand.pose, other.grasps[0].hand.pose)
    for grasp in one.grasps:
        assert np.abs(grasp.shape).max() <= 2.0
        assert 0.30 < grasp.hand.wrist_camera[2] < 0.90


class Loose:
    """A placer that closes as the other way does, for the seam."""

    def __init__(self, maker: GraspMaker) -> None:
        self._maker = maker

    def place(
        self, hand: SampledHand, side: Side, start: Start, usual: UsualGrasp, rng: np.random.Generator
    ) -> ClosedGrasp | None:
        return self._maker.closer.close(hand, side, start.angles, start.held, usual.fingers, usual.palm, rng)


def loose(model: InstrumentModel) -> Loose:
    return Loose(GraspMaker(model))


def test_a_placer_makes_two_grasps_of_three() -> None:
    sampled = sample_grasps(6, seed=0, instruments=("cube", "syringe"), placer=loose)
    made = [grasp.made_by for grasp in sampled.grasps]
    assert made.count(MadeBy.SOLVER) == 4
    assert {grasp.instrument for grasp in sampled.grasps if grasp.made_by is MadeBy.CLOSING} == {"cube", "syringe"}


def test_an_instrument_that_no_hand_holds_is_named() -> None:
    with pytest.raises(InstrumentError, match="large_needle_driver has no usual grasp"):
        sample_grasps(1, instruments=("large_needle_driver",))
