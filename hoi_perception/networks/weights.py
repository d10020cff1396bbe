"""Weights of networks on disk: the safetensors format, read and written without the package of that name.

A file is eight bytes of header length (little-endian), a JSON header, and the numbers of all tensors in a row. The
header's `__metadata__` says which network the weights belong to, of which version, and the SHA-256 sum of the numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.models import ModelFileError

_NAMES = {"F32": np.float32, "F64": np.float64, "F16": np.float16, "I64": np.int64, "I32": np.int32, "U8": np.uint8}
_TYPES = {np.dtype(kind): name for name, kind in _NAMES.items()}
_MAX_HEADER = 1 << 20
Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and what was told about them when they were written."""

    tensors: Tensors
    told: dict[str, str]


def shipped_weights(network: str) -> Path:
    """Where the weights of a network that come with the package lie."""
    return Path(__file__).parent / "weights" / f"{network}.safetensors"


def write_weights(
    path: Path, tensors: Mapping[str, NDArray[Any]], network: str, version: int, told: Mapping[str, str] | None = None
) -> None:
    """Writes a whole file or none; tensors in the order of their names."""
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    place = 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        part = array.astype(array.dtype.newbyteorder("<")).tobytes()
        header[name] = {
            "dtype": _TYPES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + len(part)],
        }
        parts.append(part)
        place += len(part)
    numbers = b"".join(parts)
    about = {"network": network, "version": str(version), "sha256": hashlib.sha256(numbers).hexdigest()}
    text = json.dumps({"__metadata__": {**(told or {}), **about}, **header}, sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(len(text).to_bytes(8, "little") + text + numbers)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def read_weights(path: Path, network: str, version: int) -> Weights:
    """The tensors of a file; ModelFileError where it is not that network's, of that version, whole and unchanged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror}: train it with `hoi-perception train {network}`") from None
    try:
        length = int.from_bytes(content[:8], "little")
        if not 2 <= length <= min(_MAX_HEADER, len(content) - 8):
            raise ValueError("no header")
        header = json.loads(content[8 : 8 + length])
        told: dict[str, str] = header.pop("__metadata__")
        numbers = content[8 + length :]
        tensors = {str(name): _tensor(entry, numbers) for name, entry in header.items()}
        found = (told["network"], told["version"], told["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path}: not a file of weights ({error}): {_again(network)}") from None
    if found[:2] != (network, str(version)):
        raise ModelFileError(
            f"{path}: weights of {found[0]} version {found[1]}, wanted {network} version {version}: {_again(network)}"
        )
    if hashlib.sha256(numbers).hexdigest() != found[2]:
        raise ModelFileError(f"{path}: its numbers are not those that were written: {_again(network)}")
    return Weights(tensors, told)


def _tensor(entry: dict[str, Any], numbers: bytes) -> NDArray[Any]:
    first, last = entry["data_offsets"]
    if not 0 <= first <= last <= len(numbers):
        raise ValueError("the file is cut off")
    kind = np.dtype(_NAMES[entry["dtype"]]).newbyteorder("<")
    array = np.frombuffer(numbers[first:last], dtype=kind).reshape(entry["shape"])
    return array.astype(kind.newbyteorder("="))


def _again(network: str) -> str:
    return f"install the package again, or train it with `hoi-perception train {network}`"
