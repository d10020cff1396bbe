"""One training run: steps, checkpoints, resume, progress, curves. Needs the extra [torch].

A batch depends on the seed and its number alone, so a run that was stopped and resumed sees what an uninterrupted one
would have seen.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hoi_perception.hands.models import ModelFileError

try:
    import torch
    from torch import Tensor, nn
except ModuleNotFoundError as error:
    raise ImportError("training needs torch: pip install 'hoi_perception[torch]'") from error

Losses = dict[str, "Tensor"]
_WARM_UP = 0.03
_CURVE = (640, 360)


@dataclass(frozen=True)
class Schedule:
    """`steps` batches; the rate rises to `rate`, then falls to nothing as a cosine. `report` is in steps."""

    steps: int
    rate: float
    seed: int = 0
    weight_decay: float = 1e-4
    report: int = 100
    checkpoint_s: float = 60.0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        warm = max(int(_WARM_UP * self.steps), 1)
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(self.steps - warm, 1)))


@dataclass
class Progress:
    """Where a run is: steps done, seconds spent, means of the losses at each report."""

    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    network: nn.Module,
    losses_of: Callable[[int], Losses],
    schedule: Schedule,
    out: Path,
    *,
    resume: bool = True,
    what: str = "",
    told: Callable[[str], None] = lambda _: None,
) -> Progress:
    """Minimises the sum of the losses of numbered batches; goes on from `out/checkpoint.pt` of the same run.

    Writes `checkpoint.pt`, `history.csv` and `losses.png` into `out`. `what` names everything besides the schedule that
    decides the run; a checkpoint of another run is refused.
    """
    out.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    about = f"{schedule} {what}"
    progress = _resumed(network, optimiser, out, about) if resume else Progress()
    network.train()
    sums: dict[str, float] = {}
    started = saved = time.monotonic() - progress.seconds
    saved = time.monotonic()
    for step in range(progress.step, schedule.steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(step)
        losses = losses_of(step)
        optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(losses.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        progress.step, progress.seconds = step + 1, time.monotonic() - started
        if progress.step % schedule.report == 0 or progress.step == schedule.steps:
            count = progress.step - (int(progress.history[-1]["step"]) if progress.history else 0)
            row = {"step": float(progress.step), "seconds": round(progress.seconds, 1)}
            row |= {name: value / count for name, value in sums.items()}
            progress.history.append(row)
            sums = {}
            told(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
            if time.monotonic() - saved > schedule.checkpoint_s or progress.step == schedule.steps:
                _save(network, optimiser, progress, out, about)
                saved = time.monotonic()
    return progress


def _save(network: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress, out: Path, about: str) -> None:
    state: dict[str, Any] = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "about": about}
    state |= {"step": progress.step, "seconds": progress.seconds, "history": progress.history}
    partial = out / ".checkpoint.pt"
    torch.save(state, partial)
    partial.replace(out / "checkpoint.pt")
    with (out / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(progress.history[0]))
        writer.writeheader()
        writer.writerows(progress.history)
    draw_curves(progress.history, out / "losses.png")


def _resumed(network: nn.Module, optimiser: torch.optim.Optimizer, out: Path, about: str) -> Progress:
    path = out / "checkpoint.pt"
    if not path.exists():
        return Progress()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["about"] != about:
            raise ModelFileError(f"{path}: of a run with other settings: choose another --out, or start with --fresh")
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        return Progress(int(state["step"]), float(state["seconds"]), list(state["history"]))
    except (RuntimeError, KeyError, EOFError, OSError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: cannot be read ({error}): start anew with --fresh") from None


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Each loss over the steps, scaled to its own range, named in its colour."""
    width, height = _CURVE
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    names = [name for name in history[0] if name not in ("step", "seconds")]
    x = np.array([row["step"] for row in history]) / history[-1]["step"] * (width - 20) + 10
    for number, name in enumerate(names):
        y = np.array([row[name] for row in history])
        low, high = float(y.min()), float(y.max())
        hue = np.uint8([[[int(179 * number / len(names)), 200, 170]]])  # type: ignore[arg-type]
        colour = [int(c) for c in np.asarray(cv2.cvtColor(np.asarray(hue, np.uint8), cv2.COLOR_HSV2BGR))[0, 0]]
        rows = height - 10 - (y - low) / max(high - low, 1e-12) * (height - 20)
        points = np.column_stack([x, rows]).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(picture, [points], False, colour, 1, cv2.LINE_AA)
        text = f"{name} {y[-1]:.3g} ({low:.3g} to {high:.3g})"
        cv2.putText(
            picture, text, (width - 330, 20 + 16 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA
        )
    cv2.imwrite(str(path), picture)
