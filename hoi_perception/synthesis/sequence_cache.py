"""Sequences of the benchmark on disk, in the user's cache, by everything that decides what they are."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.synthesis.look import Optics
from hoi_perception.synthesis.scene import Pose
from hoi_perception.synthesis.surgery_tracks import HandTrack, InstrumentTrack, OtherHand, SurgerySequence, Task
from hoi_perception.types import Camera, Distortion, Side

_PACKAGE = Path(__file__).resolve().parents[1]
_TOOL_PARTS = ("R", "t", "joints", "holder")
_ENDINGS = (".py", ".npz", ".yaml", ".urdf", ".csv")
_MAKERS = (
    *("benchmark_split", "finger_*", "grasp_*", "gripping", "hand_*", "handover_motion", "instrument_mesh"),
    *("jaw_cycles", "limb", "motion_checks", "sequence_*", "smooth_motion", "staging", "surgery_*", "surgical_grasps"),
    *("tool_*", "working_*"),
)


def sequence_directory() -> Path:
    """`hoi_perception/surgery` in the user's cache; it need not exist."""
    folder = os.environ.get("XDG_CACHE_HOME")
    return (Path(folder) if folder else Path.home() / ".cache") / "hoi_perception" / "surgery"


@cache
def _makers_hash() -> str:
    """Hash of all code and data that makes sequences."""
    digest = hashlib.sha256()
    paths = [path for folder in ("hands", "instruments") for path in (_PACKAGE / folder).rglob("*")]
    paths += [path for pattern in _MAKERS for path in (_PACKAGE / "synthesis").glob(f"{pattern}.py")]
    for path in sorted(set(paths)):
        if path.suffix in _ENDINGS:
            digest.update(str(path.relative_to(_PACKAGE)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def cached_sequence(
    what: Sequence[object], make: Callable[[], SurgerySequence], directory: Path | None = None
) -> SurgerySequence:
    """A sequence read from the cache, or made and put there.

    A file that is damaged is made anew; a cache that cannot be written to does no harm.
    """
    key = hashlib.sha256((repr(tuple(what)) + _makers_hash()).encode()).hexdigest()[:40]
    path = (directory or sequence_directory()) / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _read({name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        sequence = make()
        _write(path, _arrays(sequence))
        return sequence


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """Writes under a name of its own, then renames."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".npz", delete=False) as file:
            temporary = Path(file.name)
            try:
                np.savez_compressed(file, **arrays)
                file.close()
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError:
        return


def _arrays(s: SurgerySequence) -> dict[str, NDArray[Any]]:
    camera = s.camera
    out: dict[str, NDArray[Any]] = {
        "kinds": np.array([s.task.value, s.other.value, s.optics.value, camera.distortion.value]),
        "K": camera.K,
        "D": camera.D,
        "size_px": np.array([camera.width, camera.height]),
        "table_R": s.table.R,
        "table_t": s.table.t,
        "sides": np.array([int(hand.side) for hand in s.hands]),
        "names": np.array(["|".join((tool.name, *tool.grasps)) for tool in s.instruments]),
    }
    for k, hand in enumerate(s.hands):
        fields = {"shape": hand.shape, "articulation": hand.articulation, "R": hand.R, "t": hand.t, "elbow": hand.elbow}
        out |= {f"hand{k}_{name}": values for name, values in fields.items()}
    for k, tool in enumerate(s.instruments):
        own = (tool.R, tool.t, tool.joint_positions, tool.holder)
        out |= {f"tool{k}_{name}": values for name, values in zip(_TOOL_PARTS, own, strict=True)}
    return out


def _read(a: dict[str, NDArray[Any]]) -> SurgerySequence:
    task, other, optics, distortion = (str(kind) for kind in a["kinds"])
    width, height = (int(n) for n in a["size_px"])
    hands = tuple(
        HandTrack(Side(int(side)), *(a[f"hand{k}_{name}"] for name in ("shape", "articulation", "R", "t", "elbow")))
        for k, side in enumerate(a["sides"])
    )
    tools = []
    for k, text in enumerate(a["names"]):
        name, *grasps = str(text).split("|")
        R, t, joints, holder = (a[f"tool{k}_{part}"] for part in _TOOL_PARTS)
        tools.append(InstrumentTrack(name, R, t, joints, holder, tuple(grasps)))
    return SurgerySequence(
        Task(task),
        OtherHand(other),
        Optics(optics),
        Camera(a["K"], width, height, Distortion(distortion), a["D"]),
        Pose(a["table_R"], a["table_t"]),
        hands,
        tuple(tools),
    )
