"""What settings say of further cameras: their names, and the calibration file of all."""

from __future__ import annotations

import re
from pathlib import Path

from hoi_perception.camera import CameraError
from hoi_perception.camera_rig import CameraRig, read_rig
from hoi_perception.config import NodeConfig, listed
from hoi_perception.settings import SettingsError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def further_names(config: NodeConfig) -> tuple[str, ...]:
    """Names of the further cameras. SettingsError for one that no topic can have, and for one that comes twice."""
    names = tuple(listed(config.further_cameras))
    for name in names:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"further_cameras: '{name}': use letters, digits and underscores, no digit first")
        if names.count(name) > 1:
            raise SettingsError(f"further_cameras: '{name}' comes twice: give each camera its own name")
    return names


def fixed_rig(config: NodeConfig) -> CameraRig | None:
    """The cameras of `camera_file` where there are further ones; its first one is that of `image`. None without a file.

    CameraError names what is wrong with the file.
    """
    names, file = further_names(config), config.camera_file
    if not names or not file:
        return None
    rig = read_rig(Path(file))
    if config.rectified:
        raise CameraError(
            f"{file}: a calibration of several cameras is one of raw images: set rectified to false, or clear "
            "camera_file and let camera_info and TF tell"
        )
    for name in names:
        if name not in rig.names[1:]:
            others = ", ".join(rig.names[1:]) or "none"
            raise CameraError(
                f"{file}: further_cameras names '{name}', but after '{rig.names[0]}', which is that of the topic "
                f"`image`, it has {others}: let names and order agree"
            )
    return rig
