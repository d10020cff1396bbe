"""Label images beside a recording: the k-th with the k-th frame, and what does not fit is told."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.io.input_error import InputError
from hoi_perception.io.mask_folder import WithMasks
from hoi_perception.io.sources import Skip
from hoi_perception.types import Frame, Scene, Side

CAMERA = camera_from_fov(8, 6, 60.0)


class Recording:
    """Three frames are announced."""

    name, frame_count, rate_hz, live = "three", 3, 30.0, False

    def __init__(self) -> None:
        self.skipped: list[Skip] = []
        self.notes: list[str] = []

    def frames(self) -> object:
        raise NotImplementedError


class Shown:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.faces: dict[Side, np.ndarray] = {}
        self.masks: list[np.ndarray | None] = []

    def process(self, frame: Frame) -> Scene:
        self.masks.append(frame.instrument_mask)
        return Scene(frame.stamp_ns, "camera", CAMERA, (), 0, {})


def frame(k: int) -> Frame:
    return Frame(np.zeros((6, 8, 3), dtype=np.uint8), CAMERA, k)


def labels(value: int, kind: type = np.uint8, shape: tuple[int, ...] = (6, 8)) -> np.ndarray:
    return np.full(shape, value, dtype=kind)


def saved(folder: Path, **images: np.ndarray) -> Path:
    for name, image in images.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
    return folder


def test_each_frame_gets_its_own_in_natural_order(tmp_path: Path) -> None:
    folder = saved(tmp_path, m2=labels(2), m10=labels(300, np.uint16), m1=labels(1))
    source, shown = Recording(), Shown()
    perception = WithMasks(shown, folder, source)
    for k in range(3):
        perception.process(frame(k))
    assert [int(mask[0, 0]) for mask in shown.masks if mask is not None] == [1, 2, 300]
    assert source.notes == []


def test_frames_that_could_not_be_read_have_masks_too(tmp_path: Path) -> None:
    source, shown = Recording(), Shown()
    perception = WithMasks(shown, saved(tmp_path, m0=labels(1), m1=labels(2), m2=labels(3)), source)
    perception.process(frame(0))
    source.skipped.append(Skip(1, "the second cannot be decoded"))
    perception.process(frame(2))
    assert [int(mask[0, 0]) for mask in shown.masks if mask is not None] == [1, 3]


@pytest.mark.parametrize(
    ("image", "told"),
    [(labels(1, shape=(3, 4)), "4x3, the image is 8x6"), (labels(1, shape=(6, 8, 3)), "one channel, 8 or 16 bits")],
)
def test_what_does_not_fit_is_told_and_left_out(tmp_path: Path, image: np.ndarray, told: str) -> None:
    source, shown = Recording(), Shown()
    perception = WithMasks(shown, saved(tmp_path, m0=image, m1=labels(1), m2=labels(1)), source)
    for k in range(2):
        perception.process(frame(k))
    assert shown.masks[0] is None and shown.masks[1] is not None
    (note,) = source.notes
    assert note.startswith("m0.png: ") and told in note


def test_other_numbers_of_masks_and_frames_are_told(tmp_path: Path) -> None:
    source, shown = Recording(), Shown()
    perception = WithMasks(shown, saved(tmp_path, m0=labels(1)), source)
    for k in range(2):
        perception.process(frame(k))
    assert shown.masks[1] is None
    assert "1 masks for 3 frames" in source.notes[0]


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no PNG in it"):
        WithMasks(Shown(), tmp_path, Recording())
    with pytest.raises(InputError, match="no such folder"):
        WithMasks(Shown(), tmp_path / "nowhere", Recording())
    live = Recording()
    live.live = True
    with pytest.raises(InputError, match="a camera has no masks"):
        WithMasks(Shown(), saved(tmp_path, m0=labels(1)), live)
