"""Fetching and checking of the network files, with made-up wheels and no network connection."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from hoi_perception.hands import models
from hoi_perception.hands.models import ModelFile, ModelFileError


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


FILES = tuple(
    ModelFile(name=name, member=f"package/{name}", sha256=sha256(content))
    for name, content in [("palm.tflite", b"palm network"), ("hand.tflite", b"hand network")]
)
CONTENTS = {"package/palm.tflite": b"palm network", "package/hand.tflite": b"hand network"}


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODELS", FILES)


def write_wheel(path: Path, contents: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return sha256(path.read_bytes())


def test_directory_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOI_MODELS", str(tmp_path / "here"))
    assert models.model_directory() == tmp_path / "here"
    monkeypatch.delenv("HOI_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models.model_directory() == tmp_path / "hoi_perception" / "models"


def test_networks_are_taken_out_of_the_wheel(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path / "a.whl", CONTENTS)
    paths = models.extract_models(tmp_path / "a.whl", tmp_path / "new" / "models", digest)
    assert [path.name for path in paths] == ["palm.tflite", "hand.tflite"]
    assert [path.read_bytes() for path in paths] == [b"palm network", b"hand network"]
    assert sorted(p.name for p in (tmp_path / "new" / "models").iterdir()) == ["hand.tflite", "palm.tflite"]


def test_wheel_with_another_checksum_is_refused(tmp_path: Path) -> None:
    write_wheel(tmp_path / "a.whl", CONTENTS)
    with pytest.raises(ModelFileError, match=r"a\.whl: SHA-256 is .* expected 05dc4a9e5936"):
        models.extract_models(tmp_path / "a.whl", tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("content", [b"not a zip file", b""])
def test_corrupted_wheel_is_named(tmp_path: Path, content: bytes) -> None:
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"a\.whl: not a readable wheel .* download mediapipe-0\.10\.21"):
        models.extract_models(wheel, tmp_path / "models", sha256(content))


def test_wheel_with_a_damaged_network_writes_nothing(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path / "a.whl", CONTENTS | {"package/hand.tflite": b"hand netwurk"})
    with pytest.raises(ModelFileError, match=r"package/hand\.tflite: SHA-256"):
        models.extract_models(tmp_path / "a.whl", tmp_path / "models", digest)
    assert not (tmp_path / "models").exists()


def test_wheel_without_a_network_is_refused(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path / "a.whl", {"package/palm.tflite": b"palm network"})
    with pytest.raises(ModelFileError, match=r"not a readable wheel .*hand\.tflite"):
        models.extract_models(tmp_path / "a.whl", tmp_path / "models", digest)


def test_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.whl: cannot be read"):
        models.fetch_models(tmp_path, wheel=tmp_path / "none.whl")


def test_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = write_wheel(tmp_path / "a.whl", CONTENTS)
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "palm.tflite").write_bytes(b"old")

    def interrupt(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        models.extract_models(tmp_path / "a.whl", folder, digest)
    assert [(p.name, p.read_bytes()) for p in folder.iterdir()] == [("palm.tflite", b"old")]


def test_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    digest = write_wheel(tmp_path / "a.whl", CONTENTS)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelFileError, match=r"cannot be written .* set HOI_MODELS"):
        models.extract_models(tmp_path / "a.whl", tmp_path / "file" / "models", digest)


def test_good_files_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in FILES:
        (tmp_path / model.name).write_bytes(CONTENTS[model.member])

    def run(*args: object, **kwargs: object) -> None:
        raise AssertionError("pip was called")

    monkeypatch.setattr(subprocess, "run", run)
    assert models.fetch_models(tmp_path) == tuple(tmp_path / model.name for model in FILES)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("/usr/bin/python3: No module named pip\n", "has no pip: run .* -m ensurepip.* --wheel FILE"),
        ("WARNING: x\nERROR: No matching distribution\n", r"\(ERROR: No matching distribution\): check the network"),
        ("", r"could not download .* \(no message\)"),
    ],
)
def test_failing_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, message: str
) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, stdout="", stderr=stderr)
    )
    with pytest.raises(ModelFileError, match=message):
        models.fetch_models(tmp_path)


def test_download_asks_for_one_fixed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.extend(command)
        folder = Path(command[command.index("--dest") + 1])
        monkeypatch.setattr(models, "WHEEL_SHA256", write_wheel(folder / models.WHEEL_NAME, CONTENTS))
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ModelFileError, match="expected 05dc4a9e5936"):
        models.fetch_models(tmp_path)  # the made-up wheel is not the pinned one
    assert "mediapipe==0.10.21" in asked
    assert "--no-deps" in asked
    assert asked[asked.index("--platform") + 1] == "manylinux_2_28_x86_64"
    assert asked[asked.index("--python-version") + 1] == "3.11"


def test_absent_network_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"palm\.tflite: the network is not there: run `hoi-perception models f"):
        models.read_model(FILES[0], tmp_path / "palm.tflite")


def test_altered_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "palm.tflite"
    path.write_bytes(b"palm networK")
    with pytest.raises(ModelFileError, match=r"palm\.tflite: SHA-256 is .* delete it and run `hoi-perception models"):
        models.read_model(FILES[0], path)
