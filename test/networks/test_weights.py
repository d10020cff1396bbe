"""Weights are read back as written, and nothing else is taken for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hoi_perception.hands.models import ModelFileError
from hoi_perception.networks.weights import read_weights, write_weights

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([7, 8], dtype=np.uint8)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "some.safetensors"
    write_weights(path, TENSORS, "some", 3, {"seed": "5"})
    return path


def test_tensors_come_back(path: Path) -> None:
    weights = read_weights(path, "some", 3)
    assert weights.told["seed"] == "5" and set(weights.tensors) == {"a", "b"}
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(weights.tensors[name], array)
        assert weights.tensors[name].dtype == array.dtype


def test_the_file_is_laid_out_as_the_format_says(path: Path) -> None:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0
    assert header["a"] == {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}
    assert header["b"] == {"dtype": "F32", "shape": [2, 3], "data_offsets": [2, 26]}
    assert content[8 + length :] == bytes([7, 8]) + np.arange(6, dtype="<f4").tobytes()


@pytest.mark.parametrize(("network", "version"), [("some", 4), ("other", 3)])
def test_weights_of_another_network_or_version_are_refused(path: Path, network: str, version: int) -> None:
    with pytest.raises(ModelFileError, match=rf"weights of some version 3, wanted {network} version {version}.*train"):
        read_weights(path, network, version)


def test_a_changed_number_is_noticed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not those that were written"):
        read_weights(path, "some", 3)


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 40, b"\x02" + b"\0" * 7 + b"{}", b"\x08" + b"\0" * 30])
def test_what_is_no_file_of_weights_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not a file of weights"):
        read_weights(path, "some", 3)


def test_a_file_that_was_cut_off_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelFileError, match="cut off"):
        read_weights(path, "some", 3)


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="hoi-perception train some"):
        read_weights(tmp_path / "none", "some", 3)
