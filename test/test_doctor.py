"""What the doctor finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from hoi_perception import doctor
from hoi_perception.doctor import Finding, examine, print_findings


def by_name() -> dict[str, Finding]:
    return {finding.name: finding for finding in examine()}


def test_what_is_there_is_told_with_its_version() -> None:
    findings = by_name()
    assert findings["Python"].ok
    assert findings["numpy"].ok
    assert findings["video writer"].text == "VP8 in WebM"


def test_missing_networks_come_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOI_MODELS", str(tmp_path))
    finding = by_name()["palm_detection_full.tflite"]
    assert (finding.ok, finding.needed) == (False, True)
    assert "hoi-perception models fetch" in finding.text


def test_a_missing_package_comes_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    assert by_name()["no-such-package"] == Finding("no-such-package", False, True, "pip install no-such-package")


def test_only_what_is_needed_decides(capsys: pytest.CaptureFixture[str]) -> None:
    there, extra = Finding("a", True, True, "1.0"), Finding("b", False, False, "pip install b")
    assert print_findings([there, extra])
    assert not print_findings([there, Finding("c", False, True, "pip install c")])
    assert capsys.readouterr().out.splitlines() == [
        "ok      a: 1.0",
        "absent  b: pip install b",
        "ok      a: 1.0",
        "MISSING c: pip install c",
    ]


@pytest.mark.parametrize(("size", "ok"), [("212992\n", False), ("16777216\n", True)])
def test_a_receive_buffer_that_is_too_small_for_images(tmp_path: Path, size: str, ok: bool) -> None:
    file = tmp_path / "rmem_max"
    file.write_text(size)
    finding = doctor._receive_buffer(file)
    assert (finding.ok, finding.needed) == (ok, False)
    assert ok or "sudo sysctl -w net.core.rmem_max=16777216" in finding.text


def test_cyclone_dds_is_told_but_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise doctor.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", absent)
    assert doctor._dds() == Finding("cyclonedds", False, False, doctor._dds().text)
    assert "hoi-perception node" in doctor._dds().text
