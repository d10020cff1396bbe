"""Draws sequences of the surgical benchmark: `python -m hoi_perception.synthesis.sequence_sheet --out FILE`.

One row for each sequence, frames evenly over its time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from hoi_perception.synthesis.benchmark_split import SIZES, Split
from hoi_perception.synthesis.looks import random_look
from hoi_perception.synthesis.scene import Scene
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.surgery_sequences import benchmark_sequence
from hoi_perception.synthesis.surgery_tracks import SurgerySequence

Image = UInt8[NDArray[np.uint8], "h w 3"]
_TILE = (320, 240)


def draw_sequence(sequence: SurgerySequence, frames: int, seed: int) -> Image:
    """Frames of one sequence side by side, in a random look by `seed`."""
    look = random_look(np.random.default_rng(seed), len(sequence.hands), sequence.optics, gloved=0.6)
    renderer, tiles = SceneRenderer(), []
    for i in np.linspace(0, len(sequence) - 1, frames).round().astype(int):
        frame = sequence.frame(int(i))
        scene = Scene(frame.camera, frame.table, frame.hands, frame.instruments, look)
        tiles.append(cv2.resize(renderer.render(scene).image_bgr, _TILE, interpolation=cv2.INTER_AREA))
    names = ", ".join(f"{tool.name} ({', '.join(tool.grasps)})" for tool in sequence.instruments)
    label = f"{sequence.task.value}: {names}"
    strip = np.zeros((20, _TILE[0] * frames, 3), dtype=np.uint8)
    cv2.putText(strip, label, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(np.vstack([strip, np.hstack(tiles)]), dtype=np.uint8)


def draw_sheet(split: Split, indices: Sequence[int], frames: int) -> Image:
    """Several sequences of a part."""
    return np.vstack([draw_sequence(benchmark_sequence(split, i), frames, i) for i in indices])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Draw sequences of the surgical benchmark.")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--split", choices=[split.value for split in Split], default=Split.TEST.value)
    parser.add_argument("--indices", type=int, nargs="*", help="sequences to draw; ten in turn where none is named")
    parser.add_argument("--frames", type=int, default=5)
    asked = parser.parse_args()
    split = Split(asked.split)
    picture = draw_sheet(split, asked.indices or range(min(10, SIZES[split])), asked.frames)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(asked.out), picture):
        raise OSError(f"{asked.out} could not be written: is its ending that of a picture format?")


if __name__ == "__main__":
    main()
