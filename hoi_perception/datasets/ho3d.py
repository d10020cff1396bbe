"""HO-3D version 2 and 3 (Hampali et al., CVPR 2020): a right hand with a YCB object, 640 x 480.

Facts from the data set's own scripts (shreyashampali/ho3d):

- `vis_utils.py`: `{split}/{sequence}/rgb/{frame}.png` (version 2) or `.jpg` (version 3), `meta/{frame}.pkl`; 66 034
  training and 11 524 evaluation images in version 2, 78 297 and 20 137 in version 3, listed in `train.txt` and
  `evaluation.txt` as `sequence/frame`.
- `project_3D_points`: metres in OpenGL's axes (x right, y up, looking along -z).
- `vis_HO3D.forwardKinematics`: `handPose` is 48 axis-angle from the flat hand (`flat_hand_mean=True`), `handTrans`
  MANO's translation, `handBeta` the shape.
- `setup_mano.py`: `handJoints3D` are the 16 joints in MANO's order, then the tips thumb to pinky, vertices 744, 333,
  444, 555, 672. In the evaluation split it is the wrist alone.
- `vis_HO3D.py`: an object point is `R(objRot) p + objTrans`; models are `models/{objName}/textured_simple.obj` of
  YCB-Video.
- README (3 November 2024): the truth of the evaluation split, `evaluation_xyz.json` and `evaluation_verts.json` in the
  order of `evaluation.txt` and in OpenGL's axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import OPENCV_FROM_OPENGL, camera_of
from hoi_perception.datasets.errors import DatasetError, FileProblem, ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    attempt,
    check_split,
    compact,
    field_of,
    needed,
    numbers,
    once,
    optional,
    read_lines,
    read_pickle,
    require,
)
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, ObjectTruth, Sample
from hoi_perception.datasets.sample import stamp_ns as stamp
from hoi_perception.hands.joints import OPENPOSE_FROM_21
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Side

V2 = DatasetInfo(
    name="ho3d-v2",
    title="HO-3D v2",
    get="https://github.com/shreyashampali/ho3d: HO-3D v2, and its evaluation_xyz.json and evaluation_verts.json",
    layout="train/, evaluation/, train.txt, evaluation.txt, evaluation_xyz.json, evaluation_verts.json",
    licence="academic research only, no commercial use, no redistribution",
    splits=("evaluation", "train"),
    default_split="evaluation",
    tips=(744, 333, 444, 555, 672),
    note="Joints and tips are MANO's. The rate of the images is not stated: 30 Hz assumed.",
    objects="The YCB-Video 3D Models (https://rse-lab.cs.washington.edu/projects/posecnn/), their folder models/",
)
V3 = replace(V2, name="ho3d-v3", title="HO-3D v3", get=V2.get.replace("v2", "v3"))
SIZE = (640, 480)
COUNTS = {
    "ho3d-v2": {"train": 66034, "evaluation": 11524},
    "ho3d-v3": {"train": 78297, "evaluation": 20137},
}
_SUFFIX = {"ho3d-v2": ".png", "ho3d-v3": ".jpg"}
Array = NDArray[np.float64]


class Ho3d:
    """One split of one version of HO-3D."""

    def __init__(self, info: DatasetInfo, root: Path, split: str = "") -> None:
        self.info, self.root, self.split = info, root, check_split(info, split)
        self.problems: list[FileProblem] = []
        (_, self._list) = require(info, root, self.split, f"{self.split}.txt")
        with needed(info, self._list):
            lines = read_lines(self._list)
        self.listed, repeated = once(lines, self._list)
        self.problems += repeated
        self._check_version(len(lines))
        self._xyz = self._truth("xyz", len(lines))
        self._verts = self._truth("verts", len(lines))

    @property
    def has_truth(self) -> bool:
        """Whether joints beyond the wrist are known."""
        return self.split == "train" or self._xyz is not None

    def sequences(self) -> list[str]:
        """Sequences in the order of the list."""
        return list(dict.fromkeys(entry.rpartition("/")[0] for entry in self.listed))

    def order(self) -> list[tuple[str, int]]:
        """All images in the order of the list."""
        parts = (entry.rpartition("/") for entry in self.listed)
        return [(sequence, int(frame)) for sequence, _, frame in parts if frame.isdigit()]

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The listed frames of a sequence."""
        for entry, place in self.listed.items():
            folder, _, frame = entry.rpartition("/")
            if folder == sequence:
                path = self.root / self.split / sequence / "meta" / f"{frame}.pkl"
                yield attempt(path, partial(self._sample, sequence, frame, place, path))

    def _sample(self, sequence: str, frame: str, place: int, path: Path) -> Sample:
        meta = read_pickle(path)
        if not frame.isdigit():
            raise ReadError(path, f"{frame} is no number of a frame")
        K = field_of(meta, "camMat", path)
        if K is None:
            raise ReadError(path, "frame without annotation")
        picture = ImageFile(path.parents[1] / "rgb" / f"{frame}{_SUFFIX[self.info.name]}", SIZE)
        return Sample(
            self.split,
            sequence,
            int(frame),
            stamp(int(frame), self.info.rate_hz),
            picture,
            camera_of(numbers(K, (3, 3), "camMat", path), SIZE),
            (self._hand(meta, path, place),),
            self._objects(meta, path),
        )

    def _hand(self, meta: Any, path: Path, place: int) -> HandTruth:
        stated = field_of(meta, "handJoints3D", path)
        if stated is None:
            raise ReadError(path, "frame without annotation")
        if self.split == "evaluation":
            return self._hidden_hand(numbers(stated, (-1, 3), "handJoints3D", path), place)
        joints = to_opencv(numbers(stated, (21, 3), "handJoints3D", path))[OPENPOSE_FROM_21]
        return HandTruth(Side.RIGHT, self._mano(meta, path), joints, wrist_camera=joints[0])

    def _hidden_hand(self, stated: Float64[Array, "n 3"], place: int) -> HandTruth:
        """The wrist of the evaluation split, with joints and vertices where their files are there."""
        joints, vertices = None, None
        if self._xyz is not None:
            file = self.root / "evaluation_xyz.json"
            joints = to_opencv(numbers(self._xyz[place], (21, 3), f"joints {place}", file))[OPENPOSE_FROM_21]
        if self._verts is not None:
            file = self.root / "evaluation_verts.json"
            vertices = to_opencv(numbers(self._verts[place], (778, 3), f"vertices {place}", file))
        return HandTruth(Side.RIGHT, None, joints, vertices_camera=vertices, wrist_camera=to_opencv(stated)[0])

    def _mano(self, meta: Any, path: Path) -> ManoAnnotation:
        pose = numbers(field_of(meta, "handPose", path), (48,), "handPose", path)
        return ManoAnnotation(
            pose[:3],
            pose[3:],
            Articulation.FLAT,
            numbers(field_of(meta, "handBeta", path), (10,), "handBeta", path),
            numbers(field_of(meta, "handTrans", path), (3,), "handTrans", path),
            R_camera=OPENCV_FROM_OPENGL,
        )

    def _objects(self, meta: Any, path: Path) -> tuple[ObjectTruth, ...]:
        if meta.get("objName") is None or meta.get("objRot") is None:
            return ()
        name = str(meta["objName"])
        R = rotation_from_axis_angle(numbers(meta["objRot"], (3,), "objRot", path))
        t = numbers(field_of(meta, "objTrans", path), (3,), "objTrans", path)
        mesh = f"models/{name}/textured_simple.obj"
        return (ObjectTruth(name, mesh, OPENCV_FROM_OPENGL @ R, OPENCV_FROM_OPENGL @ t),)

    def _check_version(self, count: int) -> None:
        """Refuse the other version under this name; tell of a part."""
        for entry in self.listed:
            stem = self.root / self.split / entry.replace("/", "/rgb/", 1)
            here = [name for name, suffix in _SUFFIX.items() if stem.with_name(stem.name + suffix).is_file()]
            if here and self.info.name not in here:
                raise DatasetError(
                    f"{self.root}: this is {here[0]} ({_SUFFIX[here[0]]} images), not {self.info.name}: "
                    f"use evaluate {here[0]}, or get {self.info.title} ({self.info.get})"
                )
            if here:
                break
        published = COUNTS[self.info.name][self.split]
        if count != published:
            reason = f"lists {count} images, published are {published}: a part, or another version"
            self.problems.append(FileProblem(str(self._list), reason, 0))

    def _truth(self, name: str, count: int) -> Any:
        if self.split != "evaluation":
            return None
        path = self.root / f"evaluation_{name}.json"
        content = optional(path, self.problems)
        if content is not None and not (isinstance(content, list) and len(content) == count):
            found = len(content) if isinstance(content, list) else "no list of"
            reason = f"holds {found} hands for {count} listed images: truth of another version, not used"
            self.problems.append(FileProblem(str(path), reason, 0))
            return None
        return compact(content)


def to_opencv(points: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
    """Points of OpenGL's camera in OpenCV's."""
    return points @ OPENCV_FROM_OPENGL


def read_depth(path: Path) -> Float64[Array, "h w"]:
    """Depth in metres of a `depth/{frame}.png`: two bytes of it in the red and green channels (`read_depth_img`)."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ReadError(path, "no depth image that can be decoded")
    return (image[:, :, 2] + image[:, :, 1].astype(np.float64) * 256.0) * 0.00012498664727900177
