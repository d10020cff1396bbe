"""The picture of `synthetic.md`: ten random scenes. `python docs/scene_pictures.py [--out FILE.jpg]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro

from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.scene_sampler import sample_scene


@dataclass(frozen=True)
class Arguments:
    """What to write."""

    out: Path = Path(__file__).parent / "images" / "scenes.jpg"
    """The picture."""
    first: int = 0
    """Number of the first scene; the nine that follow are taken as they come."""
    seed: int = 0
    grasps: int = 48
    width: int = 400
    """Width of one scene in pixels."""
    quality: int = 80
    """Of the JPEG code."""


def main(arguments: Arguments) -> None:
    """Renders ten scenes, two in a row."""
    grasps, _ = truth_grasps(Trial(grasps=arguments.grasps, seed=arguments.seed))
    renderer = SceneRenderer()
    tiles = []
    for number in range(arguments.first, arguments.first + 10):
        sample = sample_scene(number, grasps, arguments.seed)
        image = renderer.render(sample.scene, sample.earlier).image_bgr
        size = (arguments.width, arguments.width * image.shape[0] // image.shape[1])
        tiles.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    sheet = np.vstack([np.hstack(tiles[k : k + 2]) for k in range(0, 10, 2)])
    if not cv2.imwrite(str(arguments.out), sheet, [cv2.IMWRITE_JPEG_QUALITY, arguments.quality]):
        raise OSError(f"{arguments.out} could not be written: is its ending that of a picture format?")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
