"""Reads the pickles that MANO is distributed in without running anything that they name.

Every class and function that such a pickle may mention is replaced by a container that only keeps what it was given;
the numbers are read from those containers afterwards. Nothing of numpy, scipy or chumpy is called while unpickling, and
any other name stops the reading. Python 2 pickles (latin-1 strings) are understood.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_BYTES = 256 * 1024 * 1024
_NUMERIC_KINDS = "fiub"
_ARRAY, _DTYPE, _SCALAR, _BUFFER = "numpy.ndarray", "numpy.dtype", "numpy.scalar", "numpy.frombuffer"
_BYTES, _SPARSE, _MADE = "bytes", "scipy.sparse.csc_matrix", "object made by copyreg"
_SPARSE_NAMES = {"csc_matrix", "csc_array"}
_KINDS = {
    ("numpy", "ndarray"): "class numpy.ndarray",
    ("numpy", "dtype"): _DTYPE,
    ("numpy.core.multiarray", "_reconstruct"): _ARRAY,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy.core.numeric", "_frombuffer"): _BUFFER,
    ("_codecs", "encode"): _BYTES,
    ("copy_reg", "_reconstructor"): _MADE,
    ("copyreg", "_reconstructor"): _MADE,
    ("__builtin__", "object"): "object",
    ("builtins", "object"): "object",
    ("__builtin__", "set"): "set",
    ("builtins", "set"): "set",
}
_CHUMPY_VALUE, _CHUMPY_SELECT = "chumpy.ch.Ch", "chumpy.reordering.Select"


class HandFileError(ValueError):
    """A hand file that cannot be used; the text names the file, the reason and the remedy."""


class Inert:
    """Stands for an object of the pickle: holds constructor arguments and state, does nothing."""

    kind = ""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _inert_class(kind: str) -> type[Inert]:
    """A fresh class per pickle, so that a pickle which writes on a class changes nothing outside itself."""
    return type("Inert", (Inert,), {"kind": kind})


class _ForbiddenNameError(Exception):
    """A name that a hand file has no business to mention."""


class InertUnpickler(pickle.Unpickler):
    """Unpickler whose every global is an inert container: nothing that a pickle calls does anything but keep."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")

    def find_class(self, module: str, name: str) -> type[Inert]:
        """The inert counterpart of `module.name`; raises for everything that is not on the list."""
        module = module.replace("numpy._core", "numpy.core")
        package = module.partition(".")[0]
        if (module, name) in _KINDS:
            return _inert_class(_KINDS[module, name])
        if package == "scipy" and module.startswith("scipy.sparse") and name in _SPARSE_NAMES:
            return _inert_class(_SPARSE)
        if package == "chumpy" and name.isidentifier():
            return _inert_class(f"{module}.{name}")
        raise _ForbiddenNameError(f"{module}.{name}")


def read_inert_pickle(path: Path) -> dict[str, Any]:
    """The dictionary of arrays and strings in a MANO pickle; raises HandFileError for all else."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise HandFileError(f"{path}: {size / 1e6:.0f} MB is too large for a hand file: give MANO_RIGHT.pkl")
        content = InertUnpickler(path.read_bytes()).load()
    except HandFileError:
        raise
    except _ForbiddenNameError as name:
        raise HandFileError(
            f"{path}: the pickle names {name}, which a hand model has no use for, and was not read: "
            "take the file from its official source again"
        ) from None
    except Exception as error:  # a damaged pickle may fail in any way
        raise HandFileError(f"{path}: not a readable pickle ({error}): download the hand file again") from error
    if not isinstance(content, dict):
        raise HandFileError(f"{path}: the pickle holds no dictionary of arrays: give MANO_RIGHT.pkl or a .npz")
    return {str(key): value for key, value in content.items()}


def array_of(value: Any) -> NDArray[np.generic]:
    """The numbers that an unpickled value stands for; raises ValueError when it stands for none."""
    if isinstance(value, Inert):
        reader = _READERS.get(_kind(value))
        if reader is None:
            raise ValueError(f"is an object of kind {_kind(value)}, whose numbers are not stored in the file")
        return reader(value)
    array = np.asarray(value)
    if array.dtype.kind not in _NUMERIC_KINDS:
        raise ValueError("holds no numbers")
    return array


def _kind(value: Inert) -> str:
    kind = type(value).kind
    made_of = value.args[0] if kind == _MADE and value.args else None
    return made_of.kind if isinstance(made_of, type) and issubclass(made_of, Inert) else kind


def _raw(value: Any) -> bytes:
    if isinstance(value, Inert) and _kind(value) == _BYTES:
        value = value.args[0]
    if isinstance(value, str):
        return value.encode("latin1")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError("holds no plain numbers")


def _dtype_of(value: Any) -> np.dtype[Any]:
    if not isinstance(value, Inert) or _kind(value) != _DTYPE or not isinstance(value.args[0], str):
        raise ValueError("has no valid number type")
    code = value.args[0]
    order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "="
    if code[:1] not in _NUMERIC_KINDS:
        raise ValueError(f"holds values of type {code!r}, which are not numbers")
    return np.dtype(code).newbyteorder(">" if order == ">" else "<")


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or not all(isinstance(n, int) and n >= 0 for n in value):
        raise ValueError("has no valid shape")
    return value


def _read_array(value: Inert) -> NDArray[np.generic]:
    _, shape, dtype, fortran, raw = value.state  # numpy's own pickle layout, version 1
    flat = np.frombuffer(_raw(raw), dtype=_dtype_of(dtype))
    return flat.reshape(_shape_of(shape), order="F" if fortran else "C")


def _read_buffer(value: Inert) -> NDArray[np.generic]:
    raw, dtype, shape, order = value.args
    flat = np.frombuffer(_raw(raw), dtype=_dtype_of(dtype))
    return flat.reshape(_shape_of(shape), order="F" if order == "F" else "C")


def _read_scalar(value: Inert) -> NDArray[np.generic]:
    return np.frombuffer(_raw(value.args[1]), dtype=_dtype_of(value.args[0]))[:1].reshape(())


def _read_csc(value: Inert) -> NDArray[np.generic]:
    state = value.state
    shape = _shape_of(tuple(int(n) for n in state.get("_shape", state.get("shape"))))
    if len(shape) != 2 or shape[0] * shape[1] > _MAX_BYTES // 8:
        raise ValueError(f"is a sparse matrix of shape {shape}")
    data, rows = array_of(state["data"]).ravel(), array_of(state["indices"]).ravel()
    ends: NDArray[np.int64] = np.asarray(array_of(state["indptr"]).ravel(), dtype=np.int64)
    counts = ends[1:] - ends[:-1]
    if counts.size != shape[1] or (counts < 0).any() or counts.sum() != data.size or rows.size != data.size:
        raise ValueError("is a damaged sparse matrix")
    dense = np.zeros(shape)
    np.add.at(dense, (np.asarray(rows, dtype=np.int64), np.repeat(np.arange(shape[1]), counts)), data)
    return dense


def _read_chumpy_value(value: Inert) -> NDArray[np.generic]:
    return array_of(value.state["x"])


def _read_chumpy_select(value: Inert) -> NDArray[np.generic]:
    state = value.state
    picked = array_of(state["a"]).ravel()[array_of(state["idxs"]).astype(np.int64).ravel()]
    wanted = state.get("preferred_shape")
    return picked if wanted is None else picked.reshape([int(n) for n in array_of(wanted)])


_READERS: dict[str, Callable[[Inert], NDArray[np.generic]]] = {
    _ARRAY: _read_array,
    _BUFFER: _read_buffer,
    _SCALAR: _read_scalar,
    _SPARSE: _read_csc,
    _CHUMPY_VALUE: _read_chumpy_value,
    _CHUMPY_SELECT: _read_chumpy_select,
}
