"""Cases in which hands are compared with smplx, and how smplx is asked for them.

Run as a script, with the extra [conformance] installed, it writes `golden_smplx.npz`: what smplx computes in float64,
kept so that everyday tests need neither smplx nor torch.
"""

from __future__ import annotations

import pickle
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from synthetic_hand import synthetic_arrays, synthetic_left_arrays

from hoi_perception.hands.hand_model import HandModel, PosedHand
from hoi_perception.hands.mano_file import hand_file_from_arrays
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

GOLDEN = Path(__file__).with_name("golden_smplx.npz")


@dataclass(frozen=True)
class Case:
    """One hand in smplx's terms. `components` 0: axis-angle in full; `matrices`: the class that takes rotations."""

    side: Side
    flat_hand_mean: bool
    components: int
    matrices: bool = False

    @property
    def name(self) -> str:
        mean = "flat" if self.flat_hand_mean else "mean"
        pose = "matrices" if self.matrices else f"pca{self.components}" if self.components else "full"
        return f"{self.side.label}_{mean}_{pose}"


CASES = [Case(side, flat, n) for side in Side for flat in (True, False) for n in (0, 6, 44, 45)]
CASES += [Case(side, flat, 0, matrices=True) for side in Side for flat in (True, False)]


def arrays_of(side: Side) -> dict[str, NDArray[Any]]:
    return synthetic_arrays() if side is Side.RIGHT else synthetic_left_arrays()


def parameters(case: Case) -> dict[str, NDArray[np.float64]]:
    """Shape, global rotation, hand pose or coefficients, translation: an arbitrary hand per case."""
    rng = np.random.RandomState(CASES.index(case))
    return {
        "betas": rng.uniform(-2, 2, 10),
        "global_orient": rng.uniform(-2, 2, 3),
        "hand_pose": rng.uniform(-0.6, 0.6, case.components or 45),
        "transl": rng.uniform(-0.5, 0.5, 3),
    }


def ours(case: Case) -> PosedHand:
    """The case through this package's own conventions."""
    model = HandModel.from_file(hand_file_from_arrays(arrays_of(case.side), case.name), case.side)
    p = parameters(case)
    shaped = model.with_shape(p["betas"])
    if 0 < case.components < 45:  # with all 45, smplx takes the numbers as axis-angle
        hand = model.articulation_from_components(p["hand_pose"], add_mean=not case.flat_hand_mean)
        return shaped.with_pose(np.vstack([p["global_orient"], hand]), p["transl"])
    pose = np.vstack([p["global_orient"], p["hand_pose"].reshape(15, 3)])
    if case.matrices:  # smplx's layer adds no mean whatever flat_hand_mean says
        return shaped.with_rotations(rotation_from_axis_angle(pose), p["transl"])
    return shaped.with_pose(pose if case.flat_hand_mean else model.flat_pose_from_mean_relative(pose), p["transl"])


def smplx_answer(case: Case, folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(778, 3) vertices and (16, 3) joints that smplx gives in float64."""
    import smplx
    import torch

    path = folder / f"MANO_{case.side.name}.pkl"
    path.write_bytes(pickle.dumps(arrays_of(case.side)))
    p = {name: torch.as_tensor(value)[None] for name, value in parameters(case).items()}
    options = {"is_rhand": case.side is Side.RIGHT, "flat_hand_mean": case.flat_hand_mean, "dtype": torch.float64}
    if case.matrices:
        layer = smplx.MANOLayer(str(path), use_pca=False, **options)
        for name in ("global_orient", "hand_pose"):
            p[name] = torch.as_tensor(rotation_from_axis_angle(p[name].numpy().reshape(1, -1, 3)))
    else:
        layer = smplx.MANO(str(path), use_pca=case.components > 0, num_pca_comps=case.components or 6, **options)
    out = layer(**p)
    return out.vertices[0].detach().numpy(), out.joints[0].detach().numpy()


def write_golden() -> None:
    golden: dict[str, NDArray[Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            vertices, joints = smplx_answer(case, Path(folder))
            golden[f"{case.name}_vertices"] = vertices.astype(np.float32)  # rounds by at most 3e-8 m
            golden[f"{case.name}_joints"] = joints
    np.savez_compressed(GOLDEN, **golden)


if __name__ == "__main__":
    write_golden()
