"""HOT3D-Clips (Banerjee et al., CVPR 2025): egocentric hands and objects from Aria and Quest 3 headsets.

Facts from the data set's own documents and code (facebookresearch/hot3d, facebookresearch/hand_tracking_toolkit):

- `hot3d/clips/README.md`: a clip is `{train,test}_{aria,quest3}/clip-{id}.tar` of 150 frames with
  `{frame}.image_{stream}.jpg`, `.cameras.json`, `.hands.json`, `.objects.json` and `__hand_shapes.json__`; streams
  214-1 (Aria's colour camera), 1201-1 and 1201-2 (monochrome); the truth of test clips is hidden; `wrist_xform` is
  smplx's global orientation and translation, metres in the world; `visibilities_modeled` is the share of a hand that
  is seen.
- `hand_tracking_toolkit/hand_models/mano_hand_model.py`: `smplx.create(use_pca=True, num_pca_comps=15)`: 15 principal
  components with the mean added; the left file's shape directions are corrected; tips 744, 320, 443, 554, 671; one
  shape for both hands.
- `hand_tracking_toolkit/camera.py`: FISHEYE624; `T_world_from_camera` with quaternions w, x, y, z.
- `hot3d/clips/vis_clips.py`: objects are `obj_{id:06d}.glb` by `object_bop_id`, posed by `T_world_from_object`; images
  are turned by a quarter clockwise to be upright.
- `hot3d/clips/README.md`, `clip_util.py`: meshes are those of `object_models` or, simplified, `object_models_eval`, in
  metres.

The pipeline wants straight cameras: images are undistorted and set upright when they are decoded.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.datasets.errors import FileProblem, ReadError
from hoi_perception.datasets.files import (
    attempt,
    check_split,
    decoded,
    field_of,
    first_there,
    numbers,
    require,
    understood,
)
from hoi_perception.datasets.fisheye import CAMERA_FROM_UPRIGHT, Fisheye
from hoi_perception.datasets.sample import Articulation, DatasetInfo, HandTruth, ManoAnnotation, ObjectTruth, Sample
from hoi_perception.datasets.sample import stamp_ns as stamp
from hoi_perception.hands.joints import Fingertips
from hoi_perception.transforms import rotation_from_quaternion_wxyz
from hoi_perception.types import Side

STREAMS = {"aria": ("214-1",), "quest3": ("1201-1", "1201-2")}
"""The streams that are evaluated: Aria's colour camera, both of Quest 3's."""
INFO = DatasetInfo(
    name="hot3d",
    title="HOT3D-Clips",
    get="https://huggingface.co/datasets/bop-benchmark/hot3d: train_quest3, train_aria",
    layout="train_quest3/clip-000000.tar and so on, train_aria/",
    licence="HOT3D licence agreement (projectaria.com/datasets/hot3d/license): research",
    splits=("train_quest3", "train_aria"),
    default_split="train_quest3",
    tips=Fingertips.SMPLX.value,
    note="The truth of the test clips is hidden: training clips are evaluated, on which published methods were "
    "trained. MANO parameters were fitted to UmeTrack's hands and are slightly worse. Images are undistorted to "
    "straight views.",
    objects="object_models_eval/ (simplified) or object_models/",
)
Array = NDArray[np.float64]
_SHAPES = "__hand_shapes.json__"


class Hot3d:
    """The clips of one device. A sequence is one camera's view of one clip."""

    info = INFO

    def __init__(self, root: Path, split: str = "") -> None:
        self.root, self.split = root, check_split(INFO, split)
        self.problems: list[FileProblem] = []
        (folder,) = require(INFO, root, self.split)
        clips = sorted(path.stem for path in folder.glob("clip-*.tar"))
        if not clips:
            require(INFO, root, f"{self.split}/clip-*.tar")
        streams = STREAMS[self.split.partition("_")[2]]
        self._sequences = [f"{clip}/{stream}" for clip in clips for stream in streams]

    @property
    def has_truth(self) -> bool:
        """Training clips have their truth."""
        return True

    def sequences(self) -> list[str]:
        """`clip/stream`."""
        return self._sequences

    def read(self, sequence: str) -> Iterator[Sample | FileProblem]:
        """The frames of one stream."""
        clip, _, stream = sequence.partition("/")
        path = self.root / self.split / f"{clip}.tar"
        try:
            with understood(path):
                archive = _Archive(path)
                shapes = archive.json(_SHAPES)
                shape = numbers(field_of(shapes, "mano", path), (10,), "MANO shape", path)
        except ReadError as error:
            yield FileProblem.of(error)
            return
        for frame in archive.frames:
            yield attempt(path, partial(self._sample, sequence, archive, frame, stream, shape))

    def _sample(self, sequence: str, archive: _Archive, frame: str, stream: str, shape: Float64[Array, "10"]) -> Sample:
        path = archive.path
        stated = field_of(archive.json(f"{frame}.cameras.json"), stream, path)
        calibration = field_of(stated, "calibration", path)
        kind = str(field_of(calibration, "projection_model_type", path))
        if not kind.endswith("FISHEYE624"):
            raise ReadError(path, f"{frame}: camera model {kind} is not FISHEYE624: a clip of another version?")
        size = (int(calibration["image_width"]), int(calibration["image_height"]))
        parameters = numbers(field_of(calibration, "projection_params", path), (-1,), "projection_params", path)
        fisheye = Fisheye.of(parameters, size)
        R_world_camera, t_world_camera = rigid(field_of(stated, "T_world_from_camera", path), path)
        R = CAMERA_FROM_UPRIGHT.T @ R_world_camera.T
        t = -R @ t_world_camera
        hands = archive.json(f"{frame}.hands.json")
        objects = archive.json(f"{frame}.objects.json") if archive.has(f"{frame}.objects.json") else {}
        return Sample(
            self.split,
            sequence,
            int(frame),
            stamp(int(frame), INFO.rate_hz),
            _FisheyePicture(archive, f"{frame}.image_{stream}.jpg", fisheye),
            fisheye.upright(),
            tuple(
                hand
                for side in (Side.LEFT, Side.RIGHT)
                if (hand := _hand(hands, side, stream, shape, (R, t), path)) is not None
            ),
            tuple(_thing(one, (R, t), path, self.root) for group in objects.values() for one in group),
        )


Placed = tuple[Float64[Array, "3 3"], Float64[Array, "3"]]


def _hand(
    hands: Any, side: Side, stream: str, shape: Float64[Array, "10"], placed: Placed, path: Path
) -> HandTruth | None:
    """A hand of the frame; None where it is not annotated."""
    stated = hands.get(side.label)
    if stated is None or stated.get("mano_pose") is None:
        return None
    pose = stated["mano_pose"]
    wrist = numbers(field_of(pose, "wrist_xform", path), (6,), "wrist_xform", path)
    thetas = numbers(field_of(pose, "thetas", path), (-1,), "thetas", path)
    R, t = placed
    mano = ManoAnnotation(
        wrist[:3], thetas, Articulation.COMPONENTS_FROM_MEAN, shape, wrist[3:], R_camera=R, t_camera=t
    )
    visible = (stated.get("visibilities_modeled") or {}).get(stream)
    return HandTruth(side, mano, visibility=None if visible is None else float(visible))


def _thing(stated: Any, placed: Placed, path: Path, root: Path) -> ObjectTruth:
    number = int(field_of(stated, "object_bop_id", path))
    R_world, t_world = rigid(field_of(stated, "T_world_from_object", path), path)
    R, t = placed
    name = f"obj_{number:06d}"
    mesh = first_there(root, f"object_models_eval/{name}.glb", f"object_models/{name}.glb")
    return ObjectTruth(name, mesh, R @ R_world, R @ t_world + t)


def rigid(stated: Any, path: Path) -> Placed:
    """Rotation and translation of a stated transformation (quaternion w, x, y, z)."""
    q = numbers(field_of(stated, "quaternion_wxyz", path), (4,), "quaternion_wxyz", path)
    norm = float(np.linalg.norm(q))
    if norm < 1e-6:
        raise ReadError(path, "a quaternion of length 0")
    t = numbers(field_of(stated, "translation_xyz", path), (3,), "translation_xyz", path)
    return np.asarray(rotation_from_quaternion_wxyz(q / norm), dtype=np.float64), t


class _Archive:
    """The table of a clip's tar; members are read where they lie."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with tarfile.open(path, "r:") as tar:
                self._members = {m.name: (m.offset_data, m.size) for m in tar.getmembers() if m.isfile()}
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise ReadError(path, f"damaged, or no tar ({error})") from error
        end = path.stat().st_size
        if any(offset + size > end for offset, size in self._members.values()):
            raise ReadError(path, "damaged: it ends before its last file does")
        self.frames = sorted(n.removesuffix(".cameras.json") for n in self._members if n.endswith(".cameras.json"))

    def has(self, name: str) -> bool:
        """Whether the clip holds a file."""
        return name in self._members

    def bytes_of(self, name: str) -> bytes:
        """The content of a file of the clip."""
        if name not in self._members:
            raise ReadError(self.path, f"holds no {name}")
        offset, size = self._members[name]
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(size)

    def json(self, name: str) -> Any:
        """A JSON file of the clip."""
        try:
            return json.loads(self.bytes_of(name))
        except ValueError as error:
            raise ReadError(self.path, f"{name} is damaged ({error})") from error


class _FisheyePicture:
    """An image of a clip, undistorted and upright."""

    def __init__(self, archive: _Archive, member: str, fisheye: Fisheye) -> None:
        self._archive, self._member, self._fisheye = archive, member, fisheye

    @property
    def name(self) -> str:
        """Clip and file."""
        return f"{self._archive.path}:{self._member}"

    def read(self) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """The pixels, BGR."""
        data = np.frombuffer(self._archive.bytes_of(self._member), dtype=np.uint8)
        return self._fisheye.straightened(decoded(data, self.name, self._fisheye.size))
