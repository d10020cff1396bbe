"""Reading, refusing and converting hand files."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from python2_pickle import Written, official_like, py2, py2_object, py2_sparse
from scipy.sparse import csc_matrix
from synthetic_hand import synthetic_arrays

from hoi_perception.hands.inert_pickle import HandFileError
from hoi_perception.hands.mano_file import convert_hand_file, hand_file_from_arrays, read_hand_file

ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "hands_components", "hands_mean")


def assert_same(path: Path) -> None:
    read, expected = read_hand_file(path), hand_file_from_arrays(synthetic_arrays(), "arrays")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(read, name), getattr(expected, name))


@pytest.mark.parametrize("protocol", [0, 2])
def test_official_layout_of_python_2(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(official_like(protocol=protocol))
    assert_same(path)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_this_numpy(tmp_path: Path, protocol: int) -> None:
    arrays: dict[str, Any] = dict(synthetic_arrays())
    arrays["J_regressor"] = csc_matrix(arrays["J_regressor"])
    path = tmp_path / "hand.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol=protocol))
    assert_same(path)


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "hand.npz", **synthetic_arrays())
    assert_same(tmp_path / "hand.npz")


class Calls:
    """Pickles as a call of `function(*arguments)`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("place", ["instead", "inside"])
@pytest.mark.parametrize("function", ["system", "eval", "exec", "partial", "import", "getattr", "load"])
def test_a_pickle_that_calls_something_is_refused_and_does_not_run(
    tmp_path: Path, function: str, place: str, protocol: int
) -> None:
    canary = tmp_path / "canary"
    write = f"open({str(canary)!r}, 'w').close()"
    call = {
        "system": Calls(os.system, f"touch {canary}"),
        "eval": Calls(eval, write),
        "exec": Calls(exec, write),
        "partial": partial(os.system, f"touch {canary}"),
        "import": Calls(__import__, "this"),
        "getattr": Calls(getattr, "text", "upper"),
        "load": Calls(np.load, str(canary)),
    }[function]
    arrays: Any = synthetic_arrays() | {"extra": call} if place == "inside" else call
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol=protocol))
    with pytest.raises(HandFileError, match=r"MANO_RIGHT.pkl: the pickle names .*official source") as caught:
        read_hand_file(path)
    names = {"system": ".system", "import": "__import__", "partial": "functools.partial", "load": "load"}
    assert names.get(function, function) in str(caught.value)
    assert not canary.exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cposix\nsystem\n(S'true'\ntR.",
        b"cchumpy.ch\nos.system\n.",
        b"\x80\x04\x8c\tchumpy.ch\x8c\tos.system\x93.",
        b"\x80\x04\x8c\x16numpy.core.multiarray\x8c\x16_reconstruct.__globals__\x93.",
        b"cnumpy\nload\n.",
        b"cscipy.sparse\nsave_npz\n.",
        b"chumpy.ch\nCh\n.",
        b"Pname\n.",
        b"\x82\x01.",
        b"(i__builtin__\neval\n.",
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\nN}(S'__defaults__'\n(tu\x86b.",
        b"",
        b"\x80\x02}",
        b"\x80\x02]q\x00.",
    ],
)
def test_strange_opcodes_are_refused(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "hand.pkl"
    path.write_bytes(code)
    with pytest.raises(HandFileError, match=r"hand\.pkl"):
        read_hand_file(path)


def test_an_inert_class_changed_by_one_pickle_is_whole_for_the_next(tmp_path: Path) -> None:
    """BUILD on a class writes its attributes; every class lives for one reading only."""
    path = tmp_path / "hand.pkl"
    path.write_bytes(b"\x80\x02cchumpy.ch\nCh\n" + b"N}(" + py2("kind") + py2("numpy.ndarray") + b"u\x86b.")
    with pytest.raises(HandFileError):
        read_hand_file(path)
    path.write_bytes(official_like())
    assert_same(path)


def test_unknown_chumpy_expression_is_named(tmp_path: Path) -> None:
    arrays: dict[str, Any] = dict(synthetic_arrays())
    arrays["shapedirs"] = py2_object("chumpy.ch", "add", {"a": None})
    path = tmp_path / "hand.pkl"
    path.write_bytes(b"\x80\x02" + py2(arrays) + b".")
    with pytest.raises(HandFileError, match=r"hand\.pkl: array shapedirs cannot be read .*chumpy\.ch\.add"):
        read_hand_file(path)


@pytest.mark.parametrize(
    "damage",
    [
        Written(b"cchumpy.reordering\nSelect\n)Rq\x01}(" + py2("a") + b"h\x01" + py2("idxs") + b"h\x01ub"),  # a cycle
        py2_object("numpy", "dtype", {}),
        Written(b"cnumpy.core.multiarray\n_reconstruct\n)R"),
        Written(b"cnumpy\ndtype\n(" + py2("O8") + b"tR"),
        py2_object("scipy.sparse.csc", "csc_matrix", {"_shape": (2, 3)}),
    ],
)
def test_damaged_objects_are_refused(tmp_path: Path, damage: Written) -> None:
    arrays: dict[str, Any] = dict(synthetic_arrays())
    arrays["shapedirs"] = damage
    path = tmp_path / "hand.pkl"
    path.write_bytes(b"\x80\x02" + py2(arrays) + b".")
    with pytest.raises(HandFileError, match=r"hand\.pkl: array shapedirs cannot be read"):
        read_hand_file(path)


def test_sparse_matrix_with_wrong_ends_is_refused(tmp_path: Path) -> None:
    arrays: dict[str, Any] = dict(synthetic_arrays())
    matrix = csc_matrix(arrays["J_regressor"])
    matrix.indptr[5] = 2_000_000_000
    arrays["J_regressor"] = py2_sparse(matrix)
    path = tmp_path / "hand.pkl"
    path.write_bytes(b"\x80\x02" + py2(arrays) + b".")
    with pytest.raises(HandFileError, match=r"J_regressor cannot be read .*damaged sparse matrix"):
        read_hand_file(path)


def changed(name: str, change: Callable[[NDArray[Any]], NDArray[Any] | None]) -> dict[str, NDArray[Any]]:
    arrays = synthetic_arrays()
    result = change(arrays[name].copy())
    if result is None:
        del arrays[name]
    else:
        arrays[name] = result
    return arrays


def put(value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(array: NDArray[Any]) -> NDArray[Any]:
        array[0, 0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("posedirs", lambda a: None, "array posedirs is missing"),
        ("v_template", lambda a: a[:700], r"array v_template has shape \(700, 3\), wanted \(778, 3\)"),
        ("v_template", put(np.nan), "array v_template holds values that are not finite"),
        ("v_template", lambda a: a * 1000, "array v_template spans .* not a hand in metres"),
        ("weights", lambda a: a * 2, "array weights has rows that do not sum to 1"),
        ("weights", put(-0.5), "array weights holds negative values"),
        ("f", put(778), "array f names vertices outside 0 to 777"),
        ("f", lambda a: a + 0.5, "array f holds values that are not whole"),
        ("J_regressor", lambda a: a * 2, "array J_regressor has rows that do not sum to 1"),
        ("kintree_table", lambda a: a[::-1], "array kintree_table has other parents"),
        ("hands_mean", lambda a: a.astype(str), "array hands_mean holds .*, not numbers"),
    ],
)
def test_damaged_arrays_are_named(name: str, change: Callable[[NDArray[Any]], Any], reason: str) -> None:
    with pytest.raises(HandFileError, match=f"^my.npz: {reason}.*: .+"):
        hand_file_from_arrays(changed(name, change), "my.npz")


def test_root_marked_as_unsigned_minus_one() -> None:
    """The official table is unsigned: its root's parent is 2^32 - 1."""
    arrays = synthetic_arrays()
    arrays["kintree_table"] = arrays["kintree_table"].astype(np.uint32)
    hand_file_from_arrays(arrays, "mine")


@pytest.mark.parametrize("name", ["missing.npz", "hand.txt", "folder.npz"])
def test_what_is_no_hand_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "hand.txt").write_text("hand")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(HandFileError, match=f"{name}: .*: give"):
        read_hand_file(tmp_path / name)


def test_npz_with_pickled_objects_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    arrays: dict[str, Any] = synthetic_arrays()
    arrays["hands_mean"] = np.array([Calls(os.system, f"touch {canary}")], dtype=object)
    np.savez(tmp_path / "hand.npz", **arrays)
    with pytest.raises(HandFileError, match=r"not a plain \.npz"):
        read_hand_file(tmp_path / "hand.npz")
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(HandFileError, match=r"not a plain \.npz"):
        read_hand_file(tmp_path / "damaged.npz")
    assert not canary.exists()


def test_conversion(tmp_path: Path) -> None:
    source = tmp_path / "MANO_RIGHT.pkl"
    source.write_bytes(official_like())
    target = convert_hand_file(source)
    assert target == tmp_path / "MANO_RIGHT.npz"
    assert_same(target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["MANO_RIGHT.npz", "MANO_RIGHT.pkl"]


def test_failed_conversion_leaves_what_was_there(tmp_path: Path) -> None:
    source, target = tmp_path / "bad.pkl", tmp_path / "hand.npz"
    source.write_bytes(b"no pickle")
    target.write_bytes(b"precious")
    with pytest.raises(HandFileError, match=r"bad\.pkl"):
        convert_hand_file(source, target)
    assert target.read_bytes() == b"precious"
    source.write_bytes(official_like())
    for bad, reason in ((tmp_path / "hand.pkl", "ends in .npz"), (tmp_path / "no" / "hand.npz", "writable folder")):
        with pytest.raises(HandFileError, match=reason):
            convert_hand_file(source, bad)
    with pytest.raises(HandFileError, match="same file"):
        convert_hand_file(target, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.pkl", "hand.npz"]
