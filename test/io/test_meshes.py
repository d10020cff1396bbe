"""Meshes out, read by a second implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hoi_perception.io.meshes import write_ply

VERTICES = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.5]], dtype=np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])


def test_trimesh_reads_the_same_mesh(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="the extra [test] brings trimesh")
    write_ply(tmp_path / "a.ply", VERTICES, FACES, "metres")
    mesh = trimesh.load(tmp_path / "a.ply", process=False)
    np.testing.assert_array_equal(mesh.vertices, VERTICES)
    np.testing.assert_array_equal(mesh.faces, FACES)
    assert mesh.volume == pytest.approx(0.5 / 6)


def test_the_bytes_by_hand(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", VERTICES, FACES, "two\nlines")
    header, data = (tmp_path / "a.ply").read_bytes().split(b"end_header\n")
    assert b"comment two lines\n" in header
    assert len(data) == 4 * 12 + 4 * 13
    assert data[48:61] == b"\x03" + np.array([0, 2, 1], "<i4").tobytes()
