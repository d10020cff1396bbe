"""Pickles as Python 2 wrote them, the official hand file's kind: strings are bytes, arrays carry raw bytes.

Python 3 cannot write them, so they are put together opcode by opcode (protocol 2).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from synthetic_hand import synthetic_arrays


def py2(value: Any) -> bytes:
    match value:
        case bytes():
            return b"T" + struct.pack("<i", len(value)) + value
        case str():
            return py2(value.encode("latin1"))
        case bool():
            return b"\x88" if value else b"\x89"
        case None:
            return b"N"
        case int():
            return b"J" + struct.pack("<i", value)
        case tuple():
            return b"(" + b"".join(py2(item) for item in value) + b"t"
        case dict():
            return b"}(" + b"".join(py2(k) + py2(v) for k, v in value.items()) + b"u"
        case np.ndarray():
            return py2_array(value)
        case Written():
            return value.code
    raise TypeError(type(value))


class Written:
    """Pickle opcodes that push one object."""

    def __init__(self, code: bytes) -> None:
        self.code = code


def py2_array(array: NDArray[Any]) -> bytes:
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    dtype = b"cnumpy\ndtype\n" + py2((kind, 0, 1)) + b"R" + py2((3, "<", None, None, None, -1, -1, 0)) + b"b"
    fortran = array.ndim > 1 and array.flags.f_contiguous
    state = py2((1, tuple(array.shape), Written(dtype), fortran, array.tobytes(order="F" if fortran else "C")))
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n" + b"(cnumpy\nndarray\n" + py2((0,)) + py2("b") + b"tR" + state + b"b"
    )


def py2_object(module: str, name: str, state: dict[str, Any], *, protocol: int = 0) -> Written:
    """An object as protocols 0 and 1 (through `copy_reg`) or 2 (NEWOBJ) make it."""
    made = f"ccopy_reg\n_reconstructor\n(c{module}\n{name}\nc__builtin__\nobject\nNtR"
    if protocol == 2:
        made = f"c{module}\n{name}\n)\x81"
    return Written(made.encode("latin1") + py2(state) + b"b")


def py2_sparse(matrix: csc_matrix, *, protocol: int = 0) -> Written:
    state = {"_shape": tuple(int(n) for n in matrix.shape), "maxprint": 50, "format": "csc"}
    arrays = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    return py2_object("scipy.sparse.csc", "csc_matrix", state | arrays, protocol=protocol)


def py2_chumpy_shapes(shapedirs: NDArray[Any], *, protocol: int = 0) -> Written:
    """As the official file stores its shapes: `Select` of the first 10 of 20 in a `Ch`, with chumpy's bookkeeping."""
    bookkeeping = Written(b"c__builtin__\nset\n(]tR")
    twenty = np.concatenate([shapedirs, np.full_like(shapedirs, 9.0)], axis=2)
    value = py2_object("chumpy.ch", "Ch", {"x": twenty, "_dirty_vars": bookkeeping, "_itr": None}, protocol=protocol)
    index = np.arange(twenty.size).reshape(twenty.shape)[:, :, :10].ravel()
    state = {"a": value, "idxs": index, "preferred_shape": tuple(shapedirs.shape), "_dirty_vars": bookkeeping}
    return py2_object("chumpy.reordering", "Select", state, protocol=protocol)


def official_like(*, protocol: int = 0) -> bytes:
    """The synthetic hand in the official file's layout."""
    arrays: dict[str, Any] = dict(synthetic_arrays())
    arrays["J_regressor"] = py2_sparse(csc_matrix(arrays["J_regressor"]), protocol=protocol)
    arrays["shapedirs"] = py2_chumpy_shapes(arrays["shapedirs"], protocol=protocol)
    arrays["weights"] = np.asfortranarray(arrays["weights"])
    arrays |= {"bs_style": "lbs", "bs_type": "lrotmin", "J": np.zeros((16, 3))}
    return b"\x80\x02" + py2(arrays) + b"."
