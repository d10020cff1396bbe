"""What may be sent: nothing that is LOST, nothing that is not finite, no contact of what is left out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoi_perception.types import Contacts, Hand, Instrument, Scene, TrackState

_log = logging.getLogger(__name__)


def sendable_scene(scene: Scene) -> Scene:
    """The scene without what may not be sent. Every message of it is made without another word in the log."""
    hands, instruments = sendable_hands(scene), sendable_instruments(scene)
    return replace(scene, hands=hands, instruments=instruments, contacts=sendable_contacts(scene))


def sendable_hands(scene: Scene) -> tuple[Hand, ...]:
    """Hands with a pose that is finite; a hand without one is named in the log and left out of every message."""
    good = []
    for hand in scene.hands:
        if hand.state is TrackState.LOST:
            continue
        if hand_is_finite(hand):
            good.append(hand)
        else:
            _log.warning("%s hand %d is not finite and is not sent", hand.side.label, hand.track_id)
    return tuple(good)


def sendable_instruments(scene: Scene) -> tuple[Instrument, ...]:
    """Instruments with a pose that is finite; one without is named in the log and left out of every message."""
    good = []
    for instrument in scene.instruments:
        if instrument.state is TrackState.LOST:
            continue
        if instrument_is_finite(instrument):
            good.append(instrument)
        else:
            _log.warning("instrument %s (%d) is not finite and is not sent", instrument.name, instrument.track_id)
    return tuple(good)


def sendable_contacts(scene: Scene) -> tuple[Contacts, ...]:
    """Contacts between hands and instruments that are sent; rows that are not finite are left out, with a log entry."""
    hands = {h.track_id for h in scene.hands if h.state is not TrackState.LOST and hand_is_finite(h)}
    instruments = {i.track_id for i in scene.instruments if i.state is not TrackState.LOST and instrument_is_finite(i)}
    pairs = (c for c in scene.contacts if c.hand_track_id in hands and c.instrument_track_id in instruments)
    return tuple(_finite_rows(contacts) for contacts in pairs)


def hand_is_finite(hand: Hand) -> bool:
    """Whether every number is finite that a message holds and that has no value for "not measured"."""
    parameters = hand.parameters
    return _finite(
        (
            parameters.pose,
            parameters.shape,
            parameters.wrist_camera,
            hand.translation_mano,
            hand.joints_camera,
            hand.vertices_camera,
            hand.covariance_wrist,
        )
    )


def instrument_is_finite(instrument: Instrument) -> bool:
    """Whether every number of it is finite, the score aside."""
    return _finite(
        (
            instrument.R_camera_instrument,
            instrument.t_camera_instrument,
            instrument.covariance,
            instrument.joint_positions,
            instrument.covariance_joints,
            instrument.tips_camera,
        )
    )


def _finite_rows(contacts: Contacts) -> Contacts:
    columns = [contacts.points_camera, contacts.normals_camera, contacts.signed_distances, contacts.confidences]
    columns += [c.reshape(len(c), -1) for c in (contacts.barycentric, contacts.covariances) if c is not None and len(c)]
    good = np.asarray(np.isfinite(np.column_stack(columns)).all(axis=1))
    if good.all():
        return contacts
    _log.warning(
        "%d contacts of hand %d with instrument %d are not finite and are not sent",
        int((~good).sum()),
        contacts.hand_track_id,
        contacts.instrument_track_id,
    )
    return contacts.take(good)


def _finite(arrays: Iterable[NDArray[Any]]) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)
