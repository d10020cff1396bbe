"""ROS parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hoi_perception.config import DetectionConfig, NodeConfig, TrackingConfig
from hoi_perception.ros.parameters import fits, flatten, from_flat, parameter_table, read_parameter_file

ROOT = Path(__file__).resolve().parents[2]


def read(tmp_path: Path, text: str, node: str = "/hoi_perception") -> NodeConfig:
    path = tmp_path / "parameters.yaml"
    path.write_text(text)
    return read_parameter_file(path, node)


def test_flat_parameters_make_the_same_settings() -> None:
    config = NodeConfig(tracking=replace(TrackingConfig(), predict_frames=3), overlay_rate_hz=5.0)
    assert from_flat({p.name: p.default for p in flatten(config)}) == config


def test_what_is_read_only_says_so() -> None:
    by_name = {p.name: p for p in flatten(NodeConfig())}
    assert [name for name, p in by_name.items() if p.at_start] == ["device"]
    assert by_name["image_transport"].constraints == "one of raw, compressed; takes effect at the next configure"
    assert by_name["fov_deg"].constraints == ""


@pytest.mark.parametrize(
    ("pattern", "node", "fitting"),
    [
        ("/**", "/hoi_perception", True),
        ("/**", "/a/b/hoi_perception", True),
        ("hoi_perception", "/hoi_perception", True),
        ("hoi_perception", "/a/hoi_perception", False),
        ("/a/hoi_perception", "/a/hoi_perception", True),
        ("/*/hoi_perception", "/a/hoi_perception", True),
        ("/*/hoi_perception", "/a/b/hoi_perception", False),
        ("/**/hoi_perception", "/a/b/hoi_perception", True),
        ("/**/hoi_perception", "/hoi_perception", True),
        ("/a/*", "/a/hoi_perception", True),
        ("/a/*", "/b/hoi_perception", False),
    ],
)
def test_names_of_nodes(pattern: str, node: str, fitting: bool) -> None:
    assert fits(pattern, node) is fitting


@pytest.mark.parametrize(
    "text",
    [
        "detection: {max_hands: 4}",
        "detection.max_hands: 4",
        "/**: {ros__parameters: {detection: {max_hands: 4}}}",
        "/**: {ros__parameters: {detection.max_hands: 4, use_sim_time: true}}",
        "/**: {ros__parameters: {detection.max_hands: 4, qos_overrides: {/tf: {publisher: {depth: 1}}}}}",
        "hoi_perception: {ros__parameters: {detection: {max_hands: 4}}}",
        "/**: {hoi_perception: {ros__parameters: {detection: {max_hands: 4}}}}",
        "/**: {ros__parameters: {detection.max_hands: 3}}\nhoi_perception: {ros__parameters: {detection.max_hands: 4}}",
        "/**: {ros__parameters: {detection.max_hands: 4}}\nother: {ros__parameters: {zzz: 1}}",
    ],
)
def test_files_that_ask_for_four_hands(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == NodeConfig(detection=replace(DetectionConfig(), max_hands=4))


def test_a_node_in_a_namespace_has_its_own_section(tmp_path: Path) -> None:
    left = "/left/hoi_perception: {ros__parameters: {fov_deg: 60}}"
    text = left + "\nright: {hoi_perception: {ros__parameters: {fov_deg: 70}}}"
    assert read(tmp_path, text, "/left/hoi_perception").fov_deg == 60.0
    assert read(tmp_path, text, "/right/hoi_perception").fov_deg == 70.0


def test_an_empty_file_or_section_leaves_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, "/**:\n  ros__parameters:\n") == NodeConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "/**: {ros__parameters: {max_hands: 4}}",
            "parameters.yaml: no setting 'max_hands': is it detection.max_hands",
        ),
        ("/**: {ros__parameters: {detection.max_hands: 40}}", "detection.max_hands is 40: give 1 to 8"),
        ("other: {ros__parameters: {fov_deg: 60}}", "no section for the node /hoi_perception: there are /other"),
        ("- 1", "[1] stands where settings belong"),
        ("/**: {ros__parameters: 3}", "3 stands where settings belong"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"parameters\.yaml: ") as error:
        read(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such parameter file"):
        read_parameter_file(tmp_path / "nothing.yaml")


def test_the_table_has_a_row_for_every_parameter() -> None:
    rows = parameter_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [p.name for p in flatten(NodeConfig())]
    assert "| `detection.max_hands` | int | `2` | 1 to 8 | next frame | Hands tracked at most. |" in rows


def test_the_document_has_the_table_as_it_is_now() -> None:
    document = (ROOT / "docs" / "ros.md").read_text(encoding="utf-8")
    _, _, rest = document.partition("<!-- parameters: begin -->")
    table, _, _ = rest.partition("<!-- parameters: end -->")
    assert table.strip() == parameter_table().strip(), "put what parameter_table() gives between the marks"
