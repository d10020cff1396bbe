"""Hands of one camera: the lifecycle node, brought up to `active` unless told otherwise, and RViz where asked for."""

import re
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, EmitEvent, LogInfo, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import matches_action
from launch.events.process import ProcessExited, ShutdownProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

TEXTS = (
    "image_transport",
    "hand_model",
    "device",
    "frame_prefix",
    "track_instruments",
    "instrument_frames",
)
"""Arguments that are parameters of the same name, where they say something."""
SHARE = Path(__file__).resolve().parents[1]
BAD_INPUT = 2
"""Exit status of the node for parameters that it cannot take: they would be the same the next time."""

ARGUMENTS = {
    "namespace": ("", "Namespace of the node and its results; one for each camera when there are several."),
    "camera_namespace": ("/camera", "Where `image` and `camera_info` of the camera driver are."),
    "image": ("image_raw", "Image topic below camera_namespace; `image_rect` is taken as rectified."),
    "image_transport": ("", "raw, or compressed for <image>/compressed; empty for what the parameter file says."),
    "image_reliability": ("", "best_effort or reliable; empty for best_effort, as most cameras publish."),
    "rectified": ("", "true or false; empty for what the parameter file says, or true if the topic is an image_rect."),
    "further_cameras": ("", "Further synchronised cameras as NAME=NAMESPACE (of the driver), separated by commas."),
    "calibration_file": ("", "YAML of the camera, of all cameras where there are further ones; empty for camera_info."),
    "fov_deg": ("", "Horizontal field of view to assume while no camera_info comes; empty for what the file says."),
    "config": (str(SHARE / "config" / "perception.yaml"), "YAML file of parameters."),
    "hand_model": ("", "Hand model file (.npz); empty for the open hand, or what the parameter file says."),
    "track_instruments": ("", "Instruments to look for, separated by commas; empty for what the parameter file says."),
    "instrument_frames": ("", "TF frames of their base links as NAME=FRAME, separated by commas; likewise."),
    "device": ("", "Warp device, cpu or cuda:0; empty for what the parameter file says."),
    "frame_prefix": ("", "Put before every TF frame of hands and instruments; empty for what the parameter file says."),
    "autostart": ("true", "Configure and activate at once; false leaves it to a lifecycle manager."),
    "respawn": ("true", "Start the node again if it dies, but not where its parameters are refused."),
    "rviz": ("false", "Open RViz with image, overlay, hands and TF."),
    "fixed_frame": ("camera", "Frame that RViz looks from: the camera's optical frame."),
    "use_sim_time": ("false", "Take the time from /clock."),
    "log_level": ("info", "debug, info, warn, error."),
}


def generate_launch_description() -> LaunchDescription:
    """Everything that can be said is an argument: `ros2 launch hoi_perception perception.launch.py --show-args`."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_nodes)])


def _nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    said = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    camera, image = said["camera_namespace"].rstrip("/"), said["image"]
    parameters: dict[str, object] = {
        "autostart": said["autostart"].lower() == "true",
        "use_sim_time": said["use_sim_time"].lower() == "true",
        **{name: said[name] for name in TEXTS if said[name]},
    }
    if said["rectified"]:
        parameters["rectified"] = said["rectified"].lower() == "true"
    elif re.search(r"(^|/)image_rect(_color|_mono)?$", image):
        parameters["rectified"] = True
    if said["calibration_file"]:
        parameters["camera_file"] = said["calibration_file"]
    if said["fov_deg"]:
        parameters["fov_deg"] = float(said["fov_deg"])
    further = _further_cameras(said["further_cameras"])
    if further:
        parameters["further_cameras"] = ",".join(further)
    images = [f"{place}/{image}" for place in (camera, *further.values())]
    if said["image_reliability"]:
        for name in (_full_name(f"{topic}{twin}", said) for topic in images for twin in ("", "/compressed")):
            parameters[f"qos_overrides.{name}.subscription.reliability"] = said["image_reliability"]
    remappings = [
        (f"{own}{kind}", topic)
        for own, there in zip(["", *(f"cameras/{name}/" for name in further)], images, strict=True)
        for kind, topic in (("image", there), ("camera_info", there.rpartition("/")[0] + "/camera_info"))
    ]
    node = LifecycleNode(
        package="hoi_perception",
        executable="perception_node",
        name="hoi_perception",
        namespace=said["namespace"],
        parameters=[*([said["config"]] if said["config"] else []), parameters],
        remappings=remappings,
        ros_arguments=["--log-level", f"hoi_perception:={said['log_level']}"],
        respawn=said["respawn"].lower() == "true",
        respawn_delay=1.0,
        output="screen",
    )
    nodes: list[LaunchDescriptionEntity] = [_no_respawn_for_bad_input(node), node]
    return [*nodes, _rviz(said, f"{camera}/{image}")] if said["rviz"].lower() == "true" else nodes


def _no_respawn_for_bad_input(node: LifecycleNode) -> RegisterEventHandler:
    """Ends the node's action, which waits to start the node again, where that is of no use."""

    def on_exit(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        if event.returncode != BAD_INPUT or context.is_shutdown:
            return None
        text = "hoi_perception is not started again: correct what it refused, then launch it again"
        return [LogInfo(msg=text), EmitEvent(event=ShutdownProcess(process_matcher=matches_action(node)))]

    return RegisterEventHandler(OnProcessExit(target_action=node, on_exit=on_exit))


def _further_cameras(text: str) -> dict[str, str]:
    """Namespaces of the drivers by the names of the cameras."""
    parts = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): (place.strip() or f"cameras/{name.strip()}").rstrip("/") for name, _, place in parts}


def _full_name(name: str, said: dict[str, str]) -> str:
    """A topic's name as the node resolves it."""
    return name if name.startswith("/") else f"/{said['namespace'].strip('/')}/{name}".replace("//", "/")


def _rviz(said: dict[str, str], image: str) -> Node:
    """RViz names topics absolutely; they are led to those of this camera."""
    here = "/" + said["namespace"].strip("/") if said["namespace"].strip("/") else ""
    return Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(SHARE / "rviz" / "perception.rviz"), "-f", said["fixed_frame"]],
        remappings=[("/image", image), *((f"/{name}", f"{here}/{name}") for name in ("markers", "overlay"))],
        output="log",
    )
