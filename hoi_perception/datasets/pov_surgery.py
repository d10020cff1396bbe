"""POV-Surgery (Wang et al., MICCAI 2023): rendered egocentric views of a gloved right hand with a tool, 1920 x 1080.

Facts from the data set's own repository (BatFaceWayne/POV_Surgery):

- `HandOccNet_ft/data/pov_surgery/pov_surgery.py`: `color/{sequence}/{frame}.jpg`,
  `annotation/{sequence}/{frame}.pkl`; the keys of `handoccnet_train/2d_repro_ho3d_style_hocc_cleaned.pkl` and
  `..._test_cleaned.pkl` are the training and the evaluation split, `sequence/frame`.
- `vis_data/POV_surgery_vis_reproject_skeleton.py`: the hand is `mano.load(flat_hand_mean=True, num_pca_comps=45)` of
  `mano`'s fields `global_orient`, `hand_pose`, `betas`, `transl`; its points go `x @ grab2world_R + grab2world_T`,
  then by the inverse of the camera's pose (`cam_rot`, `cam_transl`), then from OpenGL's to OpenCV's axes; the camera
  is 1198.4395, 1198.4395, 960, 175.2; tips 744, 320, 443, 554, 671.
- `MANO/mano/model.py`: 45 components turn the principal components off: `hand_pose` is axis-angle.
- the same script: a tool's STL is in millimetres, minus an offset in metres; its points go
  `x @ base_object_rot.T @ grab2world_R + grab2world_T`.
- README: depth images hold 5000 units per metre.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import OPENCV_FROM_OPENGL, pinhole
from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    attempt,
    check_split,
    field_of,
    needed,
    numbers,
    read_pickle,
    require,
)
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, ObjectTruth, Sample
from hoi_perception.datasets.sample import stamp_ns as stamp
from hoi_perception.hands.joints import Fingertips
from hoi_perception.types import Side

INFO = DatasetInfo(
    name="pov-surgery",
    title="POV-Surgery",
    get="https://batfacewayne.github.io/POV_Surgery_io/: POV_Surgery_data.zip",
    layout="color/, annotation/, tool_mesh/, handoccnet_train/",
    licence="non-commercial scientific research only",
    splits=("test", "train"),
    default_split="test",
    tips=Fingertips.SMPLX.value,
    note="Published errors of joints and vertices are relative to the wrist.",
    objects="tool_mesh/ of POV_Surgery_data.zip",
)
SIZE = (1920, 1080)
CAMERA = pinhole(1198.4395, 1198.4395, 960.0, 175.2, SIZE)
LISTS = {
    "train": "handoccnet_train/2d_repro_ho3d_style_hocc_cleaned.pkl",
    "test": "handoccnet_train/2d_repro_ho3d_style_test_cleaned.pkl",
}
TOOLS: dict[str, tuple[float, float, float]] = {
    "diskplacer": (0.0, 0.34612157, 0.0),
    "friem": (0.0, 0.1145, 0.0),
    "scalpel": (0.04805371, 0.0, 0.0),
}
"""The tools and what is taken off their models' points, metres."""
Array = NDArray[np.float64]


class PovSurgery:
    """One split of POV-Surgery."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        (listing, _, _) = require(INFO, root, LISTS[self.split], "color", "annotation")
        self._frames: dict[str, list[str]] = {}
        with needed(INFO, listing):
            for key in read_pickle(listing):
                sequence, _, frame = str(key).rpartition("/")
                self._frames.setdefault(sequence, []).append(frame)

    @property
    def has_truth(self) -> bool:
        """Both splits have their truth."""
        return True

    def sequences(self) -> list[str]:
        """Sequences in alphabetical order."""
        return sorted(self._frames)

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The split's frames of a sequence, in order."""
        for frame in sorted(self._frames[sequence]):
            path = self.root / "annotation" / sequence / f"{frame}.pkl"
            yield attempt(path, partial(self._sample, sequence, frame, path))

    def _sample(self, sequence: str, frame: str, path: Path) -> Sample:
        content = read_pickle(path)
        if not frame.isdigit():
            raise ReadError(path, f"{frame} is no number of a frame")
        R, t = camera_from_grasp(content, path)
        mano = field_of(content, "mano", path)
        hand = ManoAnnotation(
            numbers(field_of(mano, "global_orient", path), (3,), "global_orient", path),
            numbers(field_of(mano, "hand_pose", path), (45,), "hand_pose", path),
            Articulation.FLAT,
            numbers(field_of(mano, "betas", path), (10,), "betas", path),
            numbers(field_of(mano, "transl", path), (3,), "transl", path),
            R_camera=R,
            t_camera=t,
        )
        picture = ImageFile(self.root / "color" / sequence / f"{frame}.jpg", SIZE)
        stamp_ns = stamp(int(frame), INFO.rate_hz)
        objects = self._tool(sequence, content, path, R, t)
        return Sample(
            self.split, sequence, int(frame), stamp_ns, picture, CAMERA, (HandTruth(Side.RIGHT, hand),), objects
        )

    @staticmethod
    def _tool(
        sequence: str, content: Any, path: Path, R: Float64[Array, "3 3"], t: Float64[Array, "3"]
    ) -> tuple[ObjectTruth, ...]:
        """The tool whose name is part of the sequence's."""
        name = next((tool for tool in TOOLS if tool in sequence), None)
        if name is None:
            return ()
        base = numbers(field_of(content, "base_object_rot", path), (3, 3), "base_object_rot", path)
        turned = R @ base
        moved = t - turned @ np.array(TOOLS[name])
        return (ObjectTruth(name, f"tool_mesh/{name}.stl", turned, moved, mesh_scale=0.001),)


def camera_from_grasp(content: Any, path: Path) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"]]:
    """Rotation and translation that bring points of the canonical grasp to OpenCV's camera."""
    shapes: dict[str, tuple[int, ...]] = {
        "grab2world_R": (3, 3),
        "grab2world_T": (3,),
        "cam_rot": (3, 3),
        "cam_transl": (3,),
    }
    values = {name: numbers(field_of(content, name, path), shape, name, path) for name, shape in shapes.items()}
    R_world_grasp = values["grab2world_R"].T  # stated for points as rows
    R_camera_world = OPENCV_FROM_OPENGL @ values["cam_rot"].T
    return R_camera_world @ R_world_grasp, R_camera_world @ (values["grab2world_T"] - values["cam_transl"])
