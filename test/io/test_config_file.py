"""Settings from YAML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hoi_perception.config import Config, DetectionConfig
from hoi_perception.io.config_file import read_config
from hoi_perception.io.input_error import InputError


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return read_config(path)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Config()
    want = replace(Config(), detection=replace(DetectionConfig(), max_hands=4, palm_threshold=1.0))
    assert read(tmp_path, "detection:\n  max_hands: 4\n  palm_threshold: 1\n") == want


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zzz: 3", "settings.yaml: no setting 'zzz': there are hand_model"),
        ("detection:\n  max_hand: 2", "no setting 'detection.max_hand': is it detection.max_hands"),
        ("max_hands: 2", "no setting 'max_hands': is it detection.max_hands"),
        ("detection:\n  max_hands: two", "detection.max_hands is 'two': give a value of type int"),
        ("detection:\n  max_hands: 9", "settings.yaml: detection.max_hands is 9: give 1 to 8"),
        ("detection:\n  max_hands: true", "max_hands is True: give a value of type int"),
        ("detection: 3", "'detection' is a group of settings"),
        ("- 1", "stands where settings belong"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such settings file"):
        read_config(tmp_path / "nothing.yaml")
