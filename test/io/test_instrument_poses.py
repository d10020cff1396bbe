"""Files of poses for `run --instruments`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.input_error import InputError
from hoi_perception.io.instrument_poses import StatedPose, WithInstruments, read_instrument_poses
from hoi_perception.types import Frame, Scene, Side

GOOD = """
instruments:
  - {name: cube, position: [0.1, 0, 0.5], orientation: [0, 0, 0.7071068, 0.7071068], frame: 2, joints: {jaw: 0.2}}
  - {name: mug, position: [0, 0, 1], orientation: [0, 0, 0, 1]}
"""


def read(tmp_path: Path, text: str) -> list[StatedPose]:
    path = tmp_path / "poses.yaml"
    path.write_text(text)
    return read_instrument_poses(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    """A quarter turn about z takes x to y."""
    cube, mug = read(tmp_path, GOOD)
    assert (cube.name, cube.frame, cube.joints) == ("cube", 2, {"jaw": 0.2})
    assert cube.R is not None and cube.t is not None
    np.testing.assert_allclose(cube.R @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(cube.t, [0.1, 0.0, 0.5])
    assert (mug.name, mug.frame, mug.joints) == ("mug", 0, {})


def test_a_name_alone_is_looked_for_and_told_no_pose(tmp_path: Path) -> None:
    (mug,) = read(tmp_path, "instruments:\n  - name: mug\n")
    assert mug.name == "mug" and mug.R is None and mug.t is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "not YAML"),
        ("tools: []", "no list `instruments`"),
        ("instruments: [{position: [0, 0, 1]}]", "instrument 1 has no name"),
        ("instruments: [{name: cube, position: [0, 1], orientation: [0, 0, 0, 1]}]", "position is .*give 3 numbers"),
        ("instruments: [{name: cube, position: [0, 0, .nan], orientation: [0, 0, 0, 1]}]", "give 3 numbers"),
        ("instruments: [{name: cube, position: [0, 0, -1], orientation: [0, 0, 0, 1]}]", "behind the camera"),
        ("instruments: [{name: cube, position: [0, 0, 1], orientation: [0, 0, 0, 2]}]", "length 2.000, not 1"),
        ("instruments: [{name: cube, position: [0, 0, 1], orientation: [0, 0, 0, 1], frame: -1}]", "frame is -1"),
        ("instruments: [{name: cube, position: [0, 0, 1], orientation: [0, 0, 0, 1], size: 3}]", "unknown size"),
        ("instruments: [{name: cube, position: [0, 0, 1], orientation: [0, 0, 0, 1], joints: [1]}]", "joints is"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path, text)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_instrument_poses(tmp_path / "nowhere.yaml")


def test_poses_are_told_when_their_frames_come(tmp_path: Path) -> None:
    class Fake:
        faces: dict[Side, np.ndarray] = {}  # noqa: RUF012

        def __init__(self) -> None:
            self.told: list[tuple[int, int]] = []
            self.names: list[str] = []
            self.count = 0

        def process(self, frame: Frame) -> Scene:
            self.count += 1
            return Scene(frame.stamp_ns, frame.frame_id, frame.camera, (), 0, {})

        def add_instrument(self, name: str) -> int:
            self.names.append(name)
            return 10 + len(self.names)

        def set_instrument_pose(self, track_id: int, *_: object) -> None:
            self.told.append((self.count, track_id))

    fake = Fake()
    perception = WithInstruments(fake, read(tmp_path, GOOD))
    frame = Frame(np.zeros((12, 16, 3), dtype=np.uint8), camera_from_fov(16, 12, 60.0), 0)
    assert [perception.process(replace(frame, stamp_ns=k)).stamp_ns for k in range(4)] == [0, 1, 2, 3]
    assert fake.names == ["cube", "mug"] and fake.told == [(0, 12), (2, 11)]
