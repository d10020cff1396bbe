"""Hand files with MANO's arrays: reading (.npz, official .pkl), checking, converting."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32
from numpy.typing import NDArray

from hoi_perception.hands.inert_pickle import HandFileError, array_of, read_inert_pickle
from hoi_perception.hands.joints import PARENTS
from hoi_perception.types import N_JOINTS, N_VERTICES

N_FACES = 1538
N_SHAPE = 10
N_ARTICULATION = 45

_REMEDY = "give the open hand, MANO_RIGHT.pkl or a .npz made by `hoi-perception hand convert`"
_SHAPES: dict[str, tuple[int, ...]] = {
    "v_template": (N_VERTICES, 3),
    "shapedirs": (N_VERTICES, 3, N_SHAPE),
    "posedirs": (N_VERTICES, 3, 9 * (N_JOINTS - 1)),
    "J_regressor": (N_JOINTS, N_VERTICES),
    "weights": (N_VERTICES, N_JOINTS),
    "kintree_table": (2, N_JOINTS),
    "f": (N_FACES, 3),
    "hands_components": (N_ARTICULATION, N_ARTICULATION),
    "hands_mean": (N_ARTICULATION,),
}
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
_MAX_EXTENT = 1.0  # metres; a hand in millimetres or a whole body exceeds it


@dataclass(frozen=True)
class HandFile:
    """The checked arrays of a hand file under MANO's own names, metres and radians."""

    v_template: Float64[NDArray[np.float64], "778 3"]
    shapedirs: Float64[NDArray[np.float64], "778 3 10"]
    posedirs: Float64[NDArray[np.float64], "778 3 135"]
    J_regressor: Float64[NDArray[np.float64], "16 778"]
    weights: Float64[NDArray[np.float64], "778 16"]
    f: Int32[NDArray[np.int32], "1538 3"]
    hands_components: Float64[NDArray[np.float64], "45 45"]
    hands_mean: Float64[NDArray[np.float64], "45"]
    source: str


def read_hand_file(path: str | os.PathLike[str]) -> HandFile:
    """The arrays of a .npz or an official .pkl; raises HandFileError naming file, array, reason and remedy."""
    path = Path(path)
    if not path.is_file():
        raise HandFileError(f"{path}: no such file: {_REMEDY}")
    match path.suffix.lower():
        case ".npz":
            return hand_file_from_arrays(_read_npz(path), str(path))
        case ".pkl":
            return hand_file_from_arrays(_read_pkl(path), str(path))
        case suffix:
            raise HandFileError(f"{path}: {suffix or 'no'} extension is not a hand file's: {_REMEDY}")


def hand_file_from_arrays(arrays: dict[str, NDArray[Any]], source: str) -> HandFile:
    """Checked hand file from MANO's arrays; `source` is how errors call it."""
    numbers = {name: _checked(arrays, name, source) for name in _SHAPES}
    _check_meaning(numbers, source)
    faces = numbers.pop("f").astype(np.int32)
    del numbers["kintree_table"]
    return HandFile(f=faces, source=source, **numbers)


def convert_hand_file(source: str | os.PathLike[str], target: str | os.PathLike[str] | None = None) -> Path:
    """Writes the checked arrays of `source` as a .npz (default: beside it) and returns its path.

    The file is written under a temporary name and renamed, so that it is whole or absent.
    """
    source = Path(source)
    target = source.with_suffix(".npz") if target is None else Path(target)
    if target.suffix.lower() != ".npz":
        raise HandFileError(f"{target}: a converted hand is a .npz: give a name that ends in .npz")
    if target.resolve() == source.resolve():
        raise HandFileError(f"{target}: source and target are the same file: give another target")
    hand = read_hand_file(source)
    arrays: dict[str, Any] = {name: getattr(hand, name) for name in _SHAPES if name != "kintree_table"}
    arrays["kintree_table"] = np.stack([PARENTS, np.arange(N_JOINTS)])
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            np.savez_compressed(stream, **arrays)
        temporary.replace(target)
    except OSError as error:
        raise HandFileError(f"{target}: cannot be written ({error}): choose a writable folder") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in _SHAPES if name in data.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise HandFileError(f"{path}: not a plain .npz of arrays ({error}): {_REMEDY}") from error


def _read_pkl(path: Path) -> dict[str, NDArray[Any]]:
    content = read_inert_pickle(path)
    arrays: dict[str, NDArray[Any]] = {}
    for name in _SHAPES:
        if name not in content:
            continue
        try:
            arrays[name] = array_of(content[name])
        except _UNREADABLE as error:
            raise HandFileError(f"{path}: array {name} cannot be read ({error}): {_REMEDY}") from error
    return arrays


def _checked(arrays: dict[str, NDArray[Any]], name: str, source: str) -> NDArray[Any]:
    if name not in arrays:
        raise HandFileError(f"{source}: array {name} is missing: {_REMEDY}")
    array = arrays[name]
    if array.dtype.kind not in "fiub":
        raise HandFileError(f"{source}: array {name} holds {array.dtype}, not numbers: {_REMEDY}")
    if array.shape != _SHAPES[name]:
        raise HandFileError(f"{source}: array {name} has shape {array.shape}, wanted {_SHAPES[name]}: {_REMEDY}")
    number = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(number).all():
        raise HandFileError(f"{source}: array {name} holds values that are not finite: download or make it again")
    return number


def _check_meaning(arrays: dict[str, NDArray[Any]], source: str) -> None:
    def refuse(bad: bool, name: str, reason: str) -> None:
        if bad:
            raise HandFileError(f"{source}: array {name} {reason}: {_REMEDY}")

    extent = float(np.ptp(arrays["v_template"], axis=0).max())
    refuse(not 1e-3 < extent < _MAX_EXTENT, "v_template", f"spans {extent:g} m, not a hand in metres")
    faces = arrays["f"]
    refuse(bool((faces != np.floor(faces)).any()), "f", "holds values that are not whole numbers")
    refuse(bool(faces.min() < 0 or faces.max() >= N_VERTICES), "f", f"names vertices outside 0 to {N_VERTICES - 1}")
    parents = arrays["kintree_table"][0]
    refuse(not np.array_equal(parents[1:], PARENTS[1:]), "kintree_table", "has other parents than MANO's tree")
    weights = arrays["weights"]
    refuse(bool((weights < -1e-6).any()), "weights", "holds negative values")
    refuse(bool((abs(weights.sum(axis=1) - 1) > 1e-3).any()), "weights", "has rows that do not sum to 1")
    rows = arrays["J_regressor"].sum(axis=1)
    refuse(bool((abs(rows - 1) > 1e-3).any()), "J_regressor", "has rows that do not sum to 1")
