"""How hand and object touch, penetrate and move together. Metres in; the unit of the answer ends the name.

Signed distances are those of the hand's vertices to the object's surface, negative inside: exact from
`ClosedMesh(object).signed_distance(vertices)`, or from the distance field of an instrument (`FieldQuery`), which is
within 0.07 mm. `grasp_frame.frame_metrics` takes plain meshes. Input that is not finite gives NaN.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.metrics.nearest import NearestPoints

Array = NDArray[np.floating]
MM = 1000.0
PROXIMITY_M = 0.01
CONTACT_M = 0.003
MOTION_DECAY = 100.0
"""Per metre of distance between hand and object."""


def pd_max_mm(signed: Float[Array, " v"]) -> float:
    """Deepest place of a hand vertex inside the object; 0 where none is inside. It saturates at half a tool's width."""
    _check(signed.size, "hand vertices")
    return float(np.maximum(-signed, 0.0).max() * MM)


def pd_mean_mm(signed: Float[Array, "*t v"]) -> float:
    """Depth of the hand's vertices inside the object, 0 outside, mean over all vertices and frames."""
    _check(signed.size, "hand vertices")
    return float(np.maximum(-signed, 0.0).mean() * MM)


def pd_tool_max_mm(depths: Float[Array, " s"]) -> float:
    """Deepest place of the object's samples inside the hand.

    `depths` are distances to the hand's surface, 0 outside: `hand.depth(samples_of_surface(...))`.
    """
    _check(depths.size, "samples of the object")
    return float(depths.max() * MM)


def pd_tool_mean_mm(depths: Float[Array, " s"]) -> float:
    """Mean depth of those of the object's samples that are inside the hand; 0 where none is."""
    _check(depths.size, "samples of the object")
    if np.isnan(depths).any():
        return float("nan")
    inside = depths[depths > 0.0]
    return float(inside.mean() * MM) if inside.size else 0.0


def proximity_mm(predicted: Float[Array, " v"], truth: Float[Array, " v"]) -> float:
    """Mean error of the signed distance of hand vertices to the object, over those that truly are within 10 mm of it.

    Vertices inside the object count as near. NaN where no vertex is near. Our definition: no code of the published
    column is public.
    """
    _check_pair(predicted, truth)
    near = ~(truth > PROXIMITY_M)
    return float(np.abs(predicted[near] - truth[near]).mean() * MM) if near.any() else float("nan")


def contact_f1(predicted: Float[Array, " v"], truth: Float[Array, " v"]) -> float:
    """F1 of which hand vertices touch: signed distance below 3 mm, so that vertices inside touch too.

    NaN where none touches in either.
    """
    _check_pair(predicted, truth)
    if not (np.isfinite(predicted).all() and np.isfinite(truth).all()):
        return float("nan")
    found, right = predicted < CONTACT_M, truth < CONTACT_M
    total = int(found.sum() + right.sum())
    return 2.0 * int((found & right).sum()) / total if total else float("nan")


def contact_dev_mm(
    predicted_hand: Float[Array, "v 3"],
    predicted_object: Float[Array, "p 3"],
    truth_hand: Float[Array, "v 3"],
    truth_object: Float[Array, "p 3"],
) -> float:
    """Mean distance, in the prediction, of the pairs that truly touch: each hand vertex and its nearest object point.

    Pairs are those nearer than 3 mm (strictly) in the truth; points correspond by their row. NaN where none touches.
    ARCTIC's contact deviation (Fan et al., CVPR 2023).
    """
    _check_pair(predicted_hand, truth_hand)
    _check_pair(predicted_object, truth_object)
    if not all(np.isfinite(p).all() for p in (predicted_hand, predicted_object, truth_hand, truth_object)):
        return float("nan")
    margin = CONTACT_M + 1e-6
    box = truth_hand.min(axis=0) - margin, truth_hand.max(axis=0) + margin
    near = np.flatnonzero(~((truth_object < box[0]) | (truth_object > box[1])).any(axis=1))
    if len(near) == 0:
        return float("nan")
    distance, nearest = NearestPoints(truth_object[near])(truth_hand)
    touching = distance < CONTACT_M
    pairs = predicted_hand[touching] - predicted_object[near[nearest[touching]]]
    return float(np.linalg.norm(pairs, axis=1).mean() * MM) if touching.any() else float("nan")


def ho_motion_mm2(hand: Float[Array, "t v 3"], body: Float[Array, "t p 3"]) -> float:
    """How little hand and object move as one: mean over pairs of frames of |k Δhand − Δobject|², mm².

    Δ are the movements to the next frame of the hand vertex nearest to the object and of the object's point there,
    k = exp(−100 d), d their distance in metres. The truth itself is not 0: state the excess over its figure. Rows of
    `body` correspond over the frames. NaN for a single frame.
    """
    if len(hand) != len(body):
        raise ValueError(f"hand and object need equally many frames: {len(hand)}, {len(body)}")
    squares = []
    for now, then, body_now, body_then in zip(hand[:-1], hand[1:], body[:-1], body[1:], strict=True):
        distance, nearest = NearestPoints(body_now)(now)
        i = int(np.argmin(distance))
        moved = np.exp(-MOTION_DECAY * distance[i]) * (then[i] - now[i]) - (body_then - body_now)[nearest[i]]
        squares.append(float(moved @ moved))
    return float(np.mean(squares)) * MM**2 if squares else float("nan")


def _check(count: int, what: str) -> None:
    if count == 0:
        raise ValueError(f"there are no {what}")


def _check_pair(predicted: Array, truth: Array) -> None:
    if predicted.shape != truth.shape or predicted.size == 0:
        raise ValueError(f"prediction and truth need equal shapes with points: {predicted.shape}, {truth.shape}")
