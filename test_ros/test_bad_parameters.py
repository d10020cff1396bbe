"""Parameters that the node refuses: told in one line, and the launch ends instead of trying them for ever."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parents[1] / "launch" / "perception.launch.py"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{late_s: 99.0}", "late_s out of range"),
        ("{late_s: soon}", "late_s is 'soon': give a value of type float"),
        ("{late_s: [1, soon]}", "Couldn't parse params file"),
    ],
    ids=["range", "type", "file"],
)
def test_the_node_is_not_started_again_for_parameters_that_it_refuses(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_text(f"/**: {{ros__parameters: {text}}}")
    command = ["ros2", "launch", str(LAUNCH), f"config:={file}", "namespace:=refused"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    lines = done.stdout.splitlines()
    assert sum("process started" in line for line in lines) == 1
    assert sum(reason in line for line in lines) == 1
    assert any("exit code 2" in line for line in lines)
    assert any("is not started again: correct what it refused" in line for line in lines)
    assert "Traceback" not in done.stdout
