"""What of this machine the package finds, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("numpy", "opencv-python-headless", "warp-lang", "ai-edge-litert", "rosbags", "jaxtyping", "tyro", "rich")
EXTRAS = {"torch": "torch", "smplx": "conformance"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `run` needs the `needed` ones. Where it is missing, `text` tells the remedy."""

    name: str
    ok: bool
    needed: bool
    text: str


def examine() -> list[Finding]:
    """Everything, the needed things first."""
    findings = [_python(), *(_package(name) for name in PACKAGES), *_networks(), _hand_model(), _video()]
    extras = [_extra(name, extra) for name, extra in EXTRAS.items()]
    return [*findings, *extras, _gpu(), _ros(), _dds(), _receive_buffer()]


def print_findings(findings: Iterable[Finding]) -> bool:
    """A line for each; True if everything that is needed is there."""
    complete = True
    for finding in findings:
        mark = "ok     " if finding.ok else ("MISSING" if finding.needed else "absent ")
        print(f"{mark} {finding.name}: {finding.text}")  # noqa: T201 - what the command is for
        complete = complete and (finding.ok or not finding.needed)
    return complete


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 10)
    return Finding("Python", ok, True, version if ok else f"{version} is too old: install 3.10 or newer")


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        if name == "opencv-python-headless" and importlib.util.find_spec("cv2") is not None:
            return Finding(name, True, True, "another build of OpenCV is there")
        return Finding(name, False, True, f"pip install {name}")


def _networks() -> list[Finding]:
    from hoi_perception.hands.models import MODELS, ModelFileError, read_model

    findings = []
    for model in MODELS:
        try:
            findings.append(Finding(model.name, True, True, f"{len(read_model(model))} bytes, checksum right"))
        except ModelFileError as error:
            findings.append(Finding(model.name, False, True, str(error)))
    return findings


def _hand_model() -> Finding:
    from hoi_perception.hands.hand_model import HandModel
    from hoi_perception.hands.inert_pickle import HandFileError
    from hoi_perception.types import Side

    try:
        HandModel.load("", Side.RIGHT)
    except (HandFileError, OSError) as error:
        return Finding("open hand", False, True, f"{error}: install the package again")
    return Finding("open hand", True, True, "loads; your own MANO file: --hand-model FILE.npz")


def _video() -> Finding:
    import tempfile

    import numpy as np

    from hoi_perception.io.video_writer import SUFFIX, open_video

    try:
        with tempfile.TemporaryDirectory() as folder, open_video(Path(folder) / f"probe{SUFFIX}", 30.0) as video:
            video.write(np.zeros((64, 64, 3), dtype=np.uint8))
    except OSError as error:
        return Finding("video writer", False, False, f"{error.strerror}")
    return Finding("video writer", True, False, "VP8 in WebM")


def _extra(name: str, extra: str) -> Finding:
    try:
        return Finding(name, True, False, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, False, f"pip install 'hoi_perception[{extra}]', if you want it")


def _gpu() -> Finding:
    found = shutil.which("nvidia-smi") is not None
    return Finding("NVIDIA GPU", found, False, "driver found" if found else "not found: the CPU is used")


def _ros() -> Finding:
    distribution = os.environ.get("ROS_DISTRO", "")
    folders = [p.parent.name for p in Path("/opt/ros").glob("*/setup.bash")] if Path("/opt/ros").is_dir() else []
    if distribution:
        return Finding("ROS 2", True, False, f"{distribution} is sourced")
    text = (
        f"source /opt/ros/{folders[0]}/setup.bash" if folders else "not installed: bags are read and written without it"
    )
    return Finding("ROS 2", False, False, text)


def _dds() -> Finding:
    """Not needed by `run`: there are machines that it has no wheel for."""
    try:
        return Finding("cyclonedds", True, False, importlib.metadata.version("cyclonedds"))
    except importlib.metadata.PackageNotFoundError:
        text = "pip install cyclonedds, for `hoi-perception node`; elsewhere use the node of ros2 launch"
        return Finding("cyclonedds", False, False, text)


def _receive_buffer(file: Path = Path("/proc/sys/net/core/rmem_max")) -> Finding:
    """Raw images come in bursts of packets; what does not fit into the buffer is lost."""
    name, wanted = "receive buffer", 4 * 2**20
    if not file.is_file():
        return Finding(name, True, False, "its limit is not known on this system")
    size = int(file.read_text(encoding="ascii"))
    if size >= wanted:
        return Finding(name, True, False, f"{size} bytes: raw images over DDS fit")
    text = f"{size} bytes: raw images over DDS will be lost; sudo sysctl -w net.core.rmem_max={4 * wanted}"
    return Finding(name, False, False, text)
