"""The README's picture: one frame of the demo's overlay video. `python docs/demo_picture.py [--out FILE.png]`.

Everything in it is rendered, by the package's own renderer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import tyro

from hoi_perception.cli import load_perception
from hoi_perception.config import Config
from hoi_perception.io.run import painter
from hoi_perception.synthesis.demo_clip import demo_frames

FRAMES = 90
"""Length of the clip that `hoi-perception demo` shows; the motion depends on it."""


@dataclass(frozen=True)
class Arguments:
    """What to write."""

    out: Path = Path(__file__).parent / "images" / "demo.png"
    """The picture."""
    frame: int = 60
    """Frame of the clip that is shown; those before are run too."""
    width: int = 1400
    """Width of the picture in pixels."""


def main(arguments: Arguments) -> None:
    """Runs the clip up to the frame and writes the picture."""
    perception = load_perception(Config())
    paint = painter(perception.faces)
    for frame, _ in islice(demo_frames(FRAMES), arguments.frame + 1):
        picture = paint(frame, perception.process(frame))
    height = round(picture.shape[0] * arguments.width / picture.shape[1])
    small = cv2.resize(picture, (arguments.width, height), interpolation=cv2.INTER_AREA)
    if not cv2.imwrite(str(arguments.out), small, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"{arguments.out} could not be written: is there such a folder?")
    print(arguments.out)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
