"""Training of the head on the landmark network on rendered hands. Needs the extra [torch].

The landmark network looks at patches of rendered pictures, each several times in another way; its maps stay in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float16
from numpy.typing import NDArray
from torch import Tensor, nn

from hoi_perception.hands.landmarks import INPUT_SIZE, network_input
from hoi_perception.networks import landmark_head
from hoi_perception.networks.landmark_features import FINE_SHAPE, WIDE_SHAPE, LandmarkFeatures
from hoi_perception.networks.landmark_head import LandmarkHead
from hoi_perception.networks.landmark_maps import DEPTH, GLOVE, GRID, PRESENT, RIGHT, WHERE, cell_centers
from hoi_perception.networks.network_file import write_network
from hoi_perception.networks.picture_training import channels_first
from hoi_perception.networks.training_run import Losses, Progress, Schedule, train
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.hand_crops import HandCrop, hand_crop
from hoi_perception.synthesis.hand_patches import HandPatch, PatchMaker
from hoi_perception.types import Side

Told = Callable[[str], None]
Half = NDArray[np.float16]
_SCENES_AT_ONCE = 8
_SIGMA = 0.9 / GRID
"""Standard deviation of a landmark's true map, in units of the crop."""
_BEYOND = 0.3
"""Weight of a landmark beyond the crop, which is to be told at the border that it lies behind."""


@dataclass(frozen=True)
class LandmarkRun:
    """Settings of a run; the defaults made the shipped weights. `pool` is in patches, of which half show hands; `looks`
    are those that the landmark network takes at each of them in the mean, once for all."""

    steps: int = 8000
    pool: int = 16000
    looks: float = 3.75
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


@dataclass(frozen=True, eq=False)
class Looks:
    """What the landmark network made of looks at patches, and what is true of them; the pictures are not kept."""

    fine: Float16[Half, "n 14 14 112"]
    wide: Float16[Half, "n 7 7 192"]
    crops: list[HandCrop]


def looks_at(pool: Sequence[HandPatch], run: LandmarkRun, told: Told, threads: int = 1) -> Looks:
    """The looks of a run: at a patch chosen by lot each, as `hand_crop` has them."""
    network, count = LandmarkFeatures(threads=threads), int(run.looks * len(pool))
    fine = np.empty((count, *FINE_SHAPE), dtype=np.float16)
    wide = np.empty((count, *WIDE_SHAPE), dtype=np.float16)
    crops: list[HandCrop] = []
    nothing = np.zeros((0, 0, 3), dtype=np.uint8)
    for n in range(count):
        rng = np.random.default_rng([run.seed, n, 47])
        crop = hand_crop(pool[int(rng.integers(len(pool)))], rng, INPUT_SIZE, 1.0)
        maps = network.run(network_input(crop.image_bgr))
        fine[n], wide[n] = maps.fine, maps.wide
        crops.append(replace(crop, image_bgr=nothing))
        if (n + 1) % 5000 == 0:
            told(f"{n + 1} of {count} looks")
    return Looks(fine, wide, crops)


def train_landmarks(
    run: LandmarkRun, looks: Looks, out: Path, *, resume: bool = True, told: Told = lambda _: None
) -> tuple[LandmarkHead, Progress]:
    """The head, on looks chosen by lot."""
    torch.manual_seed(run.seed)
    head = LandmarkHead().to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses_of(step: int) -> Losses:
        rng = np.random.default_rng([run.seed, step, 43])
        chosen = np.sort(rng.integers(len(looks.crops), size=run.batch))
        maps = (channels_first(half[chosen].astype(np.float32), run.device) for half in (looks.fine, looks.wide))
        with torch.autocast(torch.device(run.device).type, torch.bfloat16):
            out_maps = head(*maps)
        return landmark_losses(out_maps.float(), [looks.crops[i] for i in chosen.tolist()])

    schedule = Schedule(run.steps, run.rate, run.seed)
    progress = train(head, losses_of, schedule, out, resume=resume, what=f"{run}", told=told)
    return head.eval(), progress


def landmark_losses(maps: Float[Tensor, "b c 14 14"], crops: Sequence[HandCrop]) -> Losses:
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


def write_landmarks(head: LandmarkHead, path: Path, told: dict[str, str]) -> None:
    """The head's file: its tensors, and what runs them without torch."""
    inputs = [(1, *FINE_SHAPE), (1, *WIDE_SHAPE)]
    write_network(head, inputs, path, landmark_head.NAME, landmark_head.VERSION, told)
