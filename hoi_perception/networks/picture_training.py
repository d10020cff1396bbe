"""Training of the picture networks on a stream of rendered pictures. Needs the extra [torch].

Rendering is slower than training, so pictures are kept in a pool in memory and used several times, in other colours
each time. The pool depends on the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.hands.detection import make_input
from hoi_perception.networks import parser, proposal_head
from hoi_perception.networks.maps import HEAD_MAPS, PARSER_MAPS
from hoi_perception.networks.network_file import write_network
from hoi_perception.networks.palm_features import FINE_CHANNELS, WIDE_CHANNELS, PalmFeatures
from hoi_perception.networks.parser import ParserNetwork
from hoi_perception.networks.picture_losses import hand_losses, pixel_losses
from hoi_perception.networks.picture_targets import HandMaps, PixelMaps, hand_maps, pixel_maps, stacked
from hoi_perception.networks.proposal_head import ProposalHead
from hoi_perception.networks.training_run import Losses, Progress, Schedule, train
from hoi_perception.synthesis.grasp_truth import GraspTruth
from hoi_perception.synthesis.training_crops import other_colours
from hoi_perception.synthesis.training_labels import TrainingPicture
from hoi_perception.synthesis.training_stream import stream

Single = NDArray[np.float32]
Told = Callable[[str], None]
HEAD_SHAPE, HEAD_STRIDE = (24, 24), 8.0


@dataclass(frozen=True)
class PictureRun:
    """Settings of a run; the defaults made the shipped weights. `pool` is in pictures."""

    steps: int
    pool: int
    batch: int
    rate: float
    seed: int = 0
    device: str = "cpu"


PROPOSALS = PictureRun(steps=1600, pool=4000, batch=24, rate=2e-3)
PARSER = PictureRun(steps=9000, pool=12000, batch=16, rate=2e-3)


def rendered_pool(grasps: Sequence[GraspTruth], run: PictureRun, told: Told) -> list[TrainingPicture]:
    """The pictures of a run."""
    pool: list[TrainingPicture] = []
    for picture in islice(stream(grasps, run.seed), run.pool):
        pool.append(picture)
        if len(pool) % 500 == 0:
            told(f"{len(pool)} of {run.pool} pictures")
    return pool


def train_proposals(
    run: PictureRun, pool: Sequence[TrainingPicture], out: Path, *, resume: bool = True, told: Told = lambda _: None
) -> tuple[ProposalHead, Progress]:
    """The head on the palm network's maps; the maps of the pool are worked out once."""
    torch.manual_seed(run.seed)
    head = ProposalHead().to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    palm = PalmFeatures()
    fine = np.empty((len(pool), *HEAD_SHAPE, FINE_CHANNELS), dtype=np.float16)
    wide = np.empty((len(pool), 12, 12, WIDE_CHANNELS), dtype=np.float16)
    truth: list[HandMaps] = []
    for i, picture in enumerate(pool):
        tensor, box = make_input(picture.image_bgr)
        seen = palm.run(tensor)
        fine[i], wide[i] = seen.fine, seen.wide
        truth.append(hand_maps(picture, HEAD_SHAPE, HEAD_STRIDE, box.scale, box.offset))
    told(f"maps of {len(pool)} pictures")

    def losses_of(step: int) -> Losses:
        rng = np.random.default_rng([run.seed, step, 31])
        chosen = rng.integers(len(pool), size=run.batch)
        with torch.autocast(torch.device(run.device).type, torch.bfloat16):
            maps = head(*(channels_first(a[chosen].astype(np.float32), run.device) for a in (fine, wide))).float()
        heat, values, counts = (torch.as_tensor(a, device=run.device) for a in stacked([truth[i] for i in chosen]))
        return hand_losses(maps, HEAD_MAPS, heat, values, counts)

    schedule = Schedule(run.steps, run.rate, run.seed)
    progress = train(head, losses_of, schedule, out, resume=resume, what=f"{run}", told=told)
    return head.eval(), progress


def train_parser(
    run: PictureRun, pool: Sequence[TrainingPicture], out: Path, *, resume: bool = True, told: Told = lambda _: None
) -> tuple[ParserNetwork, Progress]:
    """The parser, on pictures of the pool in other colours."""
    torch.manual_seed(run.seed)
    network = ParserNetwork().to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    width, height = parser.PICTURE
    shape = (height // parser.STRIDE, width // parser.STRIDE)

    @cache
    def truth(i: int) -> tuple[HandMaps, PixelMaps]:
        return hand_maps(pool[i], shape, parser.STRIDE), pixel_maps(pool[i], parser.STRIDE)

    def losses_of(step: int) -> Losses:
        rng = np.random.default_rng([run.seed, step, 37])
        chosen = rng.integers(len(pool), size=run.batch).tolist()
        images = np.stack([other_colours(pool[i].image_bgr, rng) for i in chosen])[..., ::-1] / np.float32(255)
        hands = stacked([truth(i)[0] for i in chosen])
        pixels = [truth(i)[1] for i in chosen]
        with torch.autocast(torch.device(run.device).type, torch.bfloat16):
            maps = network(channels_first(np.ascontiguousarray(images, dtype=np.float32), run.device))
        maps = maps.float()
        heat, values, counts = (torch.as_tensor(a, device=run.device) for a in hands)
        shares, points = (
            torch.as_tensor(np.stack([getattr(p, name) for p in pixels]), device=run.device)
            for name in ("shares", "points")
        )
        family = torch.as_tensor(np.stack([p.family for p in pixels]), device=run.device)
        of_hands = hand_losses(maps, PARSER_MAPS, heat, values, counts)
        return of_hands | pixel_losses(maps, PARSER_MAPS, shares, points, family)

    schedule = Schedule(run.steps, run.rate, run.seed)
    progress = train(network, losses_of, schedule, out, resume=resume, what=f"{run}", told=told)
    return network.eval(), progress


def write_proposals(head: ProposalHead, path: Path, told: dict[str, str]) -> None:
    """The head's file."""
    inputs = [(1, *HEAD_SHAPE, FINE_CHANNELS), (1, 12, 12, WIDE_CHANNELS)]
    write_network(head, inputs, path, proposal_head.NAME, proposal_head.VERSION, told)


def write_parser(network: ParserNetwork, path: Path, told: dict[str, str]) -> None:
    """The parser's file."""
    width, height = parser.PICTURE
    write_network(network, [(1, height, width, 3)], path, parser.NAME, parser.VERSION, told)


def channels_first(array: Float32[Single, "b h w c"], device: str) -> torch.Tensor:
    """As torch has it, on its device."""
    return torch.as_tensor(array, device=device).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
