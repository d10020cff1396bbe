"""Skinning weights: how much each of the 16 bones carries a vertex."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGER_JOINTS
from hoi_perception.hands.open_hand_model.flesh import Tube, smoothstep
from hoi_perception.hands.open_hand_model.masses import Hand
from hoi_perception.hands.open_hand_model.remesh import neighbours
from hoi_perception.hands.open_hand_model.surface import PALM, Surface

Array = NDArray[np.float64]
Weights = Float[Array, "778 16"]

_BEND_MM = {"finger": (15.0, 9.5, 7.5), "thumb": (26.0, 12.0, 9.5)}
"""Half-lengths of the stretch over which a bend is spread at the three joints, on the pad's side."""
_BACK_SHARE = 0.72
"""The same on the back, where the skin lies close over the knuckle, as a share of that on the pad's side."""


def skin(surface: Surface, hand: Hand) -> Weights:
    """Weights of the 16 bones: at most four a vertex, none of another finger on a digit, each row summing to one."""
    tubes = dict(zip(("index", "middle", "ring", "pinky"), hand.fingers, strict=True)) | {"thumb": hand.thumb}
    weights = np.zeros((len(surface.vertices), 16))
    for name, tube in tubes.items():
        own = surface.digit == name
        weights[own] += _along_digit(name, tube, surface.vertices[own])
    palm = surface.digit == PALM
    weights[palm] = _on_palm(tubes, surface.vertices[palm])
    weights = _smoothed(weights, surface, palm)
    return _four_largest(weights)


def _along_digit(name: str, tube: Tube, points: Float[Array, "n 3"]) -> Float[Array, "n 16"]:
    """Weights by the place along a digit."""
    local = tube.local(points)
    along = local[:, 2]
    narrow = _narrowing(local)
    starts = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(tube.axis, axis=0), axis=1))])
    half = _BEND_MM["thumb" if name == "thumb" else "finger"]
    passed = [smoothstep(0.5 + 0.5 * (along - starts[i]) / (half[i] * narrow)) for i in range(3)]
    weights = np.zeros((len(points), 16))
    one, two, three = FINGER_JOINTS[name]
    weights[:, 0] = 1.0 - passed[0]
    weights[:, one] = passed[0] * (1.0 - passed[1])
    weights[:, two] = passed[0] * passed[1] * (1.0 - passed[2])
    weights[:, three] = passed[0] * passed[1] * passed[2]
    return weights


def _narrowing(local: Float[Array, "n 3"]) -> Float[Array, "n"]:
    """Factor on a bend's half-length, from one on the pad to `_BACK_SHARE` on the back."""
    return np.asarray(1.0 - (1.0 - _BACK_SHARE) * smoothstep(0.5 + local[:, 1] / 12.0))


def _on_palm(tubes: dict[str, Tube], points: Float[Array, "n 3"]) -> Float[Array, "n 16"]:
    """The palm's own bone, giving way to the first bones toward the knuckles and over the thumb's ball."""
    weights = np.zeros((len(points), 16))
    for name, tube in tubes.items():
        first = FINGER_JOINTS[name][0]
        local = tube.local(points)
        if name == "thumb":
            reach = np.linalg.norm(local[:, :2], axis=1)
            near = 1.0 - smoothstep((reach - 12.0) / 24.0)
            weights[:, first] = smoothstep((local[:, 2] + 4.0) / 30.0) * near
        else:
            half = _BEND_MM["finger"][0] * _narrowing(local)
            near = 1.0 - smoothstep((np.abs(local[:, 0]) - 5.0) / 12.0)
            weights[:, first] = smoothstep(0.5 + 0.5 * local[:, 2] / half) * near
    total = weights.sum(axis=1)
    weights /= np.maximum(total, 1.0)[:, None]
    weights[:, 0] = 1.0 - weights.sum(axis=1)
    return weights


def _smoothed(weights: Float[Array, "n 16"], surface: Surface, palm: NDArray[np.bool_], rounds: int = 5) -> Weights:
    """Palm weights averaged over neighbours a few times."""
    around = neighbours(surface.faces)
    rows = np.flatnonzero(palm)
    for _ in range(rounds):
        mean = np.stack([weights[sorted(around[int(v)])].mean(axis=0) for v in rows])
        weights[rows] = 0.5 * weights[rows] + 0.5 * mean
    return weights


def _four_largest(weights: Float[Array, "n 16"]) -> Weights:
    """Largest four of each row above one per mille, normalised."""
    kept = np.where(weights >= np.sort(weights, axis=1)[:, -4:-3], weights, 0.0)
    kept[kept < 1e-3] = 0.0
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))
