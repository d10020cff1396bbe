"""What is allowed in the settings of a live node beyond the type and range of each."""

from __future__ import annotations

from hoi_perception.config import NodeConfig
from hoi_perception.ros.further_setup import further_names
from hoi_perception.ros.instrument_frames import instrument_frames
from hoi_perception.settings import check_settings


def check_node_settings(config: NodeConfig) -> NodeConfig:
    """The settings themselves; SettingsError for the first that is not allowed."""
    check_settings(config)
    further_names(config)
    instrument_frames(config)
    return config


def needs_tf(config: NodeConfig) -> bool:
    """Whether a node of these settings asks TF."""
    by_tf = bool(config.further_cameras) and not config.camera_file
    return bool(config.target_frame or config.instrument_frames) or by_tf
