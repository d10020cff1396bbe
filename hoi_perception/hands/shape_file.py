"""Calibrated hand shapes in a YAML file, so that a hand need not be calibrated again after a restart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hoi_perception.config import NodeConfig
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.types import Side

_REMEDY = "delete it and calibrate again"


class ShapeFileError(ValueError):
    """A file of hand shapes that cannot be used; the text names the file, what is wrong and what to do."""


def kept_shapes(config: NodeConfig) -> dict[Side, ShapeEstimate]:
    """The shapes in the file that `hand_shapes` names; none where it names none or the file is not there yet.

    ShapeFileError where it is no such file, or its shapes are of another hand model than that of the settings.
    """
    path = Path(config.hand_shapes)
    if not config.hand_shapes or not path.exists():
        return {}
    content = _content(path)
    return {side: _estimate(path, content[side.label], config, side) for side in Side if side.label in content}


def keep_shape(path: Path, config: NodeConfig, side: Side, estimate: ShapeEstimate) -> None:
    """Put one side's shape into the file, which is replaced as a whole. ShapeFileError or OSError if it cannot be."""
    content = _content(path) if path.exists() else {}
    sigma = np.sqrt(np.diag(np.linalg.inv(estimate.information)))
    content[side.label] = {
        "hand_model": hand_model_of(config, side),
        "frames": estimate.frames,
        "shape": [round(float(v), 5) for v in estimate.shape],
        "sigma": [round(float(v), 5) for v in sigma],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def hand_model_of(config: NodeConfig, side: Side) -> str:
    """Name of the model whose components the coefficients belong to."""
    file = (config.hand_model_left or config.hand_model) if side is Side.LEFT else config.hand_model
    return Path(file).stem if file else "open_hand"


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        raise ShapeFileError(f"{path}: not a file of hand shapes: {_REMEDY}")
    return content


def _estimate(path: Path, entry: Any, config: NodeConfig, side: Side) -> ShapeEstimate:
    try:
        shape, sigma = (np.array(entry[name], dtype=np.float64) for name in ("shape", "sigma"))
        frames, model = int(entry["frames"]), str(entry["hand_model"])
    except (TypeError, KeyError, ValueError):
        shape, sigma, frames, model = np.zeros(0), np.zeros(0), 0, ""
    good = shape.shape == sigma.shape == (10,) and np.isfinite(shape).all() and (sigma > 0.0).all() and frames > 0
    if not good:
        raise ShapeFileError(f"{path}: '{side.label}' is no hand shape: {_REMEDY}")
    if model != hand_model_of(config, side):
        raise ShapeFileError(
            f"{path}: '{side.label}' is a shape of the hand model {model}, not of {hand_model_of(config, side)}: "
            "use that hand model, or another file of shapes"
        )
    information = np.diag(1.0 / sigma**2)
    return ShapeEstimate(shape, information, information @ shape, frames, wanted=frames)
