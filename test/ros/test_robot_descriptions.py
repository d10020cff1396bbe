"""Instruments of the library as RobotModel gets them: URDF, mesh URIs, TF of every link."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from example_scenes import example_faces, example_scene

from hoi_perception.config import NodeConfig
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.library import SHIPPED, Library
from hoi_perception.ros.messages import BagMessages
from hoi_perception.ros.outputs import Outputs
from hoi_perception.ros.robot_descriptions import RobotDescriptions, mesh_uri
from hoi_perception.ros.topics import Durability, Reliability, Topic
from hoi_perception.ros.worker import Result
from hoi_perception.transforms import rotation_from_quaternion_wxyz
from hoi_perception.types import Frame, Instrument, ScaleSource, Scene, Side, TrackState

MESSAGES = BagMessages()
KELLY = "instrument_kelly_haemostat"


class Wire:
    """Outputs with the instruments of the settings described; keeps what is published."""

    def __init__(self, **settings: Any) -> None:
        self.sent: list[tuple[Topic, Any]] = []
        config = NodeConfig(**settings)
        publish = lambda topic, message: self.sent.append((topic, message))  # noqa: E731
        self.outputs = Outputs(MESSAGES, publish, lambda _: False, config, now_ns=lambda: 7)
        self.outputs.describe(RobotDescriptions.of(config))

    def close(self) -> None:
        self.outputs.close()

    def send(self, *instruments: Instrument) -> None:
        scene: Scene = replace(example_scene(), instruments=instruments, contacts=())
        frame = Frame(np.zeros((48, 64, 3), np.uint8), scene.camera, scene.stamp_ns, scene.frame_id)
        self.outputs.send(Result(frame, scene, 3, 0, {side: example_faces() for side in Side}))

    def urdfs(self) -> dict[str, ET.Element]:
        return {t.name: ET.fromstring(m.data) for t, m in self.sent if t.type == "std_msgs/msg/String"}

    def transforms(self) -> dict[str, Any]:
        """The latest of each child."""
        return {t.child_frame_id: t for topic, m in self.sent if topic.name == "/tf" for t in m.transforms}


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(instruments="kelly_haemostat, Large Needle Driver")
    yield wire
    wire.close()


def kelly(jaw: float, track_id: int = 1) -> Instrument:
    return Instrument(
        "kelly_haemostat",
        track_id,
        TrackState.TRACKED,
        0.9,
        np.eye(3),
        np.array([0.0, 0.0, 0.4]),
        np.eye(6),
        ScaleSource.INSTRUMENT,
        joint_names=("jaw",),
        joint_positions=np.array([jaw]),
        covariance_joints=np.eye(1),
    )


def turn_about_z(transform: Any) -> float:
    q = transform.transform.rotation
    R = rotation_from_quaternion_wxyz(np.array([q.w, q.x, q.y, q.z]))
    assert R[2, 2] == pytest.approx(1.0)
    return float(np.arctan2(R[1, 0], R[0, 0]))


def test_each_has_a_latched_topic_with_its_urdf(wire: Wire) -> None:
    assert set(wire.urdfs()) == {f"{KELLY}/robot_description", "instrument_large_needle_driver/robot_description"}
    (topic, _), *_ = wire.sent
    assert (topic.durability, topic.reliability) == (Durability.TRANSIENT_LOCAL, Reliability.RELIABLE)


def test_nothing_is_described_by_default() -> None:
    wire = Wire()
    wire.outputs.send_diagnostics(None)
    wire.close()
    assert [topic.name for topic, _ in wire.sent] == ["/diagnostics"]


def test_links_are_tf_frames_and_joints_those_of_the_joint_states(wire: Wire) -> None:
    robot = wire.urdfs()[f"{KELLY}/robot_description"]
    assert [e.get("name") for e in robot.iter("link")] == [KELLY, f"{KELLY}_jaw_left", f"{KELLY}_jaw_right"]
    assert {e.get("name") for e in robot.findall("joint")} == {"jaw", "jaw_mirror"}


@pytest.mark.parametrize("name", Library.find().names)
def test_every_link_below_the_base_has_a_transform_and_every_mesh_a_file(name: str) -> None:
    wire = Wire(instruments=name)
    wire.outputs.send_diagnostics(None)
    wire.close()
    (robot,) = wire.urdfs().values()
    base, *others = [str(e.get("name")) for e in robot.findall("link")]
    transforms = wire.transforms()
    assert set(transforms) == set(others)
    assert {t.header.frame_id for t in transforms.values()} <= {base}
    files = [unquote(str(e.get("filename")).removeprefix("file://")) for e in robot.iter("mesh")]
    assert files and all(Path(file).is_file() for file in files)


def test_jaws_turn_with_the_joint_angle_while_tracked(wire: Wire) -> None:
    wire.send(kelly(0.2))
    transforms = wire.transforms()
    assert transforms[KELLY].transform.translation.z == pytest.approx(0.4)
    left, right = transforms[f"{KELLY}_jaw_left"], transforms[f"{KELLY}_jaw_right"]
    assert (left.header.frame_id, left.header.stamp) == (KELLY, transforms[KELLY].header.stamp)
    assert (turn_about_z(left), turn_about_z(right)) == (pytest.approx(0.2), pytest.approx(-0.2))


def test_links_rest_once_a_second_until_tracked_and_again_after(wire: Wire) -> None:
    def resting() -> set[str]:
        wire.sent.clear()
        wire.outputs.send_diagnostics(None)
        return {name for name in wire.transforms() if name.startswith(KELLY)}

    both = {f"{KELLY}_jaw_left", f"{KELLY}_jaw_right"}
    assert resting() == both
    assert turn_about_z(wire.transforms()[f"{KELLY}_jaw_left"]) == 0.0
    wire.send(kelly(0.2))
    assert resting() == set()
    wire.send()
    assert resting() == both


def test_a_second_one_has_links_of_its_own(wire: Wire) -> None:
    wire.send(kelly(0.1, 1), kelly(0.3, 2))
    transforms = wire.transforms()
    assert turn_about_z(transforms[f"{KELLY}_jaw_left"]) == pytest.approx(0.1)
    assert turn_about_z(transforms[f"{KELLY}_2_jaw_left"]) == pytest.approx(0.3)


def test_the_prefix_is_before_every_frame() -> None:
    wire = Wire(instruments="kelly_haemostat", frame_prefix="left_")
    (robot,) = wire.urdfs().values()
    named = {str(e.get("name")) for e in robot.findall("link")}
    assert all(name.startswith(f"left_{KELLY}") for name in named)
    wire.outputs.send_diagnostics(None)
    assert set(wire.transforms()) == named - {f"left_{KELLY}"}
    wire.sent.clear()
    wire.send(kelly(0.1))
    wire.close()
    transforms = wire.transforms()
    assert set(transforms) >= named
    assert transforms[f"left_{KELLY}_jaw_left"].header.frame_id == f"left_{KELLY}"


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(InstrumentError, match="no instrument called 'kely_haemostat': did you mean kelly_haemostat"):
        RobotDescriptions.of(NodeConfig(instruments="kely_haemostat"))
    with pytest.raises(InstrumentError, match="/nowhere: is no folder of instruments"):
        RobotDescriptions.of(NodeConfig(instruments="cube", instrument_folders="/nowhere"))


def test_folders_of_the_settings_come_first(tmp_path: Path) -> None:
    from hoi_perception.instruments.folder import write_instrument

    model = Library.find().get("cube")
    write_instrument(replace(model, description=replace(model.description, name="my_cube")), tmp_path / "my_cube")
    wire = Wire(instruments="my_cube", instrument_folders=f"{tmp_path}")
    wire.close()
    robot = wire.urdfs()["instrument_my_cube/robot_description"]
    assert all(str(tmp_path / "my_cube") in str(e.get("filename")) for e in robot.iter("mesh"))


def test_meshes_that_a_ros_package_installs_have_package_uris(tmp_path: Path) -> None:
    mesh = SHIPPED / "cube" / "meshes" / "body.stl"
    assert mesh.is_file()
    assert mesh_uri(mesh, {}) == mesh.as_uri()
    ours = tmp_path / "hoi_perception"
    assert mesh_uri(mesh, {"hoi_perception": ours}) == mesh.as_uri()  # its share folder has no such file
    (ours / "instruments" / "cube" / "meshes").mkdir(parents=True)
    (ours / "instruments" / "cube" / "meshes" / "body.stl").touch()
    assert mesh_uri(mesh, {"hoi_perception": ours}) == "package://hoi_perception/instruments/cube/meshes/body.stl"
    other = tmp_path / "theirs" / "instruments" / "a tool.stl"
    assert mesh_uri(other, {"theirs": tmp_path / "theirs"}) == "package://theirs/instruments/a%20tool.stl"
