"""Contacts as messages and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.ros.conversions.fields import float64
from hoi_perception.ros.conversions.headers import header_message
from hoi_perception.ros.conversions.sendable import sendable_contacts
from hoi_perception.ros.messages import Messages
from hoi_perception.types import Contacts, Scene

UNKNOWN = -1
"""Index, or first entry of a covariance, of what is not known of a contact."""


def contact_array_message(scene: Scene, messages: Messages) -> Any:
    """hoi_perception/ContactArray, pair after pair; empty when nothing touches."""
    pairs = sendable_contacts(scene)
    counts = [len(c.zones) for c in pairs]

    def stacked(arrays: list[NDArray[Any]], dtype: type[np.generic]) -> Any:
        flat = [array.reshape(-1) for array in arrays] or [np.zeros(0)]
        return messages.sequence(np.concatenate(flat).astype(dtype))

    return messages.make(
        "hoi_perception/msg/ContactArray",
        header=header_message(scene.stamp_ns, scene.frame_id, messages),
        hand_track_ids=messages.sequence(np.repeat([c.hand_track_id for c in pairs], counts).astype(np.uint32)),
        instrument_track_ids=messages.sequence(
            np.repeat([c.instrument_track_id for c in pairs], counts).astype(np.uint32)
        ),
        zones=stacked([c.zones for c in pairs], np.uint8),
        points=stacked([c.points_camera for c in pairs], np.float32),
        normals=stacked([c.normals_camera for c in pairs], np.float32),
        signed_distances=stacked([c.signed_distances for c in pairs], np.float32),
        confidences=stacked([c.confidences for c in pairs], np.float32),
        faces=stacked([_known(c.faces, (n,), UNKNOWN) for c, n in zip(pairs, counts, strict=True)], np.int32),
        barycentric=stacked([_known(c.barycentric, (n, 3), 0) for c, n in zip(pairs, counts, strict=True)], np.float32),
        links=stacked([_known(c.links, (n,), UNKNOWN) for c, n in zip(pairs, counts, strict=True)], np.int32),
        covariances=stacked(
            [_known(c.covariances, (n, 3, 3), UNKNOWN) for c, n in zip(pairs, counts, strict=True)], np.float32
        ),
    )


def contacts_from_message(message: Any) -> tuple[Contacts, ...]:
    """Contacts of a ContactArray, one value for each pair of hand and instrument, in the order of their first rows."""
    hands, instruments = (
        np.array(ids, dtype=np.int64) for ids in (message.hand_track_ids, message.instrument_track_ids)
    )
    zones = np.array(message.zones, dtype=np.int64)
    points, normals = (float64(rows).reshape(-1, 3) for rows in (message.points, message.normals))
    distances, confidences = float64(message.signed_distances), float64(message.confidences)
    pairs = dict.fromkeys(zip(hands.tolist(), instruments.tolist(), strict=True))
    rows_of = [(hand, tool, (hands == hand) & (instruments == tool)) for hand, tool in pairs]
    contacts = (
        Contacts(hand, tool, zones[rows], points[rows], normals[rows], distances[rows], confidences[rows])
        for hand, tool, rows in rows_of
    )
    return tuple(_with_places(c, message, rows) for c, (_, _, rows) in zip(contacts, rows_of, strict=True))


def _with_places(contacts: Contacts, message: Any, rows: NDArray[np.bool_]) -> Contacts:
    """The contacts with what the message knows of all of these rows: places on hand and instrument, covariances."""
    faces, links = (np.array(field, dtype=np.int64)[rows] for field in (message.faces, message.links))
    barycentric = float64(message.barycentric).reshape(-1, 3)[rows]
    covariances = float64(message.covariances).reshape(-1, 3, 3)[rows]
    on_hand = bool((faces >= 0).all())
    return replace(
        contacts,
        faces=faces if on_hand else None,
        barycentric=barycentric if on_hand else None,
        links=links if (links >= 0).all() else None,
        covariances=covariances if (covariances[:, 0, 0] >= 0.0).all() else None,
    )


def _known(values: NDArray[Any] | None, shape: tuple[int, ...], unknown: int) -> NDArray[Any]:
    """The values, or `unknown` in their places."""
    return np.full(shape, unknown) if values is None else values
