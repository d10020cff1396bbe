"""Trained networks as files: torch's tensors for CUDA, and the same network as LiteRT for the CPU. Needs [torch]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from hoi_perception.networks.litert_file import as_litert
from hoi_perception.networks.weights import write_weights


def write_network(
    network: nn.Module,
    inputs: Sequence[tuple[int, ...]],
    path: Path,
    name: str,
    version: int,
    told: Mapping[str, str],
) -> None:
    """The file of a network for inputs of these shapes (1, h, w, c)."""
    state = {f"torch.{key}": value.detach().cpu().numpy() for key, value in network.state_dict().items()}
    tensors = {**state, "litert": np.frombuffer(as_litert(network, inputs), dtype=np.uint8)}
    count = sum(parameter.numel() for parameter in network.parameters())
    write_weights(path, tensors, name, version, {**told, "parameters": str(count)})
