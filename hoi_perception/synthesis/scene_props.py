"""Instruments of synthetic scenes that no hand holds. Poses are in the table's frame (right, ahead, up; metres)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.synthesis.metalware import metalware
from hoi_perception.synthesis.scene import Pose, SceneInstrument

LYING = (
    "adson_forceps",
    "allis_clamp",
    "debakey_forceps",
    "iris_scissors",
    "kelly_haemostat",
    "mayo_hegar_needle_holder",
    "mayo_scissors",
    "metzenbaum_scissors",
    "mosquito_haemostat",
    "scalpel_10",
    "senn_retractor",
)
REACHING = ("debakey_forceps", "laparoscopic_grasper", "large_needle_driver", "metzenbaum_scissors", "micro_tweezers")


def lying_about(rng: np.random.Generator) -> list[SceneInstrument]:
    """None to three instruments that lie on the table."""
    count = int(rng.choice([0, 1, 2, 3], p=[0.45, 0.25, 0.2, 0.1]))
    out = []
    for _ in range(count):
        name = LYING[int(rng.integers(len(LYING)))]
        ware = metalware(name)
        joints = np.clip(np.zeros(len(ware.tree.lower)), ware.tree.lower, ware.tree.upper)
        turn = _about_up(float(rng.uniform(0.0, 2.0 * np.pi)))
        place = np.array([*rng.uniform(-0.28, 0.28, 2), 0.0])
        vertices, _ = ware.posed(SceneInstrument(name, Pose(turn, place), joints))
        place[2] = 0.001 - vertices[:, 2].min()
        out.append(SceneInstrument(name, Pose(turn, place), joints))
    return out


def reaching(rng: np.random.Generator, count: int) -> list[SceneInstrument]:
    """Instruments whose tips meet near the table's middle, as an endoscope sees them."""
    out = []
    for k in range(count):
        name = REACHING[int(rng.integers(len(REACHING)))]
        ware = metalware(name)
        tree = ware.tree
        joints = np.clip(rng.uniform(0.0, 0.4, len(tree.lower)), tree.lower, tree.upper)
        azimuth = rng.uniform(0.0, np.pi) + np.pi * k
        descent = rng.uniform(0.3, 0.9)
        ahead = np.array([np.cos(azimuth) * np.cos(descent), np.sin(azimuth) * np.cos(descent), -np.sin(descent)])
        out_of = np.cross(ahead, rng.standard_normal(3))
        out_of /= np.linalg.norm(out_of)
        R = np.stack([ahead, np.cross(out_of, ahead), out_of], axis=1)
        tip = ware.model.description.tips[0]
        reach = max(float(tip.pose.t[0]), 0.0)
        end = np.array([*rng.normal(0.0, 0.012, 2), rng.uniform(0.004, 0.02)]) - 0.012 * ahead
        out.append(SceneInstrument(name, Pose(R, end - R @ np.array([reach, 0.0, 0.0])), joints))
    return out


def _about_up(angle: float) -> Float64[NDArray[np.float64], "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
