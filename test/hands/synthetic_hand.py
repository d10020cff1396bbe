"""A hand file with MANO's arrays and none of its data: random numbers around a stick hand, the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.joints import FINGERS, PARENTS
from hoi_perception.hands.mano_file import N_FACES
from hoi_perception.types import N_JOINTS, N_VERTICES


def stick_joints() -> NDArray[np.float64]:
    """(16, 3) joints of a stick hand in MANO's frame: fingers along -x, thumb side +z. Round numbers, metres."""
    joints = np.zeros((N_JOINTS, 3))
    joints[0] = (0.09, 0.0, 0.0)
    knuckle_z = {"index": 0.03, "middle": 0.01, "ring": -0.01, "pinky": -0.03, "thumb": 0.05}
    for i, finger in enumerate(FINGERS):
        for k in range(3):
            joints[3 * i + 1 + k] = (0.0 - 0.03 * k, 0.0, knuckle_z[finger])
    return joints


def synthetic_arrays(seed: int = 7) -> dict[str, NDArray[Any]]:
    """MANO's arrays. `RandomState` because its stream is frozen for all versions of NumPy."""
    rng = np.random.RandomState(seed)
    joints = stick_joints()
    owner = np.arange(N_VERTICES) % N_JOINTS
    v_template = joints[owner] + 0.01 * rng.uniform(-1, 1, (N_VERTICES, 3))
    weights = 0.1 * rng.uniform(0, 1, (N_VERTICES, N_JOINTS)) ** 8
    weights[np.arange(N_VERTICES), owner] += 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    regressor = np.where(owner == np.arange(N_JOINTS)[:, None], rng.uniform(0.5, 1.5, (N_JOINTS, N_VERTICES)), 0.0)
    regressor /= regressor.sum(axis=1, keepdims=True)
    centred = v_template - v_template.mean(axis=0)
    shapedirs = 1e-3 * rng.uniform(-1, 1, (N_VERTICES, 3, 10))
    shapedirs[:, :, 0] = 0.03 * centred + 0.1 * shapedirs[:, :, 0]
    first = rng.randint(0, N_VERTICES, N_FACES)
    return {
        "v_template": v_template,
        "shapedirs": shapedirs,
        "posedirs": 1e-3 * rng.uniform(-1, 1, (N_VERTICES, 3, 135)),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.stack([PARENTS, np.arange(N_JOINTS)]).astype(np.int64),
        "f": (np.stack([first, first + 1, first + 2], axis=1) % N_VERTICES).astype(np.uint32),
        "hands_components": np.linalg.qr(rng.uniform(-1, 1, (45, 45)))[0],
        "hands_mean": 0.2 * rng.uniform(-1, 1, 45),
    }


def synthetic_left_arrays(seed: int = 8) -> dict[str, NDArray[Any]]:
    """Arrays of a left hand that is not the mirrored right one of `synthetic_arrays`, correct in sign."""
    arrays = synthetic_arrays(seed)
    arrays["v_template"] = arrays["v_template"] * np.array([-1.0, 1.0, 1.0])
    arrays["shapedirs"] = arrays["shapedirs"] * np.array([-1.0, 1.0, 1.0])[:, None]
    return arrays
