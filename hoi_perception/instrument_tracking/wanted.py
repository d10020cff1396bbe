"""Instruments that are looked for: added and removed by their users, found or told, tracked, lost and found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.anchoring import step_to
from hoi_perception.instrument_tracking.starter import Lost, Starter
from hoi_perception.instrument_tracking.starting import Search
from hoi_perception.instrument_tracking.told_poses import SLACK_RAD
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.types import ToldPose, TrackState

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]
SETTLE_FRAMES = 3
"""Frames from its start in which an instrument is INITIALISING."""
PREDICT_FRAMES = 8
"""Frames without evidence for which it is told as PREDICTED before it is LOST."""
FORGET_FRAMES = 150
"""Frames without evidence after which its last place is forgotten: it then needs a pose."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """One instrument of the library that is looked for; `told` is a pose to begin from in the next frame.

    `frames` counts those since its track began, `unseen` those in a row in which neither image nor hand nor another
    source told of it.
    `search` is what was found of it so far while it is LOST; None where nothing was.
    """

    track_id: int
    name: str
    told: InstrumentState | None = None
    track: ToolTrack | None = None
    frames: int = 0
    unseen: int = 0
    search: Search | None = None

    @property
    def state(self) -> TrackState:
        """What is to be said of its pose."""
        if self.track is None or self.unseen > PREDICT_FRAMES:
            return TrackState.LOST
        if self.unseen:
            return TrackState.PREDICTED
        if self.frames <= SETTLE_FRAMES:
            return TrackState.INITIALISING
        return TrackState.TRACKED if self.track.seen_in_image else TrackState.OCCLUDED


def with_pose(wanted: Sequence[Wanted], track_id: int, pose: InstrumentState) -> tuple[Wanted, ...]:
    """The instruments, that one at a stated pose from the next frame on.

    Raises InstrumentError where there is none of that number, or the pose is not one.
    """
    one = instrument_of(wanted, track_id)
    if not all(np.isfinite(values).all() for values in (pose.R, pose.t, pose.angles)):
        raise InstrumentError(f"the pose of instrument {track_id} is not finite: state numbers")
    if not (pose.t[:, 2] > 0.0).all():
        raise InstrumentError(
            f"instrument {track_id} would be {-pose.t[0, 2]:.3f} m behind the camera: state its pose in the camera's "
            "optical frame (z forward)"
        )
    return tuple(replace(w, told=pose) if w is one else w for w in wanted)


def without(wanted: Sequence[Wanted], track_id: int) -> tuple[Wanted, ...]:
    """The other instruments. Raises InstrumentError where there is none of that number."""
    one = instrument_of(wanted, track_id)
    return tuple(w for w in wanted if w is not one)


def unseen(wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """The instruments as they are when nothing was seen of them yet; poses that were stated stay."""
    return tuple(replace(w, track=None, frames=0, unseen=0, search=None) for w in wanted)


def instrument_of(wanted: Sequence[Wanted], track_id: int) -> Wanted:
    """The one of that number. Raises InstrumentError where there is none."""
    for one in wanted:
        if one.track_id == track_id:
            return one
    known = ", ".join(f"{w.track_id} ({w.name})" for w in wanted) or "none"
    raise InstrumentError(f"no instrument has the number {track_id}: there are {known}")


def stated_pose(
    R: Float64[Array, "3 3"],
    t: Float64[Array, "3"],
    model: InstrumentModel,
    positions: Mapping[str, float],
) -> InstrumentState:
    """A pose of an instrument with the angles (rad) of some joints by name, the others at rest.

    Raises InstrumentError for a joint that it does not have or an angle beyond its limits.
    """
    tree, names = joint_tree(model), model.joint_names
    for name, angle in positions.items():
        if name not in names:
            raise InstrumentError(f"{model.name} has no joint {name!r}: there are {', '.join(names) or 'none'}")
        low, high = (float(limit[names.index(name)]) for limit in (tree.lower, tree.upper))
        if not low - SLACK_RAD <= angle <= high + SLACK_RAD:
            raise InstrumentError(f"{name} of {model.name} is {angle:.3f} rad, outside of {low:.3f} to {high:.3f}")
    angles = np.array([positions.get(name, 0.0) for name in names], dtype=np.float64)
    angles = np.clip(angles, tree.lower, tree.upper)
    return InstrumentState(np.array(R[None], dtype=np.float64), np.array(t[None], dtype=np.float64), angles[None])


def watch(
    tracker: InstrumentTracker,
    view: View,
    wanted: Sequence[Wanted],
    starter: Starter | None = None,
    masks: Mapping[int, Mask] | None = None,
) -> tuple[Wanted, ...]:
    """The instruments one frame later; a `starter` looks for those that are LOST, with the `masks` of some."""
    begun = tuple(_begun(tracker, view, one) for one in wanted)
    if starter is not None:
        begun = _found(tracker, starter, view, begun, masks or {})
    there = [w for w in begun if w.track is not None]
    lost = {w.track_id for w in there if w.unseen > PREDICT_FRAMES}
    moved = {t.track_id: t for t in tracker.step(view, [w.track for w in there if w.track is not None], lost)}
    return tuple(_after(one, moved.get(one.track_id)) for one in begun)


def contradictions(
    tracker: InstrumentTracker, wanted: Sequence[Wanted], poses: Mapping[int, tuple[ToldPose, ...]]
) -> tuple[str, ...]:
    """A note for each pose of a frame that did not count because it is not where images have the instrument."""
    notes = []
    for one in wanted:
        for pose in poses.get(one.track_id, ()):
            if one.track is not None and pose.source in one.track.left_out:
                off = step_to(one.track.state, pose, tracker.shapes.symmetries(one.name))
                far = f"{1e3 * np.linalg.norm(off[:3]):.0f} mm and {np.degrees(np.linalg.norm(off[3:])):.0f} deg"
                notes.append(
                    f"pose of instrument {one.track_id} ({one.name}) by {pose.source} left out: it is {far} from where "
                    "images show it, more than its covariance allows"
                )
    return tuple(notes)


def _found(
    tracker: InstrumentTracker, starter: Starter, view: View, wanted: tuple[Wanted, ...], masks: Mapping[int, Mask]
) -> tuple[Wanted, ...]:
    """The instruments, those that are LOST looked for in hands that hold none of the others, and begun where found."""
    lost = [w for w in wanted if w.state is TrackState.LOST]
    if not lost:
        return wanted
    others = [w.track for w in wanted if w.track is not None and w.state is not TrackState.LOST]
    taken = {track.grip.hand for track in others if track.grip is not None}
    steps = starter.step(view, [Lost(w.track_id, w.name, w.search or Search()) for w in lost], masks, taken, others)
    out = []
    for one in wanted:
        step = steps.get(one.track_id)
        if step is None:
            out.append(one)
        elif step.accepted is None:
            out.append(replace(one, search=step.search))
        else:
            track = tracker.begin(view, one.track_id, one.name, step.accepted.state)
            if one.track_id in masks:
                track = replace(track, region=replace(track.region, state=step.accepted.state))
            out.append(replace(one, track=track, frames=0, unseen=0, search=None))
    return tuple(out)


def _begun(tracker: InstrumentTracker, view: View, one: Wanted) -> Wanted:
    poses = view.poses.get(one.track_id, ())
    if one.told is not None:
        track = tracker.begin(view, one.track_id, one.name, one.told)
    elif one.state is TrackState.LOST and poses:
        track = tracker.begin_told(view, one.track_id, one.name, poses)
    else:
        return one
    return replace(one, told=None, track=track, frames=0, unseen=0, search=None)


def _after(one: Wanted, track: ToolTrack | None) -> Wanted:
    if track is None:
        return one
    held = track.grip is not None and track.grip.missed == 0 and track.grip.explained
    seen = bool(track.region.rows or track.heard) or held
    unseen = 0 if seen else one.unseen + 1
    if unseen > FORGET_FRAMES:
        return replace(one, track=None, frames=0, unseen=0)
    return replace(one, track=track, frames=one.frames + 1, unseen=unseen)
