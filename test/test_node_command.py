"""The command `node`: from arguments to a running node and back to an exit status."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cyclonedds", reason="Cyclone DDS has no wheel for this Python: pip install cyclonedds")

from hoi_perception import cli, node_command
from hoi_perception.config import NodeConfig
from hoi_perception.node_command import Node

TEST = Path(__file__).parent
sys.path[:0] = [str(TEST / "io"), str(TEST / "ros")]
from dds_node import open_node, wait_for  # noqa: E402 - the folder has to be known first
from example_recordings import write_video  # noqa: E402

from hoi_perception.ros import topics  # noqa: E402
from hoi_perception.ros.dds.domain import Domain, Reach  # noqa: E402
from hoi_perception.ros.topics import Reliability  # noqa: E402


def own_domain() -> str:
    return str(random.SystemRandom().randint(1, 200))


def error_of(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["node", "--localhost", "--domain", own_domain(), *arguments]) == 2
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("hoi-perception: ")
    return lines[0]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """Nodes that would have run."""
    nodes: list[Node] = []
    monkeypatch.setattr(Node, "execute", lambda node: nodes.append(node) or 0)
    return nodes


@pytest.fixture(autouse=True)
def handlers_as_they_were() -> Any:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


PARAMETERS = """
/**:
  ros__parameters:
    use_sim_time: false
    fov_deg: 70.0
left:
  hoi_perception:
    ros__parameters:
      detection.max_hands: 1
      detection: {threads: 3}
"""


def test_flags_go_before_the_file_and_the_file_before_defaults(tmp_path: Path, parsed: list[Node]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(PARAMETERS)
    for spelling in (["--params-file", str(file)], [f"--params_file={file}"]):
        assert cli.main(["node", *spelling, "--namespace", "/left", "--detection.threads", "4"]) == 0
    assert cli.main(["node", "--params-file", str(file)]) == 0
    assert cli.main(["node"]) == 0
    told = [(n.settings.fov_deg, n.settings.detection.max_hands, n.settings.detection.threads) for n in parsed]
    assert told == [(70.0, 1, 4), (70.0, 1, 4), (70.0, 2, 2), (0.0, 2, 2)]


def test_names_on_the_command_line(parsed: list[Node]) -> None:
    arguments = [
        "--namespace",
        "left",
        "--name",
        "eye",
        "--remap",
        "image:=/cam/image_raw",
        "--remap",
        "hands:=~/hands",
    ]
    assert cli.main(["node", *arguments]) == 0
    names = parsed[0].names()
    assert [names.resolve(n) for n in ("image", "hands", "scene")] == [
        "/cam/image_raw",
        "/left/eye/hands",
        "/left/scene",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "/**: {ros__parameters: {detection: {max_hand: 1}}}",
            "no setting 'detection.max_hand': is it detection.max_hands",
        ),
        ("/**: {ros__parameters: {late_s: soon}}", "late_s is 'soon'"),
        ("/**: {ros__parameters: {late_s: 99.0}}", "late_s is 99.0: give 0 to 60"),
        ("/other: {ros__parameters: {late_s: 1.0}}", "no section for the node /hoi_perception"),
        ("a: [", "not YAML"),
        ("/**: {ros__parameters: {qos_overrides: {/image: {subscription: {speed: 1}}}}}", "no policy 'speed'"),
        ("/**: {ros__parameters: {qos_overrides./tf.publisher.depth: 0}}", "/tf.publisher.depth is 0: give"),
        (
            "hoi_perception: {ros__parameters: {qos_overrides./im.subscription.depth: 1}}",
            "does not subscribe to /im: give one of",
        ),
    ],
)
def test_a_file_of_parameters_that_is_wrong(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, part: str
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    line = error_of(capfd, "--params-file", str(file))
    assert part in line
    assert str(file) in line


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--params-file", "none.yaml"), "none.yaml: no such parameter file"),
        (("--hand-model", "none.npz"), "none.npz"),
        (("--camera-file", "none.yaml"), "none.yaml: no such calibration file"),
        (("--hand-shapes", "."), "."),
        (("--target-frame", "world"), "target_frame needs TF"),
        (("--remap", "image"), "remap 'image': write it as"),
        (("--namespace", "a-b"), "namespace '/a-b'"),
        (("--late-s", "99"), "late_s is 99.0: give 0 to 60"),
        (("none.mp4",), "none.mp4: no such file or folder"),
        (("--domain", "300"), "domain 300: give a number from 0 to 232"),
    ],
)
def test_what_ends_with_2_and_one_line(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], part: str
) -> None:
    assert part in error_of(capfd, *arguments)


def test_cyclone_dds_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name in [n for n in sys.modules if n == "cyclonedds" or n.startswith("cyclonedds.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cyclonedds", None)
    assert "Cyclone DDS is not installed" in error_of(capfd)


def test_a_video_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from worker_bench import Pipeline

    pipeline = Pipeline()
    monkeypatch.setattr(node_command, "load_quietly", lambda _: pipeline)
    video, domain = write_video(tmp_path / "a.webm", 5), own_domain()
    arguments = ["node", str(video), "--localhost", "--domain", domain, "--frame-id", "eye", "--fov-deg", "70"]
    assert cli.main(arguments) == 0
    assert pipeline.seen
    assert {frame.frame_id for frame in pipeline.seen} == {"eye"}
    assert "70 deg assumed" in pipeline.seen[0].camera.assumed
    assert capfd.readouterr().err == ""
    assert threading.active_count() == 1


LIVE = """
import sys
sys.path[:0] = {folders!r}
from worker_bench import Pipeline
from hoi_perception import cli, node_command
node_command.load_quietly = lambda _: Pipeline()
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_a_clean_end(number: signal.Signals) -> None:
    domain = own_domain()
    code = LIVE.format(folders=[str(TEST), str(TEST / "ros")])
    command = [sys.executable, "-c", code, "node", "--localhost", "--domain", domain, "--namespace", "left"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told: list[Any] = []
    try:
        with Domain(int(domain), Reach.LOCALHOST) as here, open_node(here) as probe:
            probe.reader(topics.DIAGNOSTICS, told.append)
            wait_for(lambda: told, "a diagnostic of the other process")
            process.send_signal(number)
            out, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert told[0].status[0].name == "left/hoi_perception"
    assert (process.returncode, out, errors) == (0, "", "")


def test_qualities_of_service_of_the_file(tmp_path: Path) -> None:
    """The camera offers best effort and the node asks for more; what it does not ask more for, it gets."""
    file, domain = tmp_path / "a.yaml", own_domain()
    file.write_text("/**: {ros__parameters: {qos_overrides: {/eye/image: {subscription: {reliability: reliable}}}}}")
    code = LIVE.format(folders=[str(TEST), str(TEST / "ros")])
    arguments = ["node", "--localhost", "--domain", domain, "--params-file", str(file), "--remap", "image:=/eye/image"]
    with Domain(int(domain), Reach.LOCALHOST) as here, open_node(here, "camera") as camera:
        images, info = camera.writer(replace(topics.IMAGE, name="/eye/image")), camera.writer(topics.CAMERA_INFO)
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: info.subscribed, "the other process")
            told: list[Any] = []
            camera.reader(topics.DIAGNOSTICS, told.append)
            wait_for(lambda: told, "a diagnostic, after all topics")
            assert images.subscribed == 0
            reliable = camera.writer(replace(topics.IMAGE, name="/eye/image", reliability=Reliability.RELIABLE))
            wait_for(lambda: reliable.subscribed, "the subscription of images")
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=30)[1] == ""
        finally:
            process.kill()


def test_the_real_pipeline_sees_the_hands_of_a_rendered_clip() -> None:
    """Through DDS, as `run` would see them: the same node, no stand-in."""
    from dds_node import MESSAGES

    from hoi_perception.hands.models import MODELS, ModelFileError, read_model
    from hoi_perception.pipeline import Perception
    from hoi_perception.ros.conversions import camera_info_message, image_message
    from hoi_perception.ros.dds.names import NodeNames
    from hoi_perception.ros.dds.qos_overrides import QosOverrides
    from hoi_perception.synthesis.demo_clip import demo_frames

    try:
        read_model(MODELS[0])
    except ModelFileError as error:
        pytest.skip(str(error))
    clip = [frame for frame, _ in demo_frames(4, 640, 360)]
    frames = [replace(frame, stamp_ns=frame.stamp_ns + 1_700_000_000_000_000_000) for frame in clip]
    expected = Perception(NodeConfig())
    wanted = [expected.process(frame) for frame in frames]
    stop, arrays = threading.Event(), []
    with Domain(int(own_domain()), Reach.LOCALHOST) as domain, open_node(domain, "camera") as camera:
        camera.reader(topics.HANDS, arrays.append)
        config, names = NodeConfig(late_s=60.0), NodeNames("hoi_perception")
        node = threading.Thread(target=node_command.live, args=(domain, names, config, None, stop, QosOverrides()))
        node.start()
        image, info = camera.writer(topics.IMAGE), camera.writer(topics.CAMERA_INFO)
        told: list[Any] = []
        camera.reader(topics.DIAGNOSTICS, told.append)
        wait_for(lambda: told and "no image yet" in told[-1].status[0].message, "the models")
        for frame in frames:
            info.publish(camera_info_message(frame.camera, frame.stamp_ns, "eye", MESSAGES))
            image.publish(image_message(frame.image_bgr, frame.stamp_ns, "eye", MESSAGES))
            count = len(arrays) + 1
            wait_for(lambda count=count: len(arrays) == count, "hands")
        stop.set()
        node.join()
    assert wanted[-1].hands
    for array, scene in zip(arrays, wanted, strict=True):
        assert len(array.hands) == len(scene.hands)
        for message, hand in zip(array.hands, scene.hands, strict=True):
            np.testing.assert_allclose(message.joints, hand.joints_camera.reshape(-1), atol=1e-4)
