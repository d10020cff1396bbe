"""Truth grasps and sequences on disk, in the user's cache, by everything that decides what they are."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.synthesis.grasp_truth import GraspTruth, MadeBy
from hoi_perception.types import Camera, HandParameters, Side

_PACKAGE = Path(__file__).resolve().parents[1]
_MAKERS = ("synthesis", "hands", "instruments")
_SOLVERS = ("interaction", "kernels")
_ENDINGS = (".py", ".npz", ".yaml", ".urdf", ".csv")
_MAX_JOINTS = 8


def cache_directory() -> Path:
    """`hoi_perception/truth` in the user's cache; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hoi_perception" / "truth"


def truth_key(what: Sequence[object], *, solved: bool) -> str:
    """Hash of what is asked for and of all code and data that makes it; `solved` adds those of the solver."""
    digest = hashlib.sha256(repr(tuple(what)).encode())
    for folder in (*_MAKERS, *(_SOLVERS if solved else ())):
        for path in sorted((_PACKAGE / folder).rglob("*")):
            if path.suffix in _ENDINGS:
                digest.update(str(path.relative_to(_PACKAGE)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:40]


def cached(
    key: str, make: Callable[[], tuple[list[list[GraspTruth]], int]], directory: Path | None = None
) -> tuple[list[list[GraspTruth]], int]:
    """Groups of truths (a grasp is a group of one) and the tries they took, read from the cache or made and put there.

    A file that is damaged is made anew; a cache that cannot be written to does no harm.
    """
    path = (directory or cache_directory()) / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _groups(arrays), int(arrays["tries"])
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        groups, tries = make()
        _write(path, groups, tries)
        return groups, tries


def _write(path: Path, groups: list[list[GraspTruth]], tries: int) -> None:
    """Writes under a name of its own, then renames."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".npz", delete=False) as file:
            temporary = Path(file.name)
            try:
                arrays: dict[str, Any] = {**_arrays(groups), "tries": np.int64(tries)}
                np.savez_compressed(file, **arrays)
                file.close()
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError:
        return


def _arrays(groups: list[list[GraspTruth]]) -> dict[str, NDArray[Any]]:
    truths = [truth for group in groups for truth in group]
    joints = np.full((len(truths), _MAX_JOINTS), np.nan)
    for row, truth in zip(joints, truths, strict=True):
        row[: len(truth.joint_positions)] = truth.joint_positions
    return {
        "sizes": np.array([len(group) for group in groups]),
        "texts": np.array([[truth.instrument, truth.grasp, truth.made_by.value] for truth in truths]),
        "side": np.array([int(truth.side) for truth in truths]),
        "pose": np.stack([truth.hand.pose for truth in truths]),
        "shape": np.stack([truth.hand.shape for truth in truths]),
        "wrist": np.stack([truth.hand.wrist_camera for truth in truths]),
        "R": np.stack([truth.R_camera_instrument for truth in truths]),
        "t": np.stack([truth.t_camera_instrument for truth in truths]),
        "joints": joints,
        "K": np.stack([truth.camera.K for truth in truths]),
        "size_px": np.array([[truth.camera.width, truth.camera.height] for truth in truths]),
    }


def _groups(stored: Any) -> list[list[GraspTruth]]:
    a = {name: stored[name] for name in stored.files}
    truths = []
    for i, (instrument, grasp, made_by) in enumerate(a["texts"]):
        joints = a["joints"][i]
        truths.append(
            GraspTruth(
                instrument=str(instrument),
                side=Side(int(a["side"][i])),
                hand=HandParameters(a["pose"][i], a["shape"][i], a["wrist"][i]),
                R_camera_instrument=a["R"][i],
                t_camera_instrument=a["t"][i],
                joint_positions=joints[~np.isnan(joints)],
                camera=Camera(a["K"][i], int(a["size_px"][i, 0]), int(a["size_px"][i, 1])),
                made_by=MadeBy(str(made_by)),
                grasp=str(grasp),
            )
        )
    ends = np.cumsum(a["sizes"])
    return [truths[end - size : end] for size, end in zip(a["sizes"], ends, strict=True)]
