"""What rows are told of the truth: rough poses of the instruments, and for the oracle the hands' landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.evaluation.rough_poses import NOISE, RoughPath, rng_of
from hoi_perception.evaluation.synthetic_clip import Clip
from hoi_perception.evaluation.synthetic_sight import Sight
from hoi_perception.evaluation.synthetic_truth import TrueFrame, state_of
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.right_form import fit_parameters
from hoi_perception.instrument_tracking.hand_view import HandView, landmark_term
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.interaction.hand_fitter import HandFitter
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker, EvidenceNoise
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ, GraspTruth
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.scene import Scene
from hoi_perception.types import HandLandmarks, Side

Array = NDArray[np.float64]


def rough_poses(clip: Clip, noise: EvidenceNoise = NOISE) -> list[tuple[InstrumentState, ...]]:
    """Every instrument in every frame with the errors of `EvidenceNoise`, by the clip's name and nothing else.

    The turn is about the middle of the instrument's box.
    """
    rng, count = rng_of(clip.name), len(clip.moments)
    series = []
    for k, name in enumerate(clip.instruments):
        path = RoughPath(InstrumentMesh.of(metalware(name).model), rng, FRAME_RATE_HZ, noise, count)
        series.append([path.next(state_of(moment.scene.instruments[k])) for moment in clip.moments])
    return [tuple(one[i] for one in series) for i in range(count)]


class Oracle:
    """Fits hands to their true landmarks, with their true shapes, frame after frame."""

    def __init__(self) -> None:
        self._models = {side: HandModel.load(None, side) for side in Side}
        right = self._models[Side.RIGHT]
        self._fitter = HandFitter(dict.fromkeys(Side, right), FittingConfig())
        self._maker = EvidenceMaker()

    def sights(self, clip: Clip, frames: Sequence[TrueFrame], sights: Sequence[Sight]) -> list[Sight]:
        """The same sights with the oracle's hands, those that have to be found, in place of the networks'."""
        before: dict[int, HandState] = {}
        out = []
        for moment, truth, sight in zip(clip.moments, frames, sights, strict=True):
            wanted = [k for k, there in enumerate(truth.wanted) if there]
            before = {k: state for k, state in before.items() if k in wanted}
            out.append(replace(sight, hands=tuple(self._hand(moment.scene, k, before) for k in wanted)))
        return out

    def _hand(self, scene: Scene, k: int, before: dict[int, HandState]) -> HandView:
        """The hand with that place; its state is put into `before`."""
        hand, camera = scene.hands[k], scene.camera
        truth = GraspTruth("", hand.side, hand.parameters, np.eye(3), np.zeros(3), np.zeros(0), camera)
        right = float(hand.side is Side.RIGHT)
        marks = HandLandmarks(self._maker.landmarks(truth), np.full(21, np.nan), 1.0, right)
        problem = self._fitter.problem(
            self._fitter.observe([marks], [hand.side], camera), [hand.side], hand.parameters.shape[None]
        )
        last = before.get(k)
        state = (self._fitter.start(problem) if last is None else self._fitter.follow(problem, last)).state
        before[k] = state
        found = fit_parameters(self._fitter.frames(hand.side), hand.side, state, hand.parameters.shape)
        term = landmark_term(marks, camera, FittingConfig())
        vertices = np.asarray(self._models[hand.side].posed(found).vertices, dtype=np.float64)
        return HandView(hand.side, k, found, term, marks.points_px, vertices)
