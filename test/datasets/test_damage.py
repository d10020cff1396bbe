"""Whatever stands in an annotation file, a reader tells it: nothing but a DatasetError or a problem comes out."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_arctic
import test_dexycb
import test_freihand
import test_ho3d
import test_hot3d
import test_interhand
import test_oakink
import test_pov_surgery

from hoi_perception.datasets.catalogue import NAMES, open_dataset
from hoi_perception.datasets.errors import DatasetError, FileProblem
from hoi_perception.datasets.sample import Sample

JUNK: tuple[Any, ...] = (None, 3, "text", [], {}, [[1, 2]], {"a": None}, [None], [{}])
BUILDERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "pov-surgery": (test_pov_surgery.build, "test"),
    "ho3d-v2": (test_ho3d.build, "train"),
    "ho3d-v3": (lambda root: test_ho3d.build(root, "evaluation", ".jpg"), "evaluation"),
    "dexycb": (test_dexycb.build, "s0_test"),
    "freihand": (test_freihand.build, "evaluation"),
    "interhand26m": (test_interhand.build, "test"),
    "arctic": (test_arctic.build, "p2_val"),
    "oakink": (test_oakink.build, "sp0_test"),
    "hot3d": (test_hot3d.build, "train_quest3"),
}


def written(suffix: str, junk: Any) -> bytes | None:
    """Junk in a file of a kind; None where the kind cannot hold it."""
    stream = io.BytesIO()
    match suffix:
        case ".json":
            return json.dumps(junk).encode()
        case ".yml" | ".txt":
            return json.dumps(junk).encode()
        case ".pkl":
            return pickle.dumps(junk)
        case ".npy":
            np.save(stream, np.array(junk, dtype=object), allow_pickle=True)
            return stream.getvalue()
        case ".npz":
            np.savez(stream, joint_3d=np.zeros(4), pose_m=np.zeros((2, 2)), pose_y=np.zeros(1))
            return stream.getvalue()
        case _:
            return None


def one_of_each(root: Path) -> list[Path]:
    """Annotation files: all that stand alone, the first where frames have one each."""
    kinds = {".json", ".yml", ".txt", ".pkl", ".npy", ".npz"}
    files = sorted(path for path in root.rglob("*") if path.suffix in kinds)
    numbered = {(path.parent, path.suffix): path for path in reversed(files) if path.suffix in (".pkl", ".npz")}
    return [path for path in files if path.suffix not in (".pkl", ".npz") or path in numbered.values()]


def look(name: str, root: Path) -> tuple[int, int]:
    """Samples and problems of everything; (0, 1) where the data set is refused."""
    try:
        reader = open_dataset(name, root, BUILDERS[name][1])
    except DatasetError:
        return 0, 1
    items = [item for sequence in reader.sequences() for item in reader.read(sequence)]
    assert all(isinstance(item, Sample | FileProblem) for item in items)
    told = sum(isinstance(item, FileProblem) for item in items) + len(reader.problems)
    return len(items) - sum(isinstance(item, FileProblem) for item in items), told


@pytest.mark.parametrize("name", NAMES)
def test_junk_in_each_file(tmp_path: Path, name: str) -> None:
    BUILDERS[name][0](tmp_path)
    samples, problems = look(name, tmp_path)
    assert samples > 0
    for path in one_of_each(tmp_path):
        whole = path.read_bytes()
        for junk in JUNK if path.suffix != ".npz" else JUNK[:1]:
            content = written(path.suffix, junk)
            assert content is not None
            path.write_bytes(content)
            look(name, tmp_path)
        path.write_bytes(whole)
    assert look(name, tmp_path) == (samples, problems)


def test_junk_inside_a_clip(tmp_path: Path) -> None:
    path = test_hot3d.build(tmp_path, frames=1)
    with tarfile.open(path) as tar:
        content = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
    for name in [name for name in content if "json" in name]:
        for junk in JUNK:
            with tarfile.open(path, "w") as tar:
                for member, data in (content | {name: json.dumps(junk).encode()}).items():
                    info = tarfile.TarInfo(member)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
            look("hot3d", tmp_path)
