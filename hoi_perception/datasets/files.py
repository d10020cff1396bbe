"""Reading annotation files without trusting them: every failure is a ReadError that names the file.

Pickles are never run: `hands.inert_pickle` keeps what they hold, `plain` turns it into dictionaries, lists, arrays and
texts. Tensors of torch that were pickled (not `torch.save`d) are read without torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import yaml
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.datasets.errors import DatasetError, FileProblem, ReadError
from hoi_perception.datasets.sample import DatasetInfo, Sample
from hoi_perception.datasets.torch_storage import read_tensor
from hoi_perception.hands.inert_pickle import Inert, InertUnpickler, array_of

_DAMAGED = "damaged, or of another kind than its name says"


def require(info: DatasetInfo, root: Path, *parts: str) -> list[Path]:
    """Paths under the root that have to be there; a DatasetError says what to get, from where, and where it goes."""
    paths = [root / part for part in parts]
    missing = [part for part, path in zip(parts, paths, strict=True) if not path.exists()]
    if missing or not root.is_dir():
        what = f"{', '.join(missing)} missing" if root.is_dir() else "no such folder"
        raise DatasetError(
            f"{root}: {what}: get {info.title} ({info.get}) and unpack it so that the folder holds {info.layout}. "
            f"Licence: {info.licence}"
        )
    return paths


def first_there(root: Path, *parts: str) -> str:
    """The first of the files under the root that is there; the first of all where none is."""
    return next((part for part in parts if (root / part).is_file()), parts[0])


def check_split(info: DatasetInfo, split: str) -> str:
    """The split ("" for the usual one), or a DatasetError that lists the splits."""
    chosen = split or info.default_split
    if chosen not in info.splits:
        raise DatasetError(f"{info.title} has no split {split}: give one of {', '.join(info.splits)}")
    return chosen


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return _guarded(path, lambda: json.loads(path.read_text(encoding="utf-8")))


def read_yaml(path: Path) -> Any:
    """The content of a YAML file."""
    return _guarded(path, lambda: yaml.safe_load(path.read_text(encoding="utf-8")))


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    text = _guarded(path, lambda: path.read_text(encoding="utf-8"))
    return [line.strip() for line in str(text).splitlines() if line.strip()]


def read_npz(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz (those named, as far as they are there); one that holds pickles is refused."""

    def load() -> dict[str, NDArray[Any]]:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files if names is None or name in names}

    return cast("dict[str, NDArray[Any]]", _guarded(path, load))


def read_npy(path: Path) -> Any:
    """The array of a .npy, or what `np.save` was given where that was no array (a dictionary, mostly)."""

    def load() -> Any:
        with path.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            _, _, dtype = header[version](stream)
            if not dtype.hasobject:
                return np.load(path, allow_pickle=False)
            return plain(InertUnpickler(stream.read()).load())

    return _guarded(path, load)


def read_pickle(path: Path) -> Any:
    """What a pickle holds, as plain values."""
    return _guarded(path, lambda: plain(_TolerantUnpickler(path.read_bytes()).load()))


class _TolerantUnpickler(InertUnpickler):
    """Also knows the names that a pickled tensor mentions; they stay as inert as the rest."""

    def find_class(self, module: str, name: str) -> type[Inert]:
        if (module, name) in _TORCH:
            return type("Inert", (Inert,), {"kind": _TORCH[module, name]})
        return super().find_class(module, name)


_TENSOR, _BYTES_OF_STORAGE = "torch tensor", "torch storage"
_TORCH = {
    ("torch._utils", "_rebuild_tensor_v2"): _TENSOR,
    ("torch.storage", "_load_from_bytes"): _BYTES_OF_STORAGE,
    ("collections", "OrderedDict"): "dict",
}


def plain(value: Any) -> Any:
    """Unpickled inert values as dictionaries, lists, arrays and texts; what holds no numbers stays an inert container,
    which `numbers` refuses should it be asked for."""
    if isinstance(value, dict):
        return {str(key) if isinstance(key, str) else plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not isinstance(value, Inert):
        return value
    if type(value).kind == _TENSOR:
        return read_tensor(value.args)
    if type(value).kind == "numpy.ndarray" and isinstance(value.state, tuple) and isinstance(value.state[4], list):
        items = [plain(item) for item in value.state[4]]
        return items[0] if value.state[1] == () else items
    try:
        array = array_of(value)
    except ValueError:
        return value
    return array[()] if array.shape == () else array


def numbers(values: Any, shape: tuple[int, ...], what: str, path: Path) -> Float64[NDArray[np.float64], "..."]:
    """Finite numbers of the given count in the given shape; -1 once for any length."""
    try:
        array = np.asarray(values, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError):
        raise ReadError(path, f"{what} has not the shape {shape}: {_DAMAGED}") from None
    if not np.isfinite(array).all():
        raise ReadError(path, f"{what} holds values that are not finite")
    return array


def field_of(content: Any, key: Any, path: Path) -> Any:
    """A field of a dictionary; a ReadError says which one is missing and what there is instead."""
    if not isinstance(content, dict):
        raise ReadError(path, f"no dictionary but {type(content).__name__}: {_DAMAGED}")
    if key not in content:
        there = ", ".join(sorted(str(name) for name in list(content)[:12])) or "nothing"
        raise ReadError(path, f"no field {key} (there is {there}): annotations of another version?")
    return content[key]


def read_image(path: Path, size: tuple[int, int] | None = None) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """Pixels as stored, BGR; checked against (width, height)."""
    if not path.is_file():
        raise ReadError(path, "no such image")
    return decoded(np.frombuffer(path.read_bytes(), dtype=np.uint8), str(path), size)


def decoded(
    data: UInt8[NDArray[np.uint8], " n"], name: str, size: tuple[int, int] | None
) -> UInt8[NDArray[np.uint8], "h w 3"]:
    """The image that encoded bytes hold, BGR; checked against (width, height)."""
    image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if image is None:
        raise ReadError(name, "not an image that can be decoded")
    if size is not None and image.shape[:2] != (size[1], size[0]):
        found = f"{image.shape[1]}x{image.shape[0]}"
        raise ReadError(name, f"is {found}, but its camera is for {size[0]}x{size[1]}: images of another version?")
    return np.asarray(image, dtype=np.uint8)


class ImageFile:
    """An image on disk, decoded when asked for."""

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        self.path, self.size = path, size

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def read(self) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """The pixels, BGR."""
        return read_image(self.path, self.size)


def once(items: Collection[str], path: Path) -> tuple[dict[str, int], list[FileProblem]]:
    """The items in their order without repetitions, each with its first place, and a problem for those that came again.

    A list that names a frame twice would count it twice.
    """
    places: dict[str, int] = {}
    again: dict[str, int] = {}
    for place, item in enumerate(items):
        if item in places:
            again[item] = again.get(item, 1) + 1
        else:
            places[item] = place
    return places, [FileProblem(str(path), f"lists {item} {n} times, read once", 0) for item, n in again.items()]


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Whatever fails in here for what the file holds is a ReadError of that file."""
    try:
        yield
    except ReadError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        reason = f"not as it should be ({type(error).__name__}: {error}): annotations of another version?"
        raise ReadError(path, " ".join(reason.split())) from error


@contextmanager
def needed(info: DatasetInfo, path: Path) -> Iterator[None]:
    """What cannot be read or understood in here makes the data set unusable: a DatasetError says what to get again."""
    try:
        with understood(path):
            yield
    except ReadError as error:
        raise DatasetError(f"{error}: get it again, {info.get}") from error


def attempt(path: Path, make: Callable[[], Sample]) -> Sample | FileProblem:
    """The sample, or what is wrong with its files; `path` is named where it is not known which."""
    try:
        with understood(path):
            return make()
    except ReadError as error:
        return FileProblem.of(error)


def compact(values: Any) -> Any:
    """A long list of equal lists of numbers as an array, which takes a tenth of the memory; anything else as it is."""
    if values is None:
        return None
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return values


def optional(path: Path, problems: list[FileProblem], frames: int = 0) -> Any:
    """The content of a JSON file that need not be there; None where it is not, or is damaged, which is a problem."""
    if not path.exists():
        return None
    try:
        return read_json(path)
    except ReadError as error:
        problems.append(FileProblem.of(error, frames))
        return None


def _guarded(path: Path, load: Callable[[], Any]) -> Any:
    """What `load` gives; a ReadError for every way in which a foreign file can fail."""
    if not path.is_file():
        raise ReadError(path, "no such file")
    try:
        return load()
    except Exception as error:
        reason = f"{_DAMAGED} ({type(error).__name__.strip('_')}: {error})"
        raise ReadError(path, " ".join(reason.split())) from error
