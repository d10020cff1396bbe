"""The torch reference and the numpy runtime give the same hand; gradients are those of finite differences."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from synthetic_hand import synthetic_arrays, synthetic_left_arrays

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.joints import Fingertips
from hoi_perception.hands.mano_file import hand_file_from_arrays
from hoi_perception.types import Side

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'hoi_perception[torch]'")

from hoi_perception.hands.torch_model import TorchHandModel, rotation_from_axis_angle  # noqa: E402


@pytest.fixture(scope="module", params=list(Side), ids=lambda side: side.label)
def model(request: pytest.FixtureRequest) -> HandModel:
    arrays = synthetic_arrays() if request.param is Side.RIGHT else synthetic_left_arrays()
    return HandModel.from_file(hand_file_from_arrays(arrays, "synthetic"), request.param)


@pytest.mark.parametrize("batch", [(), (1,), (4,), (2, 3)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-6)])
def test_same_hand_as_numpy(model: HandModel, batch: tuple[int, ...], dtype: torch.dtype, tolerance: float) -> None:
    rng = np.random.default_rng(1)
    shape, pose, place = rng.normal(size=(*batch, 10)), rng.normal(size=(*batch, 16, 3)), rng.normal(size=(*batch, 3))
    expected = model.with_shape(shape).with_pose(pose, place)
    hand = TorchHandModel(model, dtype)(*(torch.as_tensor(x, dtype=dtype) for x in (shape, pose, place)))
    np.testing.assert_allclose(hand.vertices.numpy(), expected.vertices, rtol=0, atol=tolerance)
    np.testing.assert_allclose(hand.joints16.numpy(), expected.joints16, rtol=0, atol=tolerance)
    for tips in Fingertips:
        joints = expected.joints21(tips=tips)
        np.testing.assert_allclose(hand.joints21(tips).numpy(), joints, rtol=0, atol=tolerance)


@pytest.mark.parametrize("scale", [0.0, 1e-5, 0.5])
def test_gradients_at_and_near_the_flat_hand(model: HandModel, scale: float) -> None:
    hand_model = TorchHandModel(model, torch.float64)
    generator = torch.Generator().manual_seed(0)
    shape = torch.randn(10, generator=generator, dtype=torch.float64)
    pose = scale * torch.randn(16, 3, generator=generator, dtype=torch.float64)

    def joints(shape: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        return hand_model(shape, pose).joints21()

    analytic = torch.autograd.functional.jacobian(joints, (shape, pose))
    step = 1e-6
    for parameter, jacobian in enumerate(analytic):
        for k in range(0, jacobian[0, 0].numel(), 7):
            moved = [shape.clone(), pose.clone()], [shape.clone(), pose.clone()]
            moved[0][parameter].view(-1)[k] += step
            moved[1][parameter].view(-1)[k] -= step
            numeric = (joints(*moved[0]) - joints(*moved[1])) / (2 * step)
            column = jacobian.flatten(2)[..., k]
            torch.testing.assert_close(column, numeric, rtol=0, atol=1e-8)


def test_quarter_turn() -> None:
    R = rotation_from_axis_angle(torch.tensor([0.0, 0.0, np.pi / 2], dtype=torch.float64))
    torch.testing.assert_close(R @ torch.tensor([1.0, 0, 0], dtype=torch.float64), torch.tensor([0.0, 1, 0]).double())


def test_missing_torch_is_named_with_the_remedy() -> None:
    code = "import sys; sys.modules['torch'] = None; import hoi_perception.hands.torch_model"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "pip install 'hoi_perception[torch]'" in done.stderr
