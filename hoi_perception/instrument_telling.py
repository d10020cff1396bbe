"""What is told of a followed instrument and of the hand that holds it: pose, tips, covariance, state, contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instrument_tracking.certain import along, pose_covariance
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import Grip, ToolTrack
from hoi_perception.instrument_tracking.wanted import Wanted
from hoi_perception.instruments.kinematics import Frames, named_frames, pose_frames, pose_links
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.interaction.calibration import FOLLOWED
from hoi_perception.interaction.contact import Pair
from hoi_perception.interaction.covariance import (
    TangentCovariance,
    hand_covariance,
    instrument_covariance,
    joint_points,
    tangent_covariance,
)
from hoi_perception.types import Contacts, Hand, Instrument, ScaleSource, Side, TrackState

Array = NDArray[np.float64]
HELD_SCORE = 0.5
"""Score of an instrument that only the hand, or a source outside of the image, tells of."""
MARKER_SCORE = 0.9
"""Score of one whose marker is seen: what is not a marker is seldom taken for one."""


@dataclass(frozen=True, eq=False)
class Told:
    """What a frame's instruments add to a scene: themselves, contacts, hands as they were solved with them, and what is
    wrong with what was given of them."""

    instruments: tuple[Instrument, ...]
    contacts: tuple[Contacts, ...]
    hands: tuple[Hand, ...]
    notes: tuple[str, ...] = ()


class InstrumentTelling:
    """Tells instruments; holds what does not change from frame to frame. `models` are those of both sides."""

    def __init__(self, tracker: InstrumentTracker, models: Mapping[Side, HandModel]) -> None:
        self._tracker, self._models = tracker, models
        self._points = {side: joint_points(tracker.forms.right_form(side)) for side in Side}
        self._tips: dict[str, tuple[InstrumentModel, Frames]] = {}

    def tell(self, wanted: Sequence[Wanted], hands: Sequence[Hand]) -> Told:
        """Instruments that are not LOST, and the given hands."""
        instruments, contacts = [], []
        told = {hand.track_id: hand for hand in hands}
        for one in wanted:
            track = one.track
            if track is None or one.state is TrackState.LOST:
                continue
            grip = track.grip if track.grip is not None and track.grip.missed == 0 else None
            tangent = None if grip is None else _tangent(grip)
            instruments.append(self._instrument(one, track, grip, tangent))
            if grip is None or tangent is None or not grip.explained or grip.hand not in told:
                continue
            told[grip.hand] = self._hand(told[grip.hand], grip, tangent, _scale(track))
            contacts.append(grip.solver.contacts(grip.fit, tangent.matrix, Pair(0, 0, grip.hand, one.track_id)))
        return Told(tuple(instruments), tuple(contacts), tuple(told[hand.track_id] for hand in hands))

    def _instrument(
        self, one: Wanted, track: ToolTrack, grip: Grip | None, tangent: TangentCovariance | None
    ) -> Instrument:
        model, tips = self._frames(one.name)
        state = track.state
        body = self._tracker.shapes.body(one.name)
        if grip is not None and tangent is not None:
            bodies = grip.solver.bodies
            columns = bodies.columns(len(bodies.hands))
            solved = tangent.matrix[columns, columns][:6, :6]
            joints = instrument_covariance(tangent, bodies, 0, grip.fit.state, tips, FOLLOWED).joints
        else:
            solved = track.region.certainty.covariance[:6, :6]
            joints = track.region.certainty.covariance[6:, 6:] * FOLLOWED.instrument.factor
        scale = _scale(track)
        measured = scale is not ScaleSource.INSTRUMENT
        pose = pose_covariance((1.0 + one.unseen) ** 2 * solved, state.t[0], measured, track.heard)
        places = pose_frames(pose_links(body.fields.tree, state), tips)[1][0]
        return Instrument(
            name=one.name,
            track_id=one.track_id,
            state=one.state,
            score=_score(track, grip),
            R_camera_instrument=state.R[0],
            t_camera_instrument=state.t[0],
            covariance=pose,
            scale_source=scale,
            joint_names=model.joint_names,
            joint_positions=state.angles[0],
            covariance_joints=joints,
            tip_names=tips.names,
            tips_camera=places,
        )

    def _hand(self, hand: Hand, grip: Grip, tangent: TangentCovariance, scale: ScaleSource) -> Hand:
        """The hand as it was solved with what it holds, which has its distance from that source."""
        parameters = self._tracker.held_hand(grip)
        posed = self._models[hand.side].posed(parameters)
        points = self._points[hand.side]
        found = hand_covariance(tangent, grip.solver.bodies, 0, grip.fit.state, points, grip.shape, FOLLOWED)
        wrist = found.wrist.copy()
        measured = scale is ScaleSource.DEPTH
        if not measured:
            wrist[:3, :3] += along(parameters.wrist_camera)
        return replace(
            hand,
            parameters=parameters,
            translation_mano=posed.shaped.translation_from_wrist(parameters.wrist_camera),
            joints_camera=posed.joints21(),
            vertices_camera=posed.vertices.astype(np.float32),
            covariance_wrist=wrist,
            scale_source=ScaleSource.DEPTH if measured else ScaleSource.INSTRUMENT,
        )

    def _frames(self, name: str) -> tuple[InstrumentModel, Frames]:
        if name not in self._tips:
            model = self._tracker.shapes.model(name)
            self._tips[name] = model, named_frames(model)
        return self._tips[name]


def _tangent(grip: Grip) -> TangentCovariance:
    return tangent_covariance(grip.solver.bodies, grip.fit.solution.matrix[0])


def _scale(track: ToolTrack) -> ScaleSource:
    """What tells its distance: several cameras, measured depth, or its known size."""
    if track.region.further:
        return ScaleSource.STEREO
    return ScaleSource.DEPTH if track.region.by_depth and track.region.rows else ScaleSource.INSTRUMENT


def _score(track: ToolTrack, grip: Grip | None) -> float:
    shown = float(np.clip(track.region.agreement.both, 0.0, 1.0)) if track.region.rows else 0.0
    held = HELD_SCORE if track.heard or (grip is not None and grip.explained) else 0.0
    marked = MARKER_SCORE if any(pose.in_image for pose in track.heard) else 0.0
    return max(shown, held, marked)
