"""OakInk-Image v2.1 (Yang et al., CVPR 2022): right hands with household objects, four cameras, 848 x 480.

Facts from the data set's own toolkit (oakink/OakInk):

- `docs/datasets.md`: `image/anno/{cam_intr,hand_j,hand_v,obj_transf,general_info}/{sample}.pkl` with joints and
  vertices in the camera (metres) and the object's 4 x 4 pose; joints in OpenPose order; images
  `image/stream_release_v2/{sequence}/{view}_color_{frame}.png`; models `image/obj/{object}.obj` or `.ply`.
- `oikit/oi_image/oi_image.py`: lists `image/anno/split/{split0,split1,split2,split0_ho}/seq_{train,test}.json` of
  (sequence/time, subject flag, frame, view); SP0 by views, SP1 by subjects, SP2 by objects; in handovers (intent 0004)
  both people's right hands are annotated, under flags 0 and 1; `general_info` holds `hand_anno.hand_pose` (16
  quaternions w, x, y, z in the world), `hand_shape`, `cam_extr`, all as tensors of torch.
- `scripts/viz_oakink_image_seq.py`: manotorch with `flat_hand_mean=True, center_idx=0`: the pose is from the flat hand,
  joint 0 lies where joint 0 of `hand_j` does.
- `oikit/oi_image/utils.py`: the middle of a model's bounding box is taken off its points first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import camera_of
from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    attempt,
    check_split,
    field_of,
    first_there,
    needed,
    numbers,
    read_json,
    read_pickle,
    require,
)
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, ObjectTruth, Sample
from hoi_perception.datasets.sample import stamp_ns as stamp
from hoi_perception.hands.joints import Fingertips
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_quaternion_wxyz
from hoi_perception.types import Side

FOLDERS = {"sp0": "split0", "sp1": "split1", "sp2": "split2", "hope": "split0_ho"}
INFO = DatasetInfo(
    name="oakink",
    title="OakInk-Image v2.1",
    get="https://www.oakink.net: anno_v2_1.zip, obj.zip, oakink_image_v2",
    layout="image/anno/, image/obj/, image/stream_release_v2/",
    licence="research only, asked for by a form; the toolkit is MIT",
    splits=tuple(f"{mode}_{part}" for mode in FOLDERS for part in ("test", "train")),
    default_split="sp0_test",
    tips=Fingertips.MIDDLE_OF_TIP.value,
    note="In handovers two right hands of two people are annotated; each is matched to the nearest right hand found.",
    objects="obj.zip",
)
SIZE = (848, 480)
VIEWS = ("north_east", "south_east", "north_west", "south_west")
Array = NDArray[np.float64]


class OakInk:
    """One split of OakInk-Image. A sequence is one camera's view of one recording."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        mode, _, part = self.split.partition("_")
        listing, self._anno = require(
            INFO, root, f"image/anno/split/{FOLDERS[mode]}/seq_{part}.json", "image/anno/general_info"
        )
        with needed(INFO, listing):
            self._frames = self._listed(read_json(listing), listing)
        self._anno = self._anno.parent

    @property
    def has_truth(self) -> bool:
        """All splits have their truth."""
        return True

    def sequences(self) -> list[str]:
        """`sequence/time/view`."""
        return list(self._frames)

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The frames of one view, with all hands that are annotated in them."""
        name, _, view = sequence.rpartition("/")
        for frame, flags in sorted(self._frames[sequence].items()):
            make = partial(self._sample, sequence, name, VIEWS.index(view), frame, sorted(flags))
            yield attempt(self._anno / f"general_info/{name.replace('/', '__')}", make)

    def _sample(self, sequence: str, name: str, view: int, frame: int, flags: list[int]) -> Sample:
        stems = [f"{name.replace('/', '__')}__{flag}__{frame}__{view}.pkl" for flag in flags]
        K, path = self._part("cam_intr", stems[0])
        T, path_object = self._part("obj_transf", stems[0])
        pose = numbers(T, (4, 4), "obj_transf", path_object)
        thing = name.split("_")[0]
        mesh = first_there(self.root, f"image/obj/{thing}.obj", f"image/obj/{thing}.ply")
        objects = (ObjectTruth(thing, mesh, pose[:3, :3], pose[:3, 3], mesh_centred=True),)
        image = self.root / "image/stream_release_v2" / name / f"{VIEWS[view]}_color_{frame}.png"
        return Sample(
            self.split,
            sequence,
            frame,
            stamp(frame, INFO.rate_hz),
            ImageFile(image, SIZE),
            camera_of(numbers(K, (3, 3), "cam_intr", path), SIZE),
            tuple(self._hand(stem) for stem in stems),
            objects,
        )

    def _hand(self, stem: str) -> HandTruth:
        joints, path = self._part("hand_j", stem)
        vertices, path_v = self._part("hand_v", stem)
        points = numbers(joints, (21, 3), "hand_j", path)
        info, path_info = self._part("general_info", stem)
        stated = field_of(info, "hand_anno", path_info)
        quaternions = numbers(field_of(stated, "hand_pose", path_info), (16, 4), "hand_pose", path_info)
        norms = np.linalg.norm(quaternions, axis=1, keepdims=True)
        if (norms < 1e-6).any():
            raise ReadError(path_info, "hand_pose holds a quaternion of length 0")
        rotations = rotation_from_quaternion_wxyz(quaternions / norms)
        pose = np.asarray(axis_angle_from_rotation(rotations), dtype=np.float64)
        extrinsic = numbers(field_of(info, "cam_extr", path_info), (4, 4), "cam_extr", path_info)
        R = extrinsic[:3, :3]
        mano = ManoAnnotation(
            pose[0],
            pose[1:].reshape(45),
            Articulation.FLAT,
            numbers(field_of(stated, "hand_shape", path_info), (10,), "hand_shape", path_info),
            R.T @ (points[0] - extrinsic[:3, 3]),
            placed_joint=0,
            R_camera=R,
            t_camera=extrinsic[:3, 3],
        )
        found = numbers(vertices, (778, 3), "hand_v", path_v)
        return HandTruth(Side.RIGHT, mano, points, vertices_camera=found)

    def _part(self, kind: str, stem: str) -> tuple[Any, Path]:
        path = self._anno / kind / stem
        return read_pickle(path), path

    def _listed(self, entries: Any, path: Path) -> dict[str, dict[int, set[int]]]:
        """Flags of the people by frame by sequence."""
        frames: dict[str, dict[int, set[int]]] = {}
        for entry in entries:
            try:
                name, flag, frame, view = str(entry[0]), int(entry[1]), int(entry[2]), int(entry[3])
                sequence = f"{name}/{VIEWS[view]}"
            except (TypeError, ValueError, LookupError):
                raise ReadError(path, f"{entry} is not (sequence, flag, frame, view)") from None
            flags = frames.setdefault(sequence, {}).setdefault(frame, set())
            if flag in flags:
                self.problems.append(FileProblem(str(path), f"lists {entry} twice, read once", 0))
            flags.add(flag)
        return frames
