"""What RViz draws: hands as surfaces, instruments as axes to their tips, contacts as balls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.palette import SIDE_COLOURS_BGR, STATE_OPACITY
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.conversions.poses import pose_message, vector_message
from hoi_perception.ros.conversions.sendable import sendable_contacts, sendable_hands, sendable_instruments
from hoi_perception.ros.messages import Messages
from hoi_perception.types import Contacts, Hand, Instrument, Scene, Side, TrackState

MarkerKey = tuple[str, int]
"""Namespace and id of a marker."""
Colour = tuple[float, float, float, float]
Points = Float[NDArray[Any], "n 3"]
_ADD, _DELETE = 0, 2
_LINE_LIST, _SPHERE_LIST, _TRIANGLE_LIST = 5, 7, 11
_INSTRUMENT, _CONTACT = (0.75, 0.78, 0.82), (1.0, 0.25, 0.2)
_AXIS_WIDTH, _CONTACT_SIZE = 0.002, 0.006
_ID_LIMIT = 2**31


def markers_message(
    scene: Scene,
    faces: Mapping[Side, Int[NDArray[Any], "f 3"]],
    messages: Messages,
    *,
    shown: Iterable[MarkerKey] = (),
    lifetime_s: float = 0.5,
) -> Any:
    """visualization_msgs/MarkerArray of what may be sent; `shown` of the array before, and gone since, is deleted.

    Markers vanish `lifetime_s` after the last array. Colours are those of the overlay, solid where TRACKED.
    """
    made = [_hand_marker(hand, faces[hand.side], messages) for hand in sendable_hands(scene)]
    made += [_instrument_marker(instrument, messages) for instrument in sendable_instruments(scene)]
    made += [_contact_marker(index, c, messages) for index, c in enumerate(sendable_contacts(scene)) if len(c.zones)]
    kept = {(fields["ns"], fields["id"]) for fields in made}
    gone = [_fields(key, _SPHERE_LIST, [], (0.0, 0.0, 0.0, 0.0), 0.0, messages) for key in sorted(set(shown) - kept)]
    nanoseconds = round(lifetime_s * 1e9)
    shared = {
        "header": header_message(scene.stamp_ns, scene.frame_id, messages),
        "lifetime": messages.make(
            "builtin_interfaces/msg/Duration", sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9
        ),
    }
    markers = [
        messages.make("visualization_msgs/msg/Marker", action=action, **shared, **fields)
        for action, group in ((_DELETE, gone), (_ADD, made))
        for fields in group
    ]
    return messages.make("visualization_msgs/msg/MarkerArray", markers=markers)


def shown_markers(message: Any) -> frozenset[MarkerKey]:
    """Markers that a MarkerArray adds: `shown` of the next."""
    return frozenset((str(m.ns), int(m.id)) for m in message.markers if m.action == _ADD)


def _hand_marker(hand: Hand, faces: Int[NDArray[Any], "f 3"], messages: Messages) -> dict[str, Any]:
    blue, green, red = SIDE_COLOURS_BGR[hand.side]
    colour = (red, green, blue, STATE_OPACITY[hand.state] / STATE_OPACITY[TrackState.TRACKED])
    vertices = _points(hand.vertices_camera, messages)
    corners = [vertices[index] for index in faces.reshape(-1).tolist()]
    return _fields(("hands", hand.track_id), _TRIANGLE_LIST, corners, colour, 1.0, messages)


def _instrument_marker(instrument: Instrument, messages: Messages) -> dict[str, Any]:
    base = instrument.t_camera_instrument
    ends = _points(np.array([end for tip in instrument.tips_camera for end in (base, tip)]).reshape(-1, 3), messages)
    opacity = STATE_OPACITY[instrument.state] / STATE_OPACITY[TrackState.TRACKED]
    key = ("instruments", instrument.track_id)
    return _fields(key, _LINE_LIST, ends, (*_INSTRUMENT, opacity), _AXIS_WIDTH, messages)


def _contact_marker(index: int, contacts: Contacts, messages: Messages) -> dict[str, Any]:
    points = _points(contacts.points_camera, messages)
    return _fields(("contacts", index), _SPHERE_LIST, points, (*_CONTACT, 1.0), _CONTACT_SIZE, messages)


def _points(points: Points, messages: Messages) -> list[Any]:
    make = partial(messages.make, "geometry_msgs/msg/Point")
    return [make(x=x, y=y, z=z) for x, y, z in points.tolist()]


def _fields(
    key: MarkerKey, kind: int, points: list[Any], rgba: Colour, size: float, messages: Messages
) -> dict[str, Any]:
    """All fields of a marker but header, action and lifetime; points are in the header's frame."""
    red, green, blue, alpha = map(float, rgba)
    stamp_zero = header_message(0, "", messages)
    return {
        "ns": key[0],
        "id": key[1] % _ID_LIMIT,
        "type": kind,
        "pose": pose_message(np.eye(3), np.zeros(3), messages),
        "scale": vector_message(np.full(3, size), messages),
        "color": messages.make("std_msgs/msg/ColorRGBA", r=red, g=green, b=blue, a=alpha),
        "frame_locked": False,
        "points": points,
        "colors": [],
        "texture_resource": "",
        "texture": messages.make(
            "sensor_msgs/msg/CompressedImage",
            header=stamp_zero,
            format="",
            data=messages.sequence(np.zeros(0, dtype=np.uint8)),
        ),
        "uv_coordinates": [],
        "text": "",
        "mesh_resource": "",
        "mesh_file": messages.make(
            "visualization_msgs/msg/MeshFile", filename="", data=messages.sequence(np.zeros(0, dtype=np.uint8))
        ),
        "mesh_use_embedded_materials": False,
    }
