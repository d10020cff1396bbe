"""Agreement with smplx to a micrometre: live where smplx is installed, with its stored answers everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from smplx_cases import CASES, GOLDEN, Case, arrays_of, ours, parameters, smplx_answer

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.mano_file import hand_file_from_arrays
from hoi_perception.hands.mirroring import mirror_axis_angle, mirror_hand_file, mirror_points
from hoi_perception.types import Side

TOLERANCE = 1e-6  # metres


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_stored_answers_of_smplx(case: Case) -> None:
    hand = ours(case)
    with np.load(GOLDEN) as golden:
        np.testing.assert_allclose(hand.vertices, golden[f"{case.name}_vertices"], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(hand.joints16, golden[f"{case.name}_joints"], rtol=0, atol=TOLERANCE)


def test_mirrored_hand_against_stored_answers() -> None:
    """smplx's right hand, mirrored, is what our left hand mirrored from the same file gives."""
    case = Case(Side.RIGHT, flat_hand_mean=True, components=0)
    p = parameters(case)
    left = HandModel.from_file(mirror_hand_file(hand_file_from_arrays(arrays_of(Side.RIGHT), "right")), Side.LEFT)
    pose = np.vstack([p["global_orient"], p["hand_pose"].reshape(15, 3)])
    hand = left.with_shape(p["betas"]).with_pose(mirror_axis_angle(pose), mirror_points(p["transl"]))
    with np.load(GOLDEN) as golden:
        right = golden[f"{case.name}_vertices"].astype(np.float64)
    np.testing.assert_allclose(hand.vertices, mirror_points(right), rtol=0, atol=TOLERANCE)


@pytest.mark.conformance
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_live_smplx(case: Case, tmp_path: Path) -> None:
    pytest.importorskip("smplx", reason="smplx is not installed: pip install 'hoi_perception[conformance]'")
    vertices, joints = smplx_answer(case, tmp_path)
    hand = ours(case)
    np.testing.assert_allclose(hand.vertices, vertices, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(hand.joints16, joints, rtol=0, atol=TOLERANCE)
