"""ARCTIC (Fan et al., CVPR 2023): two bare hands and an articulated object, eight static cameras and a head camera.

Facts from the data set's own code and documents (zc-alexfan/arctic):

- `docs/data/data_doc.md`: `raw_seqs/{subject}/{name}.mano.npy` (by hand: rot, pose, trans, shape), `.object.npy`
  (articulation, axis-angle, translation), `.egocam.dist.npy` (R_k_cam_np, T_k_cam_np, intrinsics, dist8),
  `meta/misc.json` (world2cam, intris_mat, image_size, ioi_offset), `splits_json/protocol_p{1,2}.json`.
- `common/body_models.py`: smplx's MANO with `use_pca=False, flat_hand_mean=False`, axis-angle from the mean pose; the
  official left file is used as it is, sign error included.
- `src/arctic/split.py`: protocol 1 has the static views 1 to 8, protocol 2 the head camera 0; the first and last 10
  frames are left out, since images may be black; images are `images/{subject}/{name}/{view}/{frame:05d}.jpg`.
- `src/datasets/arctic_dataset.py`: the annotation of image i is row i - ioi_offset.
- `common/transforms.py`: the head camera's lens is OpenCV's rational model with dist8 in OpenCV's order.
- `src/arctic/preprocess_dataset.py`, `processing.py`: the object's translation is in millimetres, hands in metres; its
  mesh (`meta/object_vtemplates/{name}/mesh.obj`) is in millimetres, its top turns about (0, 0, -1) by the articulation.
- `common/object_tensors.py`: `parts.json` beside the mesh has 0 for each vertex of the top and 1 for the bottom (plus
  one, part 1 is turned); the top turns first, about the mesh's origin, then the whole object.
- `docs/setup.md`: 21 joints by smplx's vertex selector: tips 744, 320, 443, 554, 671.
- `docs/data/processing.md`: the truth of the test split is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.datasets.conventions import pinhole
from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    check_split,
    field_of,
    needed,
    numbers,
    read_json,
    read_npy,
    require,
    understood,
)
from hoi_perception.datasets.sample import (
    Articulation,
    DatasetInfo,
    HandTruth,
    Hinge,
    ManoAnnotation,
    ObjectTruth,
    Sample,
)
from hoi_perception.datasets.sample import stamp_ns as stamp
from hoi_perception.hands.joints import Fingertips
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Distortion, Side

INFO = DatasetInfo(
    name="arctic",
    title="ARCTIC",
    get="https://arctic.is.tue.mpg.de (an account is needed): images, raw_seqs, meta, splits_json",
    layout="images/, raw_seqs/, meta/, splits_json/ (the folder arctic_data/data of its download)",
    licence="non-commercial research only",
    splits=("p1_val", "p2_val", "p1_train", "p2_train"),
    default_split="p1_val",
    tips=Fingertips.SMPLX.value,
    left_uncorrected=True,
    note="The truth of the test splits is hidden: the validation split is evaluated. Hands count where most of their "
    "joints are in the picture; the published protocol also asks that the object's middle is.",
    objects="object_vtemplates/ of its meta",
)
N_STATIC = 8
BORDER = 10
"""Frames at both ends that may be black."""
TOP_AXIS = (0.0, 0.0, -1.0)
Array = NDArray[np.float64]


class Arctic:
    """One split of ARCTIC. A sequence is one camera's view of one recording."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        protocol, _, part = self.split.partition("_")
        listing, self._misc_path, _ = require(
            INFO, root, f"splits_json/protocol_{protocol}.json", "meta/misc.json", "raw_seqs"
        )
        with needed(INFO, listing):
            names, self._misc = field_of(read_json(listing), part, listing), read_json(self._misc_path)
            views = range(1, N_STATIC + 1) if protocol == "p1" else range(1)
            self._sequences = [
                f"{name}/{view}" for name in dict.fromkeys(map(_recording_name, names)) for view in views
            ]

    @property
    def has_truth(self) -> bool:
        """Training and validation have their truth."""
        return True

    def sequences(self) -> list[str]:
        """`subject/name/view`."""
        return self._sequences

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The frames of one view that may be evaluated."""
        subject, name, view = sequence.split("/")
        stem = self.root / "raw_seqs" / subject / name
        try:
            with understood(self._misc_path):
                recording = _Recording(stem)
                views = _Views(field_of(self._misc, subject, self._misc_path), self._misc_path, stem, int(view))
        except ReadError as error:
            yield FileProblem.of(error)
            return
        folder = self.root / "images" / subject / name / view
        for frame in range(BORDER, recording.count - BORDER):
            row = frame - views.offset
            if not 0 <= row < recording.count:
                continue
            R, t = views.pose(row)
            picture = ImageFile(folder / f"{frame:05d}.jpg", (views.camera.width, views.camera.height))
            hands = tuple(HandTruth(side, recording.hand(side, row, R, t)) for side in (Side.RIGHT, Side.LEFT))
            objects = (recording.thing(name.split("_")[0], row, R, t),)
            stamp_ns = stamp(frame, INFO.rate_hz)
            yield Sample(self.split, sequence, frame, stamp_ns, picture, views.camera, hands, objects)


def _recording_name(stated: Any) -> str:
    """`subject/name`; ValueError for anything else."""
    subject, name = str(stated).split("/")
    return f"{subject}/{name}"


class _Recording:
    """Hands and object of one recording, in the world."""

    def __init__(self, stem: Path) -> None:
        path = stem.with_name(f"{stem.name}.mano.npy")
        content = read_npy(path)
        self._hands = {}
        for side in (Side.RIGHT, Side.LEFT):
            hand = field_of(content, side.label, path)
            shapes = {"rot": (-1, 3), "pose": (-1, 45), "trans": (-1, 3), "shape": (10,)}
            self._hands[side] = {
                key: numbers(field_of(hand, key, path), shape, key, path) for key, shape in shapes.items()
            }
        path_object = stem.with_name(f"{stem.name}.object.npy")
        self._object = numbers(read_npy(path_object), (-1, 7), "object parameters", path_object)
        counts = {len(hand[key]) for hand in self._hands.values() for key in ("rot", "pose", "trans")}
        if counts != {len(self._object)}:
            raise ReadError(path, f"hands and object have different lengths: {sorted(counts | {len(self._object)})}")
        self.count = len(self._object)

    def hand(self, side: Side, row: int, R: Float64[Array, "3 3"], t: Float64[Array, "3"]) -> ManoAnnotation:
        """MANO parameters of one frame, with the camera's pose."""
        hand = self._hands[side]
        return ManoAnnotation(
            hand["rot"][row],
            hand["pose"][row],
            Articulation.FROM_MEAN,
            hand["shape"],
            hand["trans"][row],
            R_camera=R,
            t_camera=t,
        )

    def thing(self, name: str, row: int, R: Float64[Array, "3 3"], t: Float64[Array, "3"]) -> ObjectTruth:
        """The pose of the object's bottom part and the angle of its top."""
        state = self._object[row]
        turned = R @ rotation_from_axis_angle(state[1:4])
        return ObjectTruth(
            name,
            f"meta/object_vtemplates/{name}/mesh.obj",
            turned,
            R @ (state[4:] * 0.001) + t,
            mesh_scale=0.001,
            articulation_rad=float(state[0]),
            hinge=Hinge(f"meta/object_vtemplates/{name}/parts.json", TOP_AXIS),
        )


class _Views:
    """One camera of a subject: a static one, or the head camera of a recording."""

    def __init__(self, misc: Any, path: Path, stem: Path, view: int) -> None:
        self.offset = int(numbers(field_of(misc, "ioi_offset", path), (1,), "ioi_offset", path)[0])
        sizes = numbers(field_of(misc, "image_size", path), (-1, 2), "image_size", path)
        if view >= len(sizes):
            raise ReadError(path, f"image_size has no view {view}")
        size = (int(sizes[view, 0]), int(sizes[view, 1]))
        if view == 0:
            self._read_head_camera(stem.with_name(f"{stem.name}.egocam.dist.npy"), size)
            return
        K = numbers(field_of(misc, "intris_mat", path), (N_STATIC, 3, 3), "intris_mat", path)[view - 1]
        T = numbers(field_of(misc, "world2cam", path), (N_STATIC, 4, 4), "world2cam", path)[view - 1]
        self.camera = Camera(K, *size)
        self._R, self._t = T[None, :3, :3], T[None, :3, 3]

    def _read_head_camera(self, path: Path, size: tuple[int, int]) -> None:
        content = read_npy(path)
        K = numbers(field_of(content, "intrinsics", path), (3, 3), "intrinsics", path)
        D = numbers(field_of(content, "dist8", path), (8,), "dist8", path)
        self.camera = pinhole(K[0, 0], K[1, 1], K[0, 2], K[1, 2], size, D, Distortion.RATIONAL_POLYNOMIAL)
        self._R = numbers(field_of(content, "R_k_cam_np", path), (-1, 3, 3), "R_k_cam_np", path)
        self._t = numbers(field_of(content, "T_k_cam_np", path), (-1, 3), "T_k_cam_np", path)

    def pose(self, row: int) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"]]:
        """Rotation and translation from the world to the camera."""
        row = min(row, len(self._R) - 1) if len(self._R) == 1 else row
        return self._R[row], self._t[row]
