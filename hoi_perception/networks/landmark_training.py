"""Training of the landmark network of our own on rendered hands. Needs the extra [torch].

Patches of rendered pictures stay in memory; every batch looks at some of them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from hoi_perception.networks import landmarker
from hoi_perception.networks.landmark_maps import CROP, DEPTH, GLOVE, GRID, PRESENT, REACH, RIGHT, WHERE, cell_centers
from hoi_perception.networks.landmarker import Landmarker
from hoi_perception.networks.network_file import write_network
from hoi_perception.networks.training_run import Losses, Progress, Schedule, train
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.hand_crops import HandCrop, hand_crop
from hoi_perception.synthesis.hand_patches import HandPatch, PatchMaker
from hoi_perception.types import Side

Told = Callable[[str], None]
_SCENES_AT_ONCE = 8
_SIGMA = 0.9 / GRID
"""Standard deviation of a landmark's true map, in units of the crop."""
_BEYOND = 0.3
"""Weight of a landmark beyond the crop, which is to be told at the border that it lies behind."""


@dataclass(frozen=True)
class LandmarkRun:
    """Settings of a run; the defaults made the shipped weights. `pool` is in patches, of which half show hands."""

    steps: int = 9000
    pool: int = 16000
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0
    device: str = "cpu"


def rendered_patches(grasps: Sequence[GraspTruth], run: LandmarkRun, told: Told, workers: int = 1) -> list[HandPatch]:
    """The patches of a run, the same for any number of workers."""
    pool: list[HandPatch] = []
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (list(grasps), run.seed)) as executor:
        first = 0
        waiting: list[Future[list[HandPatch]]] = []
        while len(pool) < run.pool:
            while len(waiting) < workers + 1:
                waiting.append(executor.submit(_scenes, first))
                first += _SCENES_AT_ONCE
            before = len(pool)
            pool += waiting.pop(0).result()
            if len(pool) // 1000 > before // 1000:
                told(f"{len(pool)} of {run.pool} patches")
        for future in waiting:
            future.cancel()
    return pool[: run.pool]


_maker: PatchMaker | None = None


def _begin(grasps: list[GraspTruth], seed: int) -> None:
    global _maker  # noqa: PLW0603 - one for each worker's process
    _maker = PatchMaker(grasps, seed)


def _scenes(first: int) -> list[HandPatch]:
    assert _maker is not None
    return [patch for number in range(first, first + _SCENES_AT_ONCE) for patch in _maker.of_scene(number)]


def train_landmarks(
    run: LandmarkRun, pool: Sequence[HandPatch], out: Path, *, resume: bool = True, told: Told = lambda _: None
) -> tuple[Landmarker, Progress]:
    """The network, on looks at the patches of the pool."""
    torch.manual_seed(run.seed)
    network = Landmarker().to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses_of(step: int) -> Losses:
        rng = np.random.default_rng([run.seed, step, 43])
        chosen = rng.integers(len(pool), size=run.batch).tolist()
        crops = [hand_crop(pool[i], rng, CROP, REACH) for i in chosen]
        images = np.stack([one.image_bgr for one in crops])[..., ::-1].astype(np.float32) / np.float32(255)
        tensor = torch.as_tensor(np.ascontiguousarray(images), device=run.device).permute(0, 3, 1, 2)
        with torch.autocast(torch.device(run.device).type, torch.bfloat16):
            maps = network(tensor.contiguous(memory_format=torch.channels_last))
        return landmark_losses(maps.float(), crops)

    schedule = Schedule(run.steps, run.rate, run.seed)
    progress = train(network, losses_of, schedule, out, resume=resume, what=f"{run}", told=told)
    return network.eval(), progress


def landmark_losses(maps: Float[Tensor, "b c 16 16"], crops: Sequence[HandCrop]) -> Losses:
    """Cross entropy with Gaussians about the landmarks, distance of the means, depths, presence, side, glove.

    A landmark beyond the crop is told at its border, so that the next look goes there.
    """
    flat = maps.flatten(2)

    def tensor(values: Sequence[NDArray[np.float64]] | Sequence[float]) -> Tensor:
        return torch.as_tensor(np.array(values, dtype=np.float32), device=maps.device)

    places, depth = tensor([one.places for one in crops]), tensor([one.depth for one in crops])
    counts = tensor([one.counts.astype(np.float64) for one in crops])
    present = tensor([float(one.side is not None) for one in crops])
    cells = tensor(list(cell_centers()))
    places = places.clamp(float(cells.min()), float(cells.max()))
    weight = counts + _BEYOND * (present[:, None] - counts)
    truth = torch.softmax(-0.5 * (cells[None, None] - places[:, :, None]).square().sum(-1) / _SIGMA**2, dim=-1)
    logs = flat[:, WHERE].log_softmax(dim=-1)
    total, inside = weight.sum().clamp(min=1.0), counts.sum().clamp(min=1.0)
    entropy = -((truth * logs).sum(-1) * weight).sum() / total
    where = logs.exp()
    off = ((where @ cells - places).abs().sum(-1) * weight).sum() / total
    z = (where * flat[:, DEPTH]).sum(-1)
    z_off = ((z - z[:, :1] - (depth - depth[:, :1])).abs() * counts * counts[:, :1]).sum() / inside
    binary = nn.functional.binary_cross_entropy_with_logits
    right = tensor([float(one.side is Side.RIGHT) for one in crops])
    glove = tensor([float(one.gloved) for one in crops])
    means = flat.mean(dim=-1)
    hands = present.sum().clamp(min=1.0)
    return {
        "where": entropy,
        "off": 10.0 * off,
        "depth": 3.0 * z_off,
        "presence": 2.0 * binary(means[:, PRESENT], present),
        "side": 2.0 * (binary(means[:, RIGHT], right, reduction="none") * present).sum() / hands,
        "glove": 0.3 * (binary(means[:, GLOVE], glove, reduction="none") * present).sum() / hands,
    }


def write_landmarks(network: Landmarker, path: Path, told: dict[str, str]) -> None:
    """The network's file: its tensors, and what runs them without torch."""
    write_network(network, [(1, CROP, CROP, 3)], path, landmarker.NAME, landmarker.VERSION, told)
