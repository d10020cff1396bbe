"""DexYCB (Chao et al., CVPR 2021): a left or right hand takes a YCB object, eight cameras, 640 x 480.

Facts from the data set's own toolkit (NVlabs/dex-ycb-toolkit):

- README: `{subject}/{sequence}/{serial}/color_{i:06d}.jpg` and `labels_{i:06d}.npz` with `pose_m` (1, 51: 48 MANO
  numbers in principal components, then the translation; all 0 without a hand), `joint_3d` (1, 21, 3, metres in the
  camera; all -1 without a hand), `pose_y` (objects, 3, 4), `seg`.
- `dex_ycb.py`: subjects, serials, joint names (wrist, thumb to little finger, four each from base to tip), the setups
  s0 (all seen), s1 (unseen subjects), s2 (unseen views), s3 (unseen objects) by place in the sorted list of a subject's
  100 sequences; intrinsics `calibration/intrinsics/{serial}_640x480.yml`, shape `calibration/mano_{calib}/mano.yml`.
- `examples/visualize_pose.py`: manopth with `flat_hand_mean=False, ncomps=45, use_pca=True` and the official files:
  the first 3 numbers are the global rotation, the 45 others coefficients with the mean added; the left file's error
  is kept.
- manopth's `manolayer.py`: tips 745, 317, 444, 556, 673, on the left hand 445 for the middle finger.
- `dex_ycb.py`: `ycb_grasp_ind` in `meta.yml` is the place, in `ycb_ids`, of the object that the hand takes.
- `examples/visualize_pose.py`: y and z are negated only for OpenGL's renderer: the labels are in OpenCV's axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hoi_perception.datasets.conventions import pinhole
from hoi_perception.datasets.errors import DatasetError, FileProblem, ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    attempt,
    check_split,
    field_of,
    numbers,
    read_npz,
    read_yaml,
    require,
    understood,
)
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, ObjectTruth, Sample
from hoi_perception.datasets.sample import stamp_ns as stamp
from hoi_perception.types import Camera, Side

SETUPS = ("s0", "s1", "s2", "s3")
INFO = DatasetInfo(
    name="dexycb",
    title="DexYCB",
    get="https://dex-ycb.github.io: dex-ycb-20210415.tar.gz or its parts, calibration and models with them",
    layout="20200709-subject-01/ to 20201022-subject-10/, calibration/, models/",
    licence="CC BY-NC 4.0",
    splits=tuple(f"{setup}_{part}" for setup in SETUPS for part in ("test", "val", "train")),
    default_split="s0_test",
    tips=(745, 317, 444, 556, 673),
    tips_left=(745, 317, 445, 556, 673),
    left_uncorrected=True,
    note="Frames without an annotated hand are no part of the published protocol.",
    objects="models/ of the data set",
)
SIZE = (640, 480)
N_SEQUENCES = 100
SUBJECTS = (
    "20200709-subject-01",
    "20200813-subject-02",
    "20200820-subject-03",
    "20200903-subject-04",
    "20200908-subject-05",
    "20200918-subject-06",
    "20200928-subject-07",
    "20201002-subject-08",
    "20201015-subject-09",
    "20201022-subject-10",
)
SERIALS = (
    "836212060125",
    "839512060362",
    "840412060917",
    "841412060263",
    "932122060857",
    "932122060861",
    "932122061900",
    "932122062010",
)
OBJECTS = (
    "002_master_chef_can",
    "003_cracker_box",
    "004_sugar_box",
    "005_tomato_soup_can",
    "006_mustard_bottle",
    "007_tuna_fish_can",
    "008_pudding_box",
    "009_gelatin_box",
    "010_potted_meat_can",
    "011_banana",
    "019_pitcher_base",
    "021_bleach_cleanser",
    "024_bowl",
    "025_mug",
    "035_power_drill",
    "036_wood_block",
    "037_scissors",
    "040_large_marker",
    "051_large_clamp",
    "052_extra_large_clamp",
    "061_foam_brick",
)
"""Names of the objects 1 to 21."""


def members(split: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Places of a split's subjects, cameras and sequences (of each subject, sorted)."""
    setup, _, part = split.partition("_")
    subjects, cameras, sequences = tuple(range(10)), tuple(range(8)), tuple(range(N_SEQUENCES))
    match setup, part:
        case "s0", _:
            subjects = {"train": subjects, "val": (0, 1), "test": tuple(range(2, 10))}[part]
            sequences = tuple(i for i in sequences if (i % 5 != 4) == (part == "train"))
        case "s1", _:
            subjects = {"train": (0, 1, 2, 3, 4, 5, 9), "val": (6,), "test": (7, 8)}[part]
        case "s2", _:
            cameras = {"train": tuple(range(6)), "val": (6,), "test": (7,)}[part]
        case _:
            held_out = {"val": (3, 19), "test": (7, 11, 15)}
            if part == "train":
                sequences = tuple(i for i in sequences if i // 5 not in held_out["val"] + held_out["test"])
            else:
                sequences = tuple(i for i in sequences if i // 5 in held_out[part])
    return subjects, cameras, sequences


@dataclass(frozen=True, eq=False)
class _Recording:
    """What holds for all frames of one camera's view of one grasp."""

    count: int
    side: Side
    objects: list[int]
    grasped: int
    shape: Any
    camera: Camera


class DexYcb:
    """One split of DexYCB. A sequence is one camera's view of one grasp."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        require(INFO, root, "calibration/intrinsics")
        subjects, cameras, places = members(self.split)
        self._sequences = [
            f"{folder}/{SERIALS[camera]}"
            for subject in subjects
            for folder in self._folders(SUBJECTS[subject], places)
            for camera in cameras
        ]
        if not self._sequences:
            require(INFO, root, *(SUBJECTS[subject] for subject in subjects))

    @property
    def has_truth(self) -> bool:
        """All splits have their truth."""
        return True

    def sequences(self) -> list[str]:
        """`subject/sequence/serial`."""
        return self._sequences

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The frames of one camera."""
        subject, name, serial = sequence.split("/")
        path = self.root / subject / name / "meta.yml"
        try:
            with understood(path):
                recording = self._recording(path, serial)
        except ReadError as error:
            yield FileProblem.of(error)
            return
        for frame in range(recording.count):
            label = self.root / sequence / f"labels_{frame:06d}.npz"
            yield attempt(label, partial(self._sample, sequence, frame, recording, label))

    def _recording(self, path: Path, serial: str) -> _Recording:
        meta = read_yaml(path)
        return _Recording(
            count=int(numbers(field_of(meta, "num_frames", path), (1,), "num_frames", path)[0]),
            side={"left": Side.LEFT, "right": Side.RIGHT}[str(field_of(meta, "mano_sides", path)[0])],
            objects=[int(i) for i in field_of(meta, "ycb_ids", path)],
            grasped=int(numbers(field_of(meta, "ycb_grasp_ind", path), (1,), "ycb_grasp_ind", path)[0]),
            shape=self._shape(str(field_of(meta, "mano_calib", path)[0])),
            camera=self._camera(serial),
        )

    def _sample(self, sequence: str, frame: int, recording: _Recording, path: Path) -> Sample:
        labels = read_npz(path, ("joint_3d", "pose_m", "pose_y"))
        joints = numbers(field_of(labels, "joint_3d", path), (21, 3), "joint_3d", path)
        pose = numbers(field_of(labels, "pose_m", path), (51,), "pose_m", path)
        hands: tuple[HandTruth, ...] = ()
        if not (joints == -1.0).all() and pose.any():
            mano = ManoAnnotation(pose[:3], pose[3:48], Articulation.COMPONENTS_FROM_MEAN, recording.shape, pose[48:])
            hands = (HandTruth(recording.side, mano, joints),)
        poses = numbers(field_of(labels, "pose_y", path), (len(recording.objects), 3, 4), "pose_y", path)
        found = tuple(
            self._object(number, T, grasped=place == recording.grasped)
            for place, (number, T) in enumerate(zip(recording.objects, poses, strict=True))
            if T.any()
        )
        picture = ImageFile(self.root / sequence / f"color_{frame:06d}.jpg", SIZE)
        return Sample(self.split, sequence, frame, stamp(frame, INFO.rate_hz), picture, recording.camera, hands, found)

    @staticmethod
    def _object(number: int, T: Any, *, grasped: bool) -> ObjectTruth:
        name = OBJECTS[number - 1]
        mesh = f"models/{name}/textured_simple.obj"
        return ObjectTruth(name, mesh, T[:, :3].copy(), T[:, 3].copy(), grasped=grasped)

    def _shape(self, calibration: str) -> Any:
        path = self.root / "calibration" / f"mano_{calibration}" / "mano.yml"
        return numbers(field_of(read_yaml(path), "betas", path), (10,), "betas", path)

    def _camera(self, serial: str) -> Camera:
        path = self.root / "calibration" / "intrinsics" / f"{serial}_{SIZE[0]}x{SIZE[1]}.yml"
        color = field_of(read_yaml(path), "color", path)
        fx, fy, cx, cy = (
            float(numbers(field_of(color, key, path), (1,), key, path)[0]) for key in ("fx", "fy", "ppx", "ppy")
        )
        return pinhole(fx, fy, cx, cy, SIZE)

    def _folders(self, subject: str, places: tuple[int, ...]) -> list[str]:
        """The split's sequences of a subject; they are told by their place among all 100."""
        folder = self.root / subject
        if not folder.is_dir():
            self.problems.append(FileProblem(str(folder), "no such folder: the subject is left out", 0))
            return []
        names = sorted(path.name for path in folder.iterdir() if path.is_dir())
        if len(names) != N_SEQUENCES:
            raise DatasetError(
                f"{folder}: {len(names)} sequences instead of {N_SEQUENCES}, and the splits go by their place in the "
                f"list: get the whole subject ({INFO.get}). Licence: {INFO.licence}"
            )
        return [f"{subject}/{names[place]}" for place in places]
