"""Whole scenes and how their image was processed."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoi_perception.ros.conversions.contacts import contact_array_message, contacts_from_message
from hoi_perception.ros.conversions.fields import number
from hoi_perception.ros.conversions.hands import hand_messages, hands_from_messages, vertices_of
from hoi_perception.ros.conversions.headers import header_message, stamp_ns
from hoi_perception.ros.conversions.instruments import instrument_messages, instruments_from_message
from hoi_perception.ros.messages import Messages
from hoi_perception.types import Camera, Scene


def scene_message(scene: Scene, messages: Messages, *, device: str = "cpu", dropped_frames: int = 0) -> Any:
    """hoi_perception/Scene: everything but the meshes."""
    return messages.make(
        "hoi_perception/msg/Scene",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        camera_assumption=scene.camera.assumed,
        hands=hand_messages(scene, messages),
        instruments=instrument_messages(scene, messages),
        contacts=contact_array_message(scene, messages),
        status=frame_status_message(scene, messages, device=device, dropped_frames=dropped_frames),
    )


def frame_status_message(scene: Scene, messages: Messages, *, device: str = "cpu", dropped_frames: int = 0) -> Any:
    """hoi_perception/FrameStatus; `total_ms` is the stage "total" where there is one, else the sum."""
    stages = {name: number(ms, 0.0) for name, ms in scene.stage_ms.items()}
    return messages.make(
        "hoi_perception/msg/FrameStatus",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        device=device,
        stages=list(stages),
        stage_ms=messages.sequence(np.array(list(stages.values()), dtype=np.float32)),
        total_ms=float(stages.get("total", sum(stages.values()))),
        births=int(scene.births),
        dropped_frames=int(dropped_frames),
        camera_assumption=scene.camera.assumed,
    )


def scene_from_message(message: Any, camera: Camera, mesh_array: Any | None = None) -> Scene:
    """The Scene of a Scene message, to its precision.

    Vertices are those of the MeshVerticesArray of the same image, or NaN without one: `HandModel.posed` makes them
    from the parameters.
    """
    return Scene(
        stamp_ns=stamp_ns(message.header),
        frame_id=str(message.header.frame_id),
        camera=camera,
        hands=hands_from_messages(message.hands, vertices_of(mesh_array)),
        births=int(message.status.births),
        stage_ms=_stage_ms(message.status),
        instruments=instruments_from_message(message),
        contacts=contacts_from_message(message.contacts),
    )


def scene_from_messages(hand_array: Any, mesh_array: Any, status: Any, camera: Camera) -> Scene:
    """The hands of a Scene from HandArray, MeshVerticesArray and FrameStatus of one image, to their precision."""
    return Scene(
        stamp_ns=stamp_ns(hand_array.header),
        frame_id=str(hand_array.header.frame_id),
        camera=camera,
        hands=hands_from_messages(hand_array.hands, vertices_of(mesh_array)),
        births=int(status.births),
        stage_ms=_stage_ms(status),
    )


def _stage_ms(status: Any) -> dict[str, float]:
    return dict(zip(map(str, status.stages), map(float, status.stage_ms), strict=True))
