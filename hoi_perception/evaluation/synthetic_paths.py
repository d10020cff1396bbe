"""Figures of whole paths: by how much an estimate lags behind the truth, and how smooth it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.bodies import Body
from hoi_perception.evaluation.figures import lag_frames
from hoi_perception.evaluation.synthetic_truth import TrueFrame
from hoi_perception.hands.hand_model import PosedHand
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics.sequence import jitter_mm

Array = NDArray[np.float64]
Found = tuple[dict[int, PosedHand], dict[int, InstrumentState]]
"""Hands and instruments of one frame by their places in the scene."""
LEAST = 10
"""Frames in a row that a hand or an instrument has to be found for figures of its path."""


def path_figures(
    truth: Sequence[TrueFrame], found: Sequence[Found | None], bodies: Sequence[Body]
) -> list[tuple[str, dict[str, float]]]:
    """Lag (frames, positive where the estimate is late) and jitter of each hand, lag of each instrument while it is
    held, over the longest stretches in which they are found; with the name of the instrument, "none" for hands."""
    out: list[tuple[str, dict[str, float]]] = []
    for k in range(len(truth[0].hands)):
        run = longest_run([one is not None and k in one[0] for one in found])
        if len(run) >= LEAST:
            joints = np.stack([one[0][k].joints21() for one in found[run.start : run.stop] if one is not None])
            right = np.stack([frame.hands[k].joints21() for frame in truth[run.start : run.stop]])
            lag = lag_frames(joints.mean(axis=1), right.mean(axis=1))
            out.append(("none", {"lag_hand_frames": lag, "jitter_mm": jitter_mm(joints)}))
    for k in sorted({grip.instrument for frame in truth for grip in frame.grips}):
        held = [any(grip.instrument == k for grip in frame.grips) for frame in truth]
        run = longest_run([h and one is not None and k in one[1] for h, one in zip(held, found, strict=True)])
        if len(run) >= LEAST:
            own = _middles(bodies[k], [one[1][k] for one in found[run.start : run.stop] if one is not None])
            right = _middles(bodies[k], [frame.tools[k] for frame in truth[run.start : run.stop]])
            out.append((bodies[k].model.name, {"lag_instrument_frames": lag_frames(own, right)}))
    return out


def longest_run(flags: Sequence[bool]) -> range:
    """The longest stretch of frames in a row that are set, the first of several."""
    best, start = range(0), 0
    for i, flag in enumerate([*flags, False]):
        if not flag:
            best = range(start, i) if i - start > len(best) else best
            start = i + 1
    return best


def _middles(body: Body, states: Sequence[InstrumentState]) -> Float64[Array, "t 3"]:
    return np.stack([body.coarse(state).mean(axis=0) for state in states])
