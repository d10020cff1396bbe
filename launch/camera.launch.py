"""Hands of a USB camera or a video file, with no camera driver: `camera_node` and all of perception.launch.py."""

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

HERE = Path(__file__).resolve().parent
CYCLONEDDS = HERE.parent / "config" / "cyclonedds.xml"

ARGUMENTS = {
    "source": ("0", "Index of a camera (0 is /dev/video0), a video file, or a folder of images."),
    "camera_file": ("", "ROS calibration YAML of the camera; it goes before fov_deg."),
    "fov_deg": ("55.0", "Horizontal field of view that is assumed without a calibration, degrees."),
    "frame_id": ("camera", "Optical frame of the images."),
    "loop": ("true", "Start a video again at its end."),
    "camera_namespace": ("/camera", "Where image_raw and camera_info are published."),
}


def generate_launch_description() -> LaunchDescription:
    """The arguments of perception.launch.py can be given too."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(HERE / "perception.launch.py")),
        launch_arguments={
            "camera_namespace": LaunchConfiguration("camera_namespace"),
            "fixed_frame": LaunchConfiguration("frame_id"),
            "fov_deg": LaunchConfiguration("fov_deg"),
            "image_reliability": "reliable",
        }.items(),
    )
    # Raw images are large for Cyclone DDS as it is set up by itself; what the user has set stays.
    dds = SetEnvironmentVariable("CYCLONEDDS_URI", os.environ.get("CYCLONEDDS_URI", f"file://{CYCLONEDDS}"))
    return LaunchDescription([dds, *declared, OpaqueFunction(function=_camera), perception])


def _camera(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    said = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    camera = Node(
        package="hoi_perception",
        executable="camera_node",
        name="camera",
        namespace=said["camera_namespace"],
        parameters=[
            {
                "source": said["source"],
                "camera_file": said["camera_file"],
                "frame_id": said["frame_id"],
                "loop": said["loop"].lower() == "true",
            }
        ],
        respawn=said["source"].isdigit(),  # a camera that was unplugged comes back, a recording that is over does not
        respawn_delay=2.0,
        output="screen",
    )
    return [camera]
