"""What may import what: ROS stays in `ros/`, the core knows neither ROS nor torch nor the doors in front of it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hoi_perception"
MODULES = sorted(p for p in PACKAGE.rglob("*.py"))

# A module may import those of its own row and of the rows above it.
LAYERS = [
    {"types", "config", "settings", "visible_area", "palette"},
    {"transforms", "camera", "calibration", "calibration_file", "camera_rig", "border_shapes", "image_border"},
    {"kernels"},
    {"rendering", "annotation", "hands", "instruments", "fiducials", "metrics", "overlay", "virtual_view"},
    {"interaction", "reconstruction", "datasets", "synthesis"},
    {"networks"},
    {"instrument_tracking"},
    {"evaluation"},
    {
        "scene_transform",
        "tracking",
        "camera_change",
        "tracked_fit",
        "telling",
        "instrument_telling",
        "instrument_perception",
        "pipeline",
    },
    {"io", "ros"},
    {"doctor"},
    {
        "node_command",
        "instruments_command",
        "evaluate_command",
        "dataset_evaluation",
        "synthetic_evaluation",
        "clip_evaluation",
    },
    {"train_command"},
    {"cli"},
]
ROS_ONLY = re.compile(
    r"^(rclpy|rclcpp|tf2_ros|tf2_py|tf_transformations|cv_bridge|message_filters|builtin_interfaces|ament_\w+|\w+_msgs"
    r"|hoi_perception\.(msg|srv|action))(\.|$)"
)


def imports(text: str) -> list[str]:
    """Full names of everything a module imports, at the top or inside functions."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def layer_of(module: str) -> int:
    """Row of `hoi_perception.<module>`; a module that is not in the table has to be given its place."""
    rows = [index for index, names in enumerate(LAYERS) if module in names]
    assert rows, f"hoi_perception/{module} has no place in LAYERS: put it where its imports allow"
    return rows[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_direction_of_imports(path: Path) -> None:
    module = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if module == "__init__":
        return
    own = layer_of(module)
    for name in imports(path.read_text()):
        parts = name.split(".")
        if parts[0] == "hoi_perception" and len(parts) > 1 and parts[1] not in ("__version__", "msg", "srv", "action"):
            assert layer_of(parts[1]) <= own, f"{module} imports {name}, which stands above it"
            assert (module, parts[1]) != ("ros", "io"), "ros serves io, not the other way round"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_ros_imports_ros(path: Path) -> None:
    if PACKAGE / "ros" in path.parents:
        return
    found = [name for name in imports(path.read_text()) if ROS_ONLY.match(name)]
    assert not found, f"{path.relative_to(ROOT)} imports {found}: only hoi_perception/ros may"


@pytest.mark.parametrize(
    ("line", "forbidden"),
    [
        ("import rclpy", True),
        ("from rclpy.node import Node", True),
        ("from tf2_ros import Buffer", True),
        ("import cv_bridge", True),
        ("from sensor_msgs.msg import Image", True),
        ("from trajectory_msgs.msg import JointTrajectory", True),
        ("from hoi_perception.msg import HandArray", True),
        ("from hoi_perception import msg", True),
        ("def f():\n    from std_msgs.msg import Header", True),
        ("from rosbags.typesys import Stores", False),
        ("from hoi_perception.ros import messages", False),
        ("import messages_of_mine", False),
    ],
)
def test_the_rule_fires(line: str, forbidden: bool) -> None:
    assert any(ROS_ONLY.match(name) for name in imports(line)) is forbidden


@pytest.mark.parametrize(
    ("name", "line", "fires"),
    [
        ("hoi_perception/pipeline.py", "import rclpy\n", True),
        ("hoi_perception/io/video_source.py", "from sensor_msgs.msg import Image\n", True),
        ("hoi_perception/hands/starts.py", "from hoi_perception.msg import HandArray\n", True),
        ("hoi_perception/pipeline.py", "import cv_bridge\n", True),
        ("hoi_perception/pipeline.py", "import tf2_ros\n", True),
        ("hoi_perception/ros/node.py", "import rclpy\n", False),
    ],
)
def test_ruff_fires_too(name: str, line: str, fires: bool) -> None:
    beside = Path(sys.executable).parent / "ruff"
    ruff = str(beside) if beside.exists() else shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed: pip install 'hoi_perception[lint]'")
    command = [ruff, "check", "--no-cache", "--output-format", "json", "--stdin-filename", name, "-"]
    result = subprocess.run(command, input=line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ("TID251" in {found["code"] for found in json.loads(result.stdout)}) is fires


def test_nothing_hand_written_is_called_like_a_generated_module() -> None:
    assert not [p for name in ("msg", "srv", "action") for p in (PACKAGE / name, PACKAGE / f"{name}.py") if p.exists()]


def test_the_pipeline_needs_neither_ros_nor_torch_nor_a_network() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('network access at import')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import hoi_perception.pipeline\n"
        "found = {'torch', 'rclpy', 'rosbags', 'smplx', 'tyro', 'hoi_perception.io', 'hoi_perception.ros'}\n"
        "found &= sys.modules.keys()\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", code], check=True, cwd=ROOT)
