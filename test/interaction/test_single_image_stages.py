"""The stages of a single image on a simulated grasp with a hand that starts 3 cm too near, and refinement's terms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from term_scenes import CAMERA, at, open_hand, rod

from hoi_perception.hands.anatomy import angles_from_pose
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_points
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.single_image.camera_setup import SetupSettings
from hoi_perception.interaction.single_image.refinement import (
    Energies,
    HandMasks,
    LinearContactTerm,
    MaskOverlapTerm,
    RefinementSettings,
    Refiner,
)
from hoi_perception.interaction.single_image.stages import (
    HeldInstrument,
    ImageMasks,
    SingleImageFit,
    SingleImageSettings,
    refine_single_image,
)
from hoi_perception.interaction.state import SceneState
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import N_VERTICES, Side

Array = NDArray[np.float64]
TOO_NEAR_M = 0.03
QUICK = SingleImageSettings(SetupSettings(coarse_steps=12, finalists=1))


@dataclass(frozen=True)
class Case:
    """A fit with the truth and the start that it comes from."""

    truth: SceneState
    start: SceneState
    fit: SingleImageFit
    masks: ImageMasks
    held: HeldInstrument


@pytest.fixture(scope="module")
def case(hand_model: HandModel, hands: dict[Side, HandBody], posture: AnglePrior) -> Case:
    pytest.importorskip("manifold3d")
    from hoi_perception.synthesis.grasp_sampler import sample_grasps

    grasp = sample_grasps(1, seed=0, instruments=("yankauer_suction",)).grasps[0]
    model = Library.find().get(grasp.instrument)
    evidence = EvidenceMaker().evidence([grasp], model, (1,))[0]
    mesh, joints = InstrumentMesh.of(model), grasp.joint_positions
    body = mesh.vertices(grasp.R_camera_instrument, grasp.t_camera_instrument, joints)
    complete = rasterise(body, mesh.faces, grasp.camera).mask
    tool = InstrumentState(grasp.R_camera_instrument[None], grasp.t_camera_instrument[None], joints[None])
    rough = InstrumentState(evidence.R_camera_instrument[None], evidence.t_camera_instrument[None], joints[None])
    pose, wrist = grasp.hand.pose, grasp.hand.wrist_camera
    if grasp.side is Side.LEFT:
        pose, wrist = np.asarray(mirror_axis_angle(pose)), np.asarray(mirror_points(wrist))
    frames = hands[grasp.side].points.landmark_model.frames
    angles = angles_from_pose(pose[1:].reshape(45), frames).reshape(1, 45)
    turn = np.asarray(rotation_from_axis_angle(pose[:1]), dtype=np.float64)
    hand = HandState(wrist[None], turn, angles)
    off = 0.05 * np.random.default_rng(0).normal(size=(1, 45))
    near = HandState(wrist[None] * (1.0 - TOO_NEAR_M / np.linalg.norm(wrist)), turn, angles + off)
    start = SceneState.of([near], [rough])
    held = HeldInstrument(hand_model, hands[grasp.side], model, InstrumentBody.of(model), grasp.shape, posture)
    assert evidence.hand_mask is not None
    masks = ImageMasks(evidence.camera, evidence.hand_mask, evidence.instrument_mask, complete)
    fit = refine_single_image(masks, held, start, QUICK)
    return Case(SceneState.of([hand], [tool]), start, fit, masks, held)


def depth_error(state: SceneState, case: Case) -> float:
    """Distance of the wrist from where it is with respect to the instrument, m."""
    mirror = np.array([case.held.hand.sign, 1.0, 1.0])
    own, true = ((s.wrist[0, 0] * mirror - s.base[0, 0]) @ s.base_turn[0, 0] for s in (state, case.truth))
    return float(np.linalg.norm(own - true))


def test_setup_covers_the_mask_of_the_instrument(case: Case) -> None:
    assert case.fit.setup.sinkhorn < 0.001
    start, set_up = (np.linalg.norm((s.base - case.truth.base)[0, 0, :2]) for s in (case.start, case.fit.set_up))
    assert set_up < 0.5 * start
    assert case.fit.set_up.wrist == pytest.approx(case.start.wrist)


def test_alignment_brings_the_hand_to_the_instrument(case: Case) -> None:
    assert depth_error(case.fit.set_up, case) > 0.02
    assert depth_error(case.fit.aligned, case) < 0.4 * depth_error(case.fit.set_up, case)
    first = case.fit.alignments[0]
    assert first.gaps[1] < first.gaps[0]
    assert case.fit.aligned.angles == pytest.approx(case.start.angles, abs=1e-3)


def test_refinement_reduces_penetration_and_contact_distance(case: Case) -> None:
    set_up, aligned, refined = case.fit.energies
    assert refined.penetration < 0.8 * min(set_up.penetration, aligned.penetration)
    assert refined.contact < 0.5 * min(set_up.contact, aligned.contact)
    assert refined.mask < set_up.mask
    weights = RefinementSettings()
    assert refined.weighted(weights) < aligned.weighted(weights) < set_up.weighted(weights)
    assert case.fit.state.base == pytest.approx(case.fit.set_up.base, abs=1e-5)
    assert depth_error(case.fit.state, case) < 0.012


def test_each_term_does_its_part(case: Case) -> None:
    held = case.held
    refiner = Refiner(Bodies((held.hand,), (held.instrument,)), held.shape, held.posture)
    seen = HandMasks(case.masks.camera, case.masks.hand, case.masks.instrument)

    def refined(settings: RefinementSettings) -> Energies:
        state = refiner.refine(seen, case.fit.aligned, settings)
        return refiner.energies(seen, state, case.fit.aligned)

    every = refined(RefinementSettings())
    assert refined(RefinementSettings(penetration=0.0)).penetration > 1.3 * every.penetration
    assert refined(RefinementSettings(contact=0.0)).contact > 2.0 * every.contact
    assert refined(RefinementSettings(mask=0.0)).mask > every.mask
    assert refined(RefinementSettings(pose=100.0)).pose < 0.1 * every.pose


def test_without_a_hand_in_the_image_the_answer_is_finite(case: Case) -> None:
    nothing = replace(case.masks, hand=np.zeros_like(case.masks.hand))
    settings = SingleImageSettings(SetupSettings(turns=((0.0, 0.0, 0.0),), coarse_steps=2, fine_steps=2, finalists=1))
    fit = refine_single_image(nothing, case.held, case.start, settings)
    assert np.isfinite(fit.state.wrist).all() and np.isfinite(fit.state.angles).all()


def test_the_published_weights() -> None:
    assert Energies(0.1, 0.01, 0.2, 3.0).weighted(RefinementSettings()) == pytest.approx(0.5 + 0.1 + 1.0 + 0.3)


@pytest.fixture(scope="module")
def touching(hands: dict[Side, HandBody], posture: AnglePrior) -> tuple[Refiner, SceneState]:
    """An open hand with a rod through its palm's side."""
    refiner = Refiner(Bodies((hands[Side.RIGHT],), (rod(0.006),)), np.zeros(10), posture)
    state = SceneState.of([open_hand()], [at(np.zeros(3))])
    palm = refiner.geometry(state).hand_points(0)[:N_VERTICES]
    place = palm.mean(axis=0) - np.array([0.0, 0.0, 0.010])
    return refiner, replace(state, base=place[None, None])


def cost(refiner: Refiner, state: SceneState) -> float:
    refiner.engine.place(state, correct=True)
    return float(refiner.engine.evaluate().cost.sum())


def test_distances_cost_what_the_energies_say(touching: tuple[Refiner, SceneState]) -> None:
    refiner, state = touching
    settings = RefinementSettings(least_distance=1e-9, least_inside=1)
    masks = HandMasks(CAMERA, np.ones((480, 640), dtype=bool), np.zeros((480, 640), dtype=bool))
    energies = refiner.energies(masks, state, state, settings)
    assert energies.penetration > 0.0 and energies.contact > 0.0
    refiner.engine.take_rows([LinearContactTerm(settings, settings.reach[0]).rows(refiner.geometry(state))])
    linear = settings.penetration * energies.penetration + settings.contact * energies.contact
    # r^2 / (2 |r_0|) is half of |r| at r_0, and has its slope.
    assert cost(refiner, state) == pytest.approx(0.5 * linear, rel=1e-6)


def test_the_mask_costs_about_its_lack_of_overlap(touching: tuple[Refiner, SceneState]) -> None:
    refiner, state = touching
    faces = refiner.bodies.hands[0].faces
    vertices = refiner.geometry(state).hand_points(0)[:N_VERTICES]
    mask = rasterise(vertices, faces, CAMERA).mask
    masks = HandMasks(CAMERA, mask, np.zeros_like(mask))
    assert masks.lack_of_overlap(vertices, faces) == pytest.approx(0.0)
    moved = replace(state, wrist=state.wrist + np.array([0.006, 0.0, 0.0]))
    lack = masks.lack_of_overlap(refiner.geometry(moved).hand_points(0)[:N_VERTICES], faces)
    refiner.engine.take_rows([MaskOverlapTerm(masks, masks.silhouette(20.0), 1.0, 0.5).rows(refiner.geometry(moved))])
    # Half of what the contour is off, as above, and what vertices beside the mask add.
    assert 0.4 * lack < cost(refiner, moved) < lack
    assert cost(refiner, state) < 0.3 * cost(refiner, moved)
