"""A hand and an instrument solved together from rough evidence, and followed."""

from __future__ import annotations

import numpy as np
import pytest

from hoi_perception.evaluation.figures import Judge
from hoi_perception.evaluation.ours import Ours, sight
from hoi_perception.evaluation.start import Start
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.grasp import GraspSettings
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.grasp_sampler import sample_grasps
from hoi_perception.synthesis.grasp_sequences import sample_sequences

SCALPEL, SCISSORS = "scalpel_10", "metzenbaum_scissors"


@pytest.fixture(scope="module")
def ours():
    return Ours()


@pytest.fixture(scope="module")
def trials(ours):
    """Truth, evidence, unrefined and refined estimate of a few grasps."""
    library, maker, start = Library.find(), EvidenceMaker(), Start()
    out = []
    for number, truth in enumerate(sample_grasps(4, 11, instruments=(SCALPEL, SCISSORS)).grasps):
        model = library.get(truth.instrument)
        evidence = maker.evidence([truth], model, (11, number))[0]
        judge = Judge.of(model, truth.side)
        rough, fine = start.refine_grasp(evidence), ours.refine_grasp(evidence)
        out.append((evidence, judge.frame_figures(rough, truth), judge.frame_figures(fine, truth)))
    return out


def mean(trials, column, key):
    return float(np.mean([trial[column][key] for trial in trials]))


@pytest.mark.parametrize(
    ("key", "left"), [("pd_tool_max_mm", 0.5), ("proximity_mm", 0.6), ("tip_mm", 0.8), ("trans_mm", 0.8)]
)
def test_a_rough_start_becomes_a_grasp(trials, key, left) -> None:
    assert mean(trials, 1, key) > 1.0, "the start is not rough: the test says nothing"
    assert mean(trials, 2, key) < left * mean(trials, 1, key)


def test_hands_do_not_get_worse(trials) -> None:
    assert mean(trials, 2, "mpjpe_mm") < 1.1 * mean(trials, 1, "mpjpe_mm")


def test_equal_evidence_gives_equal_answers(ours, trials) -> None:
    evidence = trials[0][0]
    first, again = ours.refine_grasp(evidence), Ours().refine_grasp(evidence)
    np.testing.assert_array_equal(first.hand.pose, again.hand.pose)
    np.testing.assert_array_equal(first.t_camera_instrument, again.t_camera_instrument)


def test_the_answer_says_how_it_came_about(ours, trials) -> None:
    evidence = trials[0][0]
    fit = ours.first(ours.solver(evidence), evidence)
    assert fit.solution.finite.all() and np.isfinite(fit.solution.matrix).all()
    assert {"landmarks", "outline"} <= set(fit.solution.terms[0])
    assert len(fit.touching.points) > 0


def test_a_grasp_is_followed_as_one_body() -> None:
    sequence = sample_sequences(1, 8, 3, instruments=(SCISSORS,))[0]
    library, maker, ours = Library.find(), EvidenceMaker(), Ours()
    evidence = maker.evidence(sequence.frames, library.get(sequence.instrument), (3, 1))
    judge = Judge.of(library.get(sequence.instrument), sequence.side)
    start = judge.sequence_figures([Start().refine_grasp(e) for e in evidence], sequence.frames)
    own = judge.sequence_figures(ours.refine_sequence(evidence), sequence.frames)
    assert own["ho_motion_mm2"] < 0.1 * start["ho_motion_mm2"]


def test_a_frame_without_evidence_of_the_instrument_follows_the_hand(ours, trials) -> None:
    evidence = trials[0][0]
    solver = ours.solver(evidence)
    fit = ours.first(solver, evidence)
    seen = sight(evidence)
    blind = type(seen)(seen.landmarks, None, None)
    after = solver.follow(blind, fit)
    assert np.linalg.norm(after.state.base - fit.state.base) < 0.005


def test_without_alignment_and_upsampling_it_still_solves(trials) -> None:
    evidence = trials[0][0]
    estimate = Ours(settings=GraspSettings(upsampled=False, align=None)).refine_grasp(evidence)
    assert np.isfinite(estimate.hand.pose).all()
