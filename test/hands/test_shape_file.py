"""Calibrated hand shapes in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from hoi_perception.config import NodeConfig
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.shape_file import ShapeFileError, keep_shape, kept_shapes
from hoi_perception.types import Side

SHAPE = np.linspace(-1.0, 1.0, 10)


def estimate() -> ShapeEstimate:
    """Standard deviations of 0.5, frozen after 25 frames."""
    return ShapeEstimate(SHAPE, 4.0 * np.eye(10), 4.0 * SHAPE, frames=25, wanted=25)


def test_a_shape_goes_there_and_back_and_stays_frozen(tmp_path: Path) -> None:
    config = NodeConfig(hand_shapes=str(tmp_path / "new" / "shapes.yaml"))
    path = Path(config.hand_shapes)
    keep_shape(path, config, Side.LEFT, estimate())
    keep_shape(path, config, Side.RIGHT, ShapeEstimate(frames=40))
    shapes = kept_shapes(config)
    assert set(shapes) == {Side.LEFT, Side.RIGHT}
    left = shapes[Side.LEFT]
    np.testing.assert_allclose(left.shape, SHAPE, atol=1e-5)
    np.testing.assert_allclose(left.information, 4.0 * np.eye(10), rtol=1e-4)
    assert left.frozen
    assert left.frames == 25
    assert [p.name for p in path.parent.iterdir()] == ["shapes.yaml"]


def test_no_file_means_no_shapes(tmp_path: Path) -> None:
    assert kept_shapes(NodeConfig()) == {}
    assert kept_shapes(NodeConfig(hand_shapes=str(tmp_path / "none.yaml"))) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not a file of hand shapes"),
        ("", "not a file of hand shapes"),
        ("left: 3", "'left' is no hand shape"),
        ("left: {shape: [1, 2], sigma: [1, 1], frames: 4, hand_model: open_hand}", "'left' is no hand shape"),
    ],
)
def test_what_is_no_file_of_shapes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "shapes.yaml"
    path.write_text(text)
    with pytest.raises(ShapeFileError, match=message) as error:
        kept_shapes(NodeConfig(hand_shapes=str(path)))
    assert str(path) in str(error.value)
    assert "delete it and calibrate again" in str(error.value)


def test_a_shape_of_another_hand_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shapes.yaml"
    config = NodeConfig(hand_shapes=str(path), hand_model="/models/MANO_RIGHT.npz")
    keep_shape(path, config, Side.RIGHT, estimate())
    assert yaml.safe_load(path.read_text())["right"]["hand_model"] == "MANO_RIGHT"
    with pytest.raises(ShapeFileError, match="of the hand model MANO_RIGHT, not of open_hand"):
        kept_shapes(NodeConfig(hand_shapes=str(path)))


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shapes.yaml"
    config = NodeConfig(hand_shapes=str(path))
    keep_shape(path, config, Side.LEFT, estimate())
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        keep_shape(path, config, Side.RIGHT, estimate())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["shapes.yaml"]
