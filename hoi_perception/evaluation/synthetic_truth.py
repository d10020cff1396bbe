"""The truth of a clip, posed once for all rows, and which found hand is which true one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.evaluation.bodies import Bodies
from hoi_perception.evaluation.hand_errors import share_inside
from hoi_perception.evaluation.synthetic_clip import Clip, Grip
from hoi_perception.evaluation.synthetic_follow import Estimate, FoundHand
from hoi_perception.hands.hand_model import PosedHand
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics.detection import Box, iou
from hoi_perception.synthesis.scene import SceneInstrument
from hoi_perception.types import Camera, Side

Array = NDArray[np.float64]
IN_PICTURE = 0.6
"""Share of a hand's joints that has to be in the picture for it to have to be found."""
MATCH_IOU = 0.5


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A frame's truth. `wanted` hands have to be found; `visible` is each hand's share of joints that are seen."""

    hands: tuple[PosedHand, ...]
    sides: tuple[Side, ...]
    wanted: tuple[bool, ...]
    boxes: tuple[Box, ...]
    tools: tuple[InstrumentState, ...]
    visible: Float64[Array, " n"]
    grips: tuple[Grip, ...]
    camera: Camera

    def matched(self, hands: Sequence[FoundHand], bodies: Bodies) -> dict[int, PosedHand]:
        """Found hands by the place of the true one: same side, boxes round the joints at IoU >= 0.5, best first."""
        posed = [bodies.hand(hand.side, hand.parameters) for hand in hands]
        pairs = []
        for j, hand in enumerate(posed):
            box = box_of(np.asarray(project(hand.joints21(), self.camera), dtype=np.float64))
            for k, side in enumerate(self.sides):
                overlap = iou(box, self.boxes[k]) if side is hands[j].side else 0.0
                if overlap >= MATCH_IOU:
                    pairs.append((-overlap, k, j))
        found: dict[int, int] = {}
        for _, k, j in sorted(pairs):
            if k not in found and j not in found.values():
                found[k] = j
        return {k: posed[j] for k, j in found.items()}


def true_frames(clip: Clip, visible: Sequence[Float64[Array, " n"]], bodies: Bodies) -> list[TrueFrame]:
    """The truth of every frame of a clip."""
    out = []
    for moment, seen in zip(clip.moments, visible, strict=True):
        scene, camera = moment.scene, moment.scene.camera
        hands = tuple(bodies.hand(h.side, h.parameters) for h in scene.hands)
        pixels = [np.asarray(project(hand.joints21(), camera), dtype=np.float64) for hand in hands]
        wanted = tuple(share_inside(px, camera) >= IN_PICTURE for px in pixels)
        tools = tuple(state_of(tool) for tool in scene.instruments)
        sides, boxes = tuple(h.side for h in scene.hands), tuple(box_of(px) for px in pixels)
        out.append(TrueFrame(hands, sides, wanted, boxes, tools, seen, moment.grips, camera))
    return out


def true_answers(clip: Clip) -> list[Estimate]:
    """The truth as a row's answers."""
    return [
        Estimate(
            tuple(FoundHand(h.side, k, h.parameters) for k, h in enumerate(moment.scene.hands)),
            {k: state_of(tool) for k, tool in enumerate(moment.scene.instruments)},
        )
        for moment in clip.moments
    ]


def state_of(tool: SceneInstrument) -> InstrumentState:
    """An instrument's true state."""
    return InstrumentState(tool.pose.R[None], tool.pose.t[None], tool.joint_positions[None])


def box_of(px: Float64[Array, "n 2"]) -> Box:
    """Tight box of the points in front of the camera; an empty one where none is."""
    seen = px[np.isfinite(px).all(axis=1)]
    if len(seen) == 0:
        return 0.0, 0.0, 0.0, 0.0
    (x0, y0), (x1, y1) = seen.min(axis=0), seen.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
