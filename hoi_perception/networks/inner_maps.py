"""A LiteRT file with some of its inner maps as outputs beside its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from hoi_perception.hands.models import ModelFile, read_model
from hoi_perception.hands.network import Network


class NetworkWithMaps(Network):
    """A verified network that has inner maps as outputs too, named in `inner` in the order of `parts`."""

    def __init__(self, model: ModelFile, parts: Sequence[str], path: Path | None = None, threads: int = 1) -> None:
        content, names = with_inner_maps(read_model(model, path), parts)
        self.inner = tuple(names)
        self._load(content, threads)


def with_inner_maps(content: bytes, parts: Sequence[str]) -> tuple[bytes, list[str]]:
    """The file with an output more for each of `parts`, and the names of those outputs.

    A part is what is found in the name of one computed tensor alone. What the file computes stays as it is.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    made = [int(operator.outputs[0]) for operator in graph.operators if len(operator.outputs)]
    names = {index: graph.tensors[index].name.decode() for index in made}
    inner = []
    for part in parts:
        (index,) = (i for i, name in names.items() if part in name and "dequantize" not in name)
        inner.append(index)
    graph.outputs = [*(int(i) for i in graph.outputs), *inner]
    for definition in model.signatureDefs or []:
        definition.outputs = definition.outputs or []
    builder = flatbuffers.Builder(len(content) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), [names[index] for index in inner]
