"""FreiHAND (Zimmermann et al., ICCV 2019), version 2: single images of right hands, 224 x 224.

Facts from the data set's own toolbox (lmb-freiburg/freihand):

- `fh_utils.py`: `{split}_K.json`, `{split}_xyz.json`, `{split}_mano.json`, images `{split}/rgb/{i:08d}.jpg`; 32 560
  training and 3 960 evaluation samples. The training images 0 to 32 559 are the ones before the green screen; three
  more versions of each follow them.
- `fh_utils.projectPoints`: metres in OpenCV's axes, no distortion.
- `mano_utils.get_keypoints_from_mesh_ch`: 21 joints in OpenPose order, regressed from the posed mesh, tips 744, 320,
  443, 555, 672.
- `model.py`: 61 MANO numbers: 48 axis-angle from the mean pose (`use_mean_pose=True, use_mean_pca=False`), 10 shape,
  the pixel (u, v) of joint 9 of the 21 and a scale: that joint is at ((u, v) - principal point, focal length) /
  scale.
- `eval.py`: the truth of the evaluation split is in `evaluation_xyz.json` and `evaluation_verts.json`, released later.
- README: version 1 (before 22 October 2019) was made for another MANO file.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hoi_perception.datasets.conventions import camera_of
from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    attempt,
    check_split,
    compact,
    needed,
    numbers,
    optional,
    read_json,
    require,
)
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, Sample
from hoi_perception.hands.joints import Fingertips
from hoi_perception.types import Camera, Side

INFO = DatasetInfo(
    name="freihand",
    title="FreiHAND v2",
    get="https://lmb.informatik.uni-freiburg.de/projects/freihand/: FreiHAND_pub_v2.zip, and FreiHAND_pub_v2_eval.zip "
    "for the truth of the evaluation split",
    layout="evaluation_K.json, evaluation_xyz.json, evaluation_verts.json, evaluation/rgb/ and the same for training",
    licence="research only, no commercial use",
    splits=("evaluation", "training"),
    default_split="evaluation",
    tips=Fingertips.MANOPTH.value,
    regressed=True,
    stills=True,
)
SIZE = (224, 224)
COUNTS = {"training": 32560, "evaluation": 3960}
CHUNK = 100
"""Images that are read as one sequence."""
_MIDDLE_1 = 4


class FreiHand:
    """One split of FreiHAND."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        (path, self._images) = require(INFO, root, f"{self.split}_K.json", f"{self.split}/rgb")
        with needed(INFO, path):
            self._K = list(read_json(path))
        self._path = path
        self._parts = {name: self._part(name) for name in ("xyz", "verts", "mano", "scale")}
        if len(self._K) != COUNTS[self.split]:
            reason = f"holds {len(self._K)} samples, published are {COUNTS[self.split]}: a part, or another version"
            self.problems.append(FileProblem(str(path), reason, 0))

    @property
    def has_truth(self) -> bool:
        """Whether the joints of the split are there."""
        return self._parts["xyz"] is not None

    def sequences(self) -> list[str]:
        """Runs of images by number."""
        count = len(self._K)
        return [f"{i:08d}-{min(i + CHUNK, count) - 1:08d}" for i in range(0, count, CHUNK)]

    def order(self) -> list[tuple[str, int]]:
        """All images in the order of the data set's files."""
        return [(sequence, i) for sequence in self.sequences() for i in _range(sequence)]

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The images of a run."""
        for index in _range(sequence):
            yield attempt(self._path, partial(self._sample, sequence, index))

    def _sample(self, sequence: str, index: int) -> Sample:
        camera = camera_of(numbers(self._K[index], (3, 3), f"K of sample {index}", self._path), SIZE)
        picture = ImageFile(self._images / f"{index:08d}.jpg", SIZE)
        return Sample(self.split, sequence, index, 0, picture, camera, (self._hand(index, camera),))

    def _hand(self, index: int, camera: Camera) -> HandTruth:
        joints, vertices, mano = (self._of(name, index) for name in ("xyz", "verts", "mano"))
        path = self.root / f"{self.split}_xyz.json"
        return HandTruth(
            Side.RIGHT,
            mano=None if mano is None else self._mano(mano, camera, index),
            joints_camera=None if joints is None else numbers(joints, (21, 3), f"joints of sample {index}", path),
            vertices_camera=None if vertices is None else numbers(vertices, (778, 3), f"vertices of {index}", path),
        )

    def _mano(self, values: Any, camera: Camera, index: int) -> ManoAnnotation:
        path = self.root / f"{self.split}_mano.json"
        theta = numbers(values, (61,), f"MANO parameters of sample {index}", path)
        uv, scale = theta[58:60], float(theta[60])
        if scale <= 0.0:
            raise ReadError(path, f"scale {scale:g} of sample {index} is not positive")
        place = np.append(uv - camera.K[:2, 2], camera.focal_px) / scale
        return ManoAnnotation(
            theta[:3], theta[3:48], Articulation.FROM_MEAN, theta[48:58], place, _MIDDLE_1, placed_joint_regressed=True
        )

    def _of(self, name: str, index: int) -> Any:
        part = self._parts[name]
        return None if part is None else part[index]

    def _part(self, name: str) -> Any:
        path = self.root / f"{self.split}_{name}.json"
        content = optional(path, self.problems)
        if content is not None and not (isinstance(content, list) and len(content) == len(self._K)):
            count = len(content) if isinstance(content, list) else "no list of"
            reason = f"holds {count} samples beside {len(self._K)} cameras: not used"
            self.problems.append(FileProblem(str(path), reason, 0))
            return None
        return compact(content)


def _range(sequence: str) -> range:
    first, last = (int(number) for number in sequence.split("-"))
    return range(first, last + 1)
