"""The cache of fields: hits, damaged files, two processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hoi_perception.instruments import field_cache
from hoi_perception.instruments.distance_field import DistanceField, FieldLimits
from hoi_perception.instruments.field_cache import cached_field, field_key

BOX = trimesh.creation.box((0.003, 0.002, 0.0011))
VERTICES, FACES = np.asarray(BOX.vertices, dtype=np.float64), np.asarray(BOX.faces, dtype=np.int64)
COARSE = FieldLimits(spacing=0.001, margin=0.002)


def same(a: DistanceField, b: DistanceField) -> bool:
    return a.spacing == b.spacing and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("origin", "nodes", "blocks", "bricks")
    )


def test_the_second_time_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached_field(VERTICES, FACES, COARSE, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(field_cache, "build_field", lambda *_: pytest.fail("built again"))
    assert same(first, cached_field(VERTICES, FACES, COARSE, tmp_path))


def test_keys_follow_the_content() -> None:
    key = field_key(VERTICES, FACES, COARSE)
    assert key == field_key(VERTICES.copy(), FACES.copy(), COARSE)
    assert key != field_key(VERTICES * 1.001, FACES, COARSE)
    assert key != field_key(VERTICES, FACES[::-1], COARSE)
    assert key != field_key(VERTICES, FACES, FieldLimits())


@pytest.mark.parametrize("damage", ["cut", "random", "empty", "no member", "wrong shape", "wild brick", "folder"])
def test_a_damaged_file_is_rebuilt(tmp_path: Path, damage: str) -> None:
    good = cached_field(VERTICES, FACES, COARSE, tmp_path)
    assert len(good.bricks) > 0
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    parts = {k: getattr(good, k) for k in ("origin", "nodes", "blocks", "bricks")} | {"spacing": np.float64(0.001)}
    match damage:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "random":
            path.write_bytes(np.random.default_rng(0).bytes(5000))
        case "empty":
            path.write_bytes(b"")
        case "no member":
            np.savez(path, origin=good.origin)
        case "wrong shape":
            np.savez(path, **(parts | {"nodes": good.nodes[1:]}))
        case "wild brick":
            np.savez(path, **(parts | {"blocks": np.full_like(good.blocks, 60000)}))
        case "folder":
            path.unlink()
            path.mkdir()
    assert same(good, cached_field(VERTICES, FACES, COARSE, tmp_path))
    if damage != "folder":
        assert same(good, field_cache._read(path) or pytest.fail("not rebuilt"))


def test_a_cache_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cached_field(VERTICES, FACES, COARSE, tmp_path / "file" / "below").nbytes > 0


def test_processes_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, numpy as np\n"
        "from hoi_perception.instruments.field_cache import cached_field\n"
        "from hoi_perception.instruments.distance_field import FieldLimits\n"
        "a = np.load(sys.argv[1])\n"
        "cached_field(a['v'], a['f'], FieldLimits(spacing=0.001, margin=0.002), pathlib.Path(sys.argv[2]))\n"
    )
    np.savez(tmp_path / "mesh.npz", v=VERTICES, f=FACES)
    command = [sys.executable, "-c", code, str(tmp_path / "mesh.npz"), str(tmp_path / "cache")]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=300) for process in running] == [0, 0, 0]
    (path,) = (tmp_path / "cache").iterdir()
    assert same(field_cache._read(path) or pytest.fail("damaged"), cached_field(VERTICES, FACES, COARSE, tmp_path))
