"""InterHand2.6M v1.0 (Moon et al., ECCV 2020): one or two bare hands, multi-view studio, 512 x 334 mostly.

Facts from the data set's own code (facebookresearch/InterHand2.6M):

- `data/InterHand2.6M/dataset.py`: `annotations/{split}/InterHand2.6M_{split}_data.json` (COCO: images with file_name,
  width, height, capture, seq_name, camera, frame_idx; annotations with image_id, hand_type, 42 joint_valid),
  `..._camera.json` (campos, camrot, focal, princpt by capture and camera), `..._joint_3d.json` (world_coord by capture
  and frame); images under `images/{split}/`; the roots are joints 20 and 41, and where a root is not valid no joint of
  its hand is.
- `common/utils/transforms.py`: a point in the camera is `camrot (x - campos)`.
- `tool/MANO_world_to_camera/convert.py`: `..._MANO_NeuralAnnot.json` by capture, frame and hand: `pose` (48), `shape`,
  `trans` for `smplx.create(use_pca=False)`, that is axis-angle from the mean pose, metres in the world; the left hand's
  shape directions are corrected first; campos and joints are in millimetres.
- `annotations/skeleton.txt`: right hand first; each finger from its tip (thumb4) to its base (thumb1), thumb to pinky,
  then the wrist.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import OPENPOSE_FROM_INTERHAND, pinhole
from hoi_perception.datasets.errors import FileProblem
from hoi_perception.datasets.files import (
    ImageFile,
    attempt,
    check_split,
    field_of,
    needed,
    numbers,
    optional,
    read_json,
    require,
)
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, Sample
from hoi_perception.hands.joints import Fingertips
from hoi_perception.types import Side

INFO = DatasetInfo(
    name="interhand26m",
    title="InterHand2.6M v1.0",
    get="https://mks0601.github.io/InterHand2.6M/: images and annotations of the 5 or the 30 fps release",
    layout="annotations/{train,val,test}/ and images/{train,val,test}/Capture0/ and so on",
    licence="CC BY-NC 4.0",
    splits=("test", "val", "train"),
    default_split="test",
    tips=Fingertips.SMPLX.value,
    stills=True,
    note="Joints are the data set's own, which lie some millimetres from MANO's; later papers measure on the joints of "
    "its MANO fits.",
)
MM = 0.001
_ROWS = {Side.RIGHT: slice(0, 21), Side.LEFT: slice(21, 42)}
Array = NDArray[np.float64]


class InterHand:
    """One split of InterHand2.6M. A sequence is one camera's view of one recording."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        stem = f"annotations/{self.split}/InterHand2.6M_{self.split}"
        data, camera, joints, self._images = require(
            INFO, root, f"{stem}_data.json", f"{stem}_camera.json", f"{stem}_joint_3d.json", f"images/{self.split}"
        )
        with needed(INFO, data):
            content, self._cameras, self._joints = read_json(data), read_json(camera), read_json(joints)
            self._entries = self._listed(content, data)
        self._paths = {"camera": camera, "joints": joints, "mano": root / f"{stem}_MANO_NeuralAnnot.json"}
        self._mano = optional(self._paths["mano"], self.problems) or {}

    @property
    def has_truth(self) -> bool:
        """All splits have their truth."""
        return True

    def sequences(self) -> list[str]:
        """`Capture/sequence/camera`."""
        return list(self._entries)

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The images of one camera, by frame."""
        for image, annotation in self._entries[sequence]:
            yield attempt(self._paths["mano"], partial(self._sample, sequence, image, annotation))

    def _sample(self, sequence: str, image: Any, annotation: Any) -> Sample:
        path = self._paths["camera"]
        capture, name, frame = str(image["capture"]), str(image["camera"]), int(image["frame_idx"])
        cameras = field_of(self._cameras, capture, path)
        R, position, focal, principal = (
            numbers(field_of(field_of(cameras, key, path), name, path), shape, key, path)
            for key, shape in (("camrot", (3, 3)), ("campos", (3,)), ("focal", (2,)), ("princpt", (2,)))
        )
        size = (int(image["width"]), int(image["height"]))
        camera = pinhole(focal[0], focal[1], principal[0], principal[1], size)
        frames = field_of(self._joints, capture, self._paths["joints"])
        world = field_of(field_of(frames, str(frame), self._paths["joints"]), "world_coord", self._paths["joints"])
        points = (numbers(world, (42, 3), f"world_coord of {frame}", self._paths["joints"]) - position) @ R.T * MM
        valid = numbers(annotation["joint_valid"], (42,), "joint_valid", self._paths["joints"]) > 0.5
        placed = (R, -R @ position * MM)
        hands = tuple(
            self._hand(side, points[rows], valid[rows], self._fit(capture, frame, side, placed))
            for side, rows in _ROWS.items()
            if valid[rows][20]
        )
        picture = ImageFile(self._images / str(image["file_name"]), size)
        return Sample(self.split, sequence, frame, 0, picture, camera, hands)

    @staticmethod
    def _hand(
        side: Side, points: Float64[Array, "21 3"], valid: NDArray[np.bool_], mano: ManoAnnotation | None
    ) -> HandTruth:
        order = OPENPOSE_FROM_INTERHAND
        return HandTruth(side, mano, points[order], None if valid.all() else valid[order])

    def _fit(
        self, capture: str, frame: int, side: Side, placed: tuple[Float64[Array, "3 3"], Float64[Array, "3"]]
    ) -> ManoAnnotation | None:
        fit = self._mano.get(capture, {}).get(str(frame), {}).get(side.label)
        if fit is None:
            return None
        path = self._paths["mano"]
        pose = numbers(field_of(fit, "pose", path), (48,), "pose", path)
        shape = numbers(field_of(fit, "shape", path), (10,), "shape", path)
        trans = numbers(field_of(fit, "trans", path), (3,), "trans", path)
        return ManoAnnotation(
            pose[:3], pose[3:], Articulation.FROM_MEAN, shape, trans, R_camera=placed[0], t_camera=placed[1]
        )

    def _listed(self, content: Any, path: Path) -> dict[str, list[tuple[Any, Any]]]:
        """Images with their annotation by sequence, each once."""
        images = {image["id"]: image for image in field_of(content, "images", path)}
        entries: dict[str, dict[int, tuple[Any, Any]]] = {}
        for annotation in field_of(content, "annotations", path):
            image = images.get(annotation["image_id"])
            if image is None:
                reason = f"annotation {annotation.get('id')} is of image {annotation['image_id']}, which is not listed"
                self.problems.append(FileProblem(str(path), reason))
                continue
            name = f"Capture{image['capture']}/{image['seq_name']}/cam{image['camera']}"
            frames = entries.setdefault(name, {})
            if image["frame_idx"] in frames:
                self.problems.append(FileProblem(str(path), f"lists {image['file_name']} twice, read once", 0))
            frames.setdefault(image["frame_idx"], (image, annotation))
        return {name: [frames[i] for i in sorted(frames)] for name, frames in entries.items()}
