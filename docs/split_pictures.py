"""Ten random frames of a part of the surgical benchmark, as its evaluation renders them.

`python docs/split_pictures.py --split TRAIN --out FILE.png`
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro

from hoi_perception.evaluation.synthetic_surgery import SurgeryClips
from hoi_perception.synthesis.benchmark_split import SIZES, Split
from hoi_perception.synthesis.scene_renderer import SceneRenderer


@dataclass(frozen=True)
class Arguments:
    """What to write."""

    out: Path
    """The picture."""
    split: Split = Split.TEST
    count: int = 10
    """How many frames, each of another sequence."""
    seed: int = 0
    width: int = 640


def main(arguments: Arguments) -> None:
    """Draws sequences and frames by seed, two in a row; their names go to the output."""
    rng = np.random.default_rng([arguments.seed, SIZES[arguments.split]])
    chosen = tuple(int(i) for i in rng.permutation(SIZES[arguments.split])[: arguments.count])
    clips = SurgeryClips(arguments.split, width=arguments.width, chosen=chosen)
    renderer, tiles = SceneRenderer(), []
    for place, name in enumerate(clips.names()):
        moments = clips.clip(place).moments
        frame = int(rng.integers(1, len(moments)))
        image = renderer.render(moments[frame].scene, moments[frame - 1].scene).image_bgr
        tiles.append(cv2.resize(image, (arguments.width, arguments.width * 3 // 4), interpolation=cv2.INTER_AREA))
        print(f"{name}, frame {frame}: {', '.join(t.name for t in moments[frame].scene.instruments)}", flush=True)
    tiles += [np.zeros_like(tiles[0])] * (len(tiles) % 2)
    sheet = np.vstack([np.hstack(tiles[k : k + 2]) for k in range(0, len(tiles), 2)])
    if not cv2.imwrite(str(arguments.out), sheet):
        raise OSError(f"{arguments.out} could not be written: is its ending that of a picture format?")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
