"""Silence for native libraries."""

from __future__ import annotations

import os

import pytest

from hoi_perception.io.native_noise import quiet_stderr


def test_only_what_is_written_inside_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with pytest.raises(ValueError, match="loud"), quiet_stderr():
        os.write(2, b"inside ")
        raise ValueError("loud")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"
