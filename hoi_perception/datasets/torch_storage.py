"""Tensors inside ordinary pickles, without torch and without running anything.

A pickled tensor is a call of `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`; its storage is a
call of `torch.storage._load_from_bytes` on the bytes of torch's older file format: five pickles (a number, a version,
facts of the system, the storage as a persistent id, the list of keys), then per key the count of elements (int64) and
the elements themselves (torch/serialization.py, `_legacy_save`).
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.inert_pickle import Inert, InertUnpickler

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


class _StorageUnpickler(InertUnpickler):
    """One of the pickles of the format; storages are named, never made."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(b"")
        super(InertUnpickler, self).__init__(stream, encoding="latin1")

    def find_class(self, module: str, name: str) -> type[Inert]:
        if module == "torch" and name in _DTYPES:
            return type("Inert", (Inert,), {"kind": name})
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        return pid


def read_tensor(arguments: tuple[Any, ...]) -> NDArray[Any]:
    """The array of a pickled tensor from the arguments of its call; ValueError where they are not what they should."""
    storage, offset, size, stride = arguments[:4]
    flat = read_storage(_bytes_of(storage))
    if len(size) != len(stride) or any(not isinstance(n, int) or n < 0 for n in (offset, *size, *stride)):
        raise ValueError("a tensor with an impossible shape")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 in size:
        return np.zeros(size, dtype=flat.dtype)
    if last >= flat.size:
        raise ValueError("a tensor that is larger than its storage")
    steps = tuple(step * flat.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(flat[offset:], tuple(size), steps).copy()


def read_storage(data: bytes) -> NDArray[Any]:
    """The elements of a storage in torch's older file format."""
    stream = io.BytesIO(data)
    magic, _, _, pid, keys = (_StorageUnpickler(stream).load() for _ in range(5))
    if magic != _MAGIC or not isinstance(pid, tuple) or len(pid) < 5 or len(keys) != 1:
        raise ValueError("no storage of torch")
    name = getattr(pid[1], "kind", "")
    if name not in _DTYPES:
        raise ValueError(f"a storage of unknown type {name}")
    dtype = np.dtype(_DTYPES[name])
    count = int(np.frombuffer(stream.read(8), dtype="<i8")[0])
    body = stream.read(count * dtype.itemsize)
    return np.frombuffer(body, dtype=dtype, count=count)


def _bytes_of(storage: Any) -> bytes:
    if not isinstance(storage, Inert) or type(storage).kind != "torch storage":
        raise ValueError("a tensor without a storage")
    data = storage.args[0]
    if isinstance(data, Inert) and type(data).kind == "bytes":  # bytes as protocol 2 writes them
        data = data.args[0]
    return data.encode("latin1") if isinstance(data, str) else bytes(data)
