"""Annotation files are read without being run, and every damage is told with the file's name."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_examples import write_pickle, write_picture

from hoi_perception.datasets.conventions import OPENCV_FROM_OPENGL, OPENPOSE_FROM_INTERHAND
from hoi_perception.datasets.errors import ReadError
from hoi_perception.datasets.files import (
    ImageFile,
    compact,
    field_of,
    numbers,
    once,
    read_json,
    read_npy,
    read_npz,
    read_pickle,
)

CONTENT = {
    "pose": np.arange(48, dtype=np.float32).reshape(1, 48),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "count": np.int64(7),
    "name": "037_scissors",
    "nothing": None,
    "nested": {"list": [1, 2.5, "three"], "pair": (1, 2)},
}


def check(content: Any) -> None:
    np.testing.assert_array_equal(content["pose"], CONTENT["pose"])
    np.testing.assert_array_equal(content["columns"], CONTENT["columns"])
    assert content["count"] == 7 and content["name"] == "037_scissors" and content["nothing"] is None
    assert content["nested"] == {"list": [1, 2.5, "three"], "pair": [1, 2]}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_of_arrays_and_texts(tmp_path: Path, protocol: int) -> None:
    write_pickle(tmp_path / "a.pkl", CONTENT, protocol)
    check(read_pickle(tmp_path / "a.pkl"))


class _Harm:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    write_pickle(tmp_path / "a.pkl", {"pose": _Harm(mark)}, 4)
    np.save(tmp_path / "a.npy", {"pose": _Harm(mark)}, allow_pickle=True)  # type: ignore[arg-type]
    with pytest.raises(ReadError, match=r"a\.pkl: .*(pathlib|getattr)"):
        read_pickle(tmp_path / "a.pkl")
    with pytest.raises(ReadError, match=r"a\.npy: .*(pathlib|getattr)"):
        read_npy(tmp_path / "a.npy")
    assert not mark.exists()


def test_a_dictionary_in_an_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CONTENT, allow_pickle=True)  # type: ignore[arg-type]
    check(read_npy(tmp_path / "a.npy"))
    np.save(tmp_path / "b.npy", np.eye(3))
    np.testing.assert_array_equal(read_npy(tmp_path / "b.npy"), np.eye(3))


def test_a_pickled_tensor_is_read_without_torch(tmp_path: Path) -> None:
    """The bytes of torch's own pickles of views with offset and strides."""
    torch = pytest.importorskip("torch")
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {"view": whole[1:, 2:].t(), "double": whole.double(), "long": whole[0].long(), "one": torch.tensor(2.5)}
    for protocol in (2, 4):
        write_pickle(tmp_path / "t.pkl", tensors, protocol)
        content = read_pickle(tmp_path / "t.pkl")
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(content[name], tensor.numpy())
            assert content[name].dtype == tensor.numpy().dtype


@pytest.mark.parametrize("keep", [0, 1, 20, 120])
def test_truncated_files(tmp_path: Path, keep: int) -> None:
    write_pickle(tmp_path / "a.pkl", CONTENT)
    np.savez(tmp_path / "a.npz", pose=CONTENT["pose"])
    np.save(tmp_path / "a.npy", CONTENT, allow_pickle=True)  # type: ignore[arg-type]
    (tmp_path / "a.json").write_text(json.dumps([[1.0] * 100]))
    for name, reader in (("a.pkl", read_pickle), ("a.npz", read_npz), ("a.npy", read_npy), ("a.json", read_json)):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(ReadError, match=f"{name}: damaged"):
            reader(path)
        path.unlink()
        with pytest.raises(ReadError, match=f"{name}: no such file"):
            reader(path)


def test_an_npz_with_a_pickle_inside_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", pose=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ReadError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz")


def test_numbers_have_their_shape_and_are_finite(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    assert numbers([[1, 2, 3]], (3,), "t", path).tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ReadError, match=r"t has not the shape \(3,\)"):
        numbers([1, 2], (3,), "t", path)
    with pytest.raises(ReadError, match="not finite"):
        numbers([1, 2, float("nan")], (3,), "t", path)
    with pytest.raises(ReadError, match=r"no field pose \(there is a, b\)"):
        field_of({"a": 1, "b": 2}, "pose", path)


def test_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_picture(path, (8, 6))
    image = ImageFile(path, (8, 6)).read()
    assert image.shape == (6, 8, 3) and image[0, 0, 0] == 30 and image[0, 7, 0] == 90
    with pytest.raises(ReadError, match="is 8x6, but its camera is for 6x8"):
        ImageFile(path, (6, 8)).read()
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ReadError, match="not an image"):
        ImageFile(path).read()
    path.write_bytes(b"")
    with pytest.raises(ReadError, match="not an image"):
        ImageFile(path).read()
    with pytest.raises(ReadError, match="no such image"):
        ImageFile(tmp_path / "b.png").read()


def test_long_lists_become_arrays_where_they_can() -> None:
    assert compact([[1, 2], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert compact([[1, 2], [3]]) == [[1, 2], [3]] and compact(None) is None


def test_what_is_listed_twice_is_read_once() -> None:
    places, told = once(["b/1", "a/1", "b/1", "b/1"], Path("list.txt"))
    assert places == {"b/1": 0, "a/1": 1}
    assert [(p.reason, p.frames) for p in told] == [("lists b/1 3 times, read once", 0)]


def test_orders_and_axes() -> None:
    """skeleton.txt of InterHand2.6M: thumb4 to thumb1, index4 to index1, ..., pinky1, wrist. OpenPose: wrist first."""
    fingers = ("thumb", "index", "middle", "ring", "pinky")
    theirs = [f"{finger}{i}" for finger in fingers for i in (4, 3, 2, 1)] + ["wrist"]
    ours = ["wrist"] + [f"{finger}{i}" for finger in fingers for i in (1, 2, 3, 4)]
    assert [theirs[i] for i in OPENPOSE_FROM_INTERHAND] == ours
    assert (OPENCV_FROM_OPENGL @ [1.0, 2.0, -3.0]).tolist() == [1.0, -2.0, 3.0]
    assert np.linalg.det(OPENCV_FROM_OPENGL) == pytest.approx(1.0)


def test_parts_that_hold_no_numbers_matter_only_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"pose": np.ones(3), "names": np.array(["text", "more"])}))
    content = read_pickle(path)
    assert content["pose"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ReadError, match="names has not the shape"):
        numbers(content["names"], (2,), "names", path)
