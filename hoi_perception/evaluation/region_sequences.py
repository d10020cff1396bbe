"""Region tracking over simulated sequences: an instrument carried about by a hand, which is known with a bias.

Truth is `synthesis.grasp_sequences`. The hand's error is a turn about its middle and a shift of the hand as a whole: a
bias that stays for the sequence plus a first-order process. What the tracker is told of its size is what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.evaluation.region_depth import DepthImage, Sensor
from hoi_perception.evaluation.region_scenes import SKIN_BGR, Body, Skin, Steel, clutter, drape, drawn, filmed
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.colour import Cover, no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, named_frames, pose_frames, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.occlusion import Occluder, hide
from hoi_perception.interaction.anchor_bias import AnchorBias
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker, TrackerSettings
from hoi_perception.interaction.terms.pose import PoseTerm
from hoi_perception.rendering import project_to_screen, visible_window
from hoi_perception.synthesis.grasp_truth import FRAME_RATE_HZ, GraspSequence
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Camera

Array = NDArray[np.float64]
AROUND_PX = 100
"""How far round the instrument frames are drawn anew; beyond, they show the first one's background."""
MARGIN_PX = 2.0
"""How much more than its mesh a hand is taken to hide, px."""
TABLE_M = 0.05
"""How far behind all of the first frame the table is that a sensor of depth sees, m."""
LOST_M, LOST_RAD = 0.01, float(np.radians(15.0))
"""Errors across the view and of the long axis beyond which a track is lost."""


@dataclass(frozen=True)
class HandError:
    """Bias of the hand's pose, per sequence: length across the view (m), along it (m), turn (rad); and the standard
    deviations per axis of a first-order process on top of it with a time constant (s)."""

    lateral: float = 0.005
    depth: float = 0.010
    turn: float = float(np.radians(5.0))
    place_noise: float = 0.0015
    turn_noise: float = float(np.radians(1.5))
    time_constant: float = 0.5
    grip: float = 0.001
    """Error per axis of where the hand holds the instrument, m, as far as what hides what is concerned."""

    def drawn(self, frames: int, rng: np.random.Generator) -> tuple[Float64[Array, "t 3"], Float64[Array, "t 3"]]:
        """Shifts (m; along the view is the third) and turns (axis-angle) of a sequence."""
        angle = rng.uniform(0.0, 2.0 * np.pi)
        across = self.lateral * np.array([np.cos(angle), np.sin(angle)])
        bias = np.array([*across, self.depth * rng.choice([-1.0, 1.0])])
        axis = rng.normal(size=3)
        turn = self.turn * axis / np.linalg.norm(axis)
        keep = np.exp(-1.0 / (FRAME_RATE_HZ * self.time_constant))
        noise = np.zeros((frames, 6))
        noise[0] = rng.normal(size=6)
        for k in range(1, frames):
            noise[k] = keep * noise[k - 1] + np.sqrt(1.0 - keep * keep) * rng.normal(size=6)
        return bias + self.place_noise * noise[:, :3], turn + self.turn_noise * noise[:, 3:]

    def bias(self, ray: Float64[Array, "3"]) -> AnchorBias:
        """What is known of the bias of a hand seen along a unit ray: its size."""
        view = np.outer(ray, ray)
        place = self.lateral**2 / 2.0 * (np.eye(3) - view) + self.depth**2 * view
        covariance = np.zeros((6, 6))
        covariance[:3, :3], covariance[3:, 3:] = place, self.turn**2 / 3.0 * np.eye(3)
        return AnchorBias.unknown(covariance)


@dataclass(frozen=True, eq=False)
class SequenceResult:
    """Errors of one sequence, frame by frame: across the view (m), along it (m), of the long axis (rad), of the tips'
    mean (m), of the joint angles' mean (rad); `nees` is the squared error over the covariance, over its degrees of
    freedom. `lost_at` are frames at which the track was lost and begun anew; `told_lost` those at which it said so.
    """

    instrument: str
    lateral: Float64[Array, " t"]
    depth: Float64[Array, " t"]
    axis: Float64[Array, " t"]
    tip: Float64[Array, " t"]
    joint: Float64[Array, " t"]
    nees: Float64[Array, " t"]
    agreement: Float64[Array, " t"]
    lost_at: tuple[int, ...]
    told_lost: tuple[int, ...]
    unobserved: tuple[tuple[str, ...], ...]


class Stage:
    """The pictures of one sequence, and what the hand tells in each."""

    def __init__(self, sequence: GraspSequence, cluttered: bool, error: HandError, rng: np.random.Generator) -> None:
        first = sequence.frames[0]
        self.frames, self.camera, self.rng = sequence.frames, first.camera, rng
        self.model = Library.find().get(first.instrument)
        self.contour = ContourModel.of(self.model)
        self.hand = HandModel.load(None, first.side)
        self.background = (clutter if cluttered else drape)(self.camera, rng)
        self.still = filmed(self.background, rng)
        self.steel, self.skin = Steel.sampled(rng), Skin(SKIN_BGR * rng.uniform(0.6, 1.1))
        self.error = error
        self.grip = error.grip * rng.normal(size=3)
        self.shifts, self.turns = error.drawn(len(self.frames), rng)
        self._table: tuple[float, float] | None = None
        self._depth_rng = np.random.default_rng(rng.bit_generator.seed_seq.spawn(1)[0])  # type: ignore[attr-defined]

    def state(self, k: int) -> InstrumentState:
        """The true state in a frame."""
        truth = self.frames[k]
        return InstrumentState(
            truth.R_camera_instrument[None], truth.t_camera_instrument[None], truth.joint_positions[None]
        )

    def vertices(self, k: int) -> Float64[Array, "778 3"]:
        """The true hand (m, camera frame)."""
        return np.asarray(self.hand.posed(self.frames[k].hand).vertices, dtype=np.float64)

    def picture(self, k: int) -> UInt8[NDArray[np.uint8], "h w 3"]:
        """What the camera sees."""
        bodies = self.bodies(k)
        rows, columns, cropped = self._around(bodies[0])
        image = self.still.copy()
        image[rows, columns] = filmed(drawn(self.background[rows, columns], bodies, cropped), self.rng)
        return image

    def _around(self, body: Body) -> tuple[slice, slice, Camera]:
        """Rows and columns of the picture round a body, and a camera that sees these alone."""
        window = visible_window(project_to_screen(body.vertices, self.camera), self.camera.width, self.camera.height)
        x0, y0 = max(window.x - AROUND_PX, 0), max(window.y - AROUND_PX, 0)
        x1 = min(window.x + window.width + AROUND_PX, self.camera.width)
        y1 = min(window.y + window.height + AROUND_PX, self.camera.height)
        K = self.camera.K.copy()
        K[0, 2], K[1, 2] = K[0, 2] - x0, K[1, 2] - y0
        return slice(y0, y1), slice(x0, x1), Camera(K, x1 - x0, y1 - y0)

    def bodies(self, k: int) -> list[Body]:
        """Instrument and hand where they are."""
        body = self.contour.placed(pose_links(self.contour.tree, self.state(k)))
        return [Body(body, self.contour.faces, self.steel), Body(self.vertices(k), self.hand.faces, self.skin)]

    def depth(self, k: int, sensor: Sensor) -> DepthImage:
        """What a sensor of depth sees round the instrument, before a table that all of the first frame is nearer than;
        elsewhere nothing."""
        if self._table is None:
            farthest = max(float(body.vertices[:, 2].max()) for body in self.bodies(0))
            self._table = farthest + TABLE_M, sensor.scale * float(self._depth_rng.normal())
        bodies = self.bodies(k)
        rows, columns, cropped = self._around(bodies[0])
        depth = np.full((self.camera.height, self.camera.width), np.nan, dtype=np.float32)
        depth[rows, columns] = sensor.measured(bodies, self._table[0], cropped, self._table[1], self._depth_rng)
        return depth

    def told(self, k: int) -> PoseTerm:
        """Where the hand, with its error, says that the instrument is."""
        truth = self.frames[k]
        middle = self.vertices(k).mean(axis=0)
        turn, shift = self.misplaced(k, middle)
        R, t = turn @ truth.R_camera_instrument, turn @ truth.t_camera_instrument + shift
        center = truth.R_camera_instrument.T @ (middle - truth.t_camera_instrument)
        noise = np.repeat([self.error.place_noise, self.error.turn_noise], 3)
        return PoseTerm(0, R, t, np.diag(noise**2), center)

    def misplaced(self, k: int, middle: Float64[Array, "3"]) -> tuple[Float64[Array, "3 3"], Float64[Array, "3"]]:
        """Where the hand, whose middle is given, seems to have gone with all that it holds: from p to R p + t."""
        ray = middle / np.linalg.norm(middle)
        side = np.cross([0.0, 1.0, 0.0], ray)
        side /= np.linalg.norm(side)
        shift = np.stack([side, np.cross(ray, side), ray], axis=1) @ self.shifts[k]
        turn = np.asarray(rotation_from_axis_angle(self.turns[k]), dtype=np.float64)
        return turn, middle - turn @ middle + shift

    def ray(self, k: int) -> Float64[Array, "3"]:
        """Unit direction to the true hand's middle."""
        middle = self.vertices(k).mean(axis=0)
        return np.asarray(middle / np.linalg.norm(middle))

    def cover(self, k: int, state: InstrumentState, image: UInt8[NDArray[np.uint8], "h w 3"]) -> Cover:
        """What the hand hides: it is drawn where the instrument, which it holds, is expected."""
        truth = self.frames[k]
        held = (self.vertices(k) - truth.t_camera_instrument) @ truth.R_camera_instrument + self.grip
        cover = no_cover(image)
        hide(cover, Occluder(held @ state.R[0].T + state.t[0], self.hand.faces, MARGIN_PX), self.camera)
        return cover


def run_sequence(
    sequence: GraspSequence,
    cluttered: bool,
    settings: TrackerSettings,
    seed: int,
    error: HandError,
    anchored: bool = True,
    sensor: Sensor | None = None,
) -> SequenceResult:
    """Follows the instrument from its true pose in the first frame; after a loss it is begun anew at the true pose.

    A `sensor` measures depth beside the image.
    """
    stage = Stage(sequence, cluttered, error, np.random.default_rng([seed, 72]))
    tracker = RegionTracker(InstrumentBody.of(stage.model), stage.contour, stage.camera, settings)
    frames = list(_followed(stage, tracker, anchored, sensor))
    lateral, depth, axis, tip, joint = np.array([f.errors for f in frames]).T
    return SequenceResult(
        instrument=sequence.instrument,
        lateral=lateral,
        depth=depth,
        axis=axis,
        tip=tip,
        joint=joint,
        nees=np.array([f.nees for f in frames]),
        agreement=np.array([f.agreement for f in frames]),
        lost_at=tuple(k for k, f in enumerate(frames) if f.lost),
        told_lost=tuple(k for k, f in enumerate(frames) if f.told_lost),
        unobserved=tuple(f.unobserved for f in frames),
    )


@dataclass(frozen=True)
class _Frame:
    errors: tuple[float, float, float, float, float]
    nees: float
    agreement: float
    lost: bool
    told_lost: bool
    unobserved: tuple[str, ...]


def _followed(stage: Stage, tracker: RegionTracker, anchored: bool, sensor: Sensor | None) -> Iterator[_Frame]:
    track: RegionTrack | None = None
    bias = stage.error.bias(stage.ray(0))
    for k in range(len(stage.frames)):
        image, stamp = stage.picture(k), round(k * 1e9 / FRAME_RATE_HZ)
        if track is None:
            track = tracker.begin(image, stage.cover(k, stage.state(k), image), stage.state(k), stamp)
            continue
        cover = stage.cover(k, tracker.predict(track, stamp), image)
        anchor = bias.corrected(stage.told(k))
        depth_m = None if sensor is None else stage.depth(k, sensor)
        track = tracker.follow(track, image, cover, stamp, [anchor] if anchored else [], depth_m=depth_m)
        if not track.failed:
            bias = bias.learned(anchor, track.state, track.certainty.covariance, stamp)
        errors = errors_of(stage, tracker, track.state, k)
        lost = errors[0] > LOST_M or errors[2] > LOST_RAD
        yield _Frame(
            errors,
            nees(track, stage.state(k)),
            track.agreement.both,
            lost,
            track.lost,
            track.certainty.unobserved,
        )
        if lost or track.lost:
            again = tracker.begin(image, cover, stage.state(k), stamp)
            track = None if again is None else replace(again, colours=track.colours)


def errors_of(
    stage: Stage, tracker: RegionTracker, state: InstrumentState, k: int
) -> tuple[float, float, float, float, float]:
    """Across the view, along it, long axis, tips, joints."""
    true, model = stage.state(k), tracker.model
    middle, axis = model.middle, model.long_axis
    there = true.R[0] @ middle + true.t[0]
    off = state.R[0] @ middle + state.t[0] - there
    ray = there / np.linalg.norm(there)
    along = float(off @ ray)
    turn = float(np.arccos(np.clip((state.R[0] @ axis) @ (true.R[0] @ axis), -1.0, 1.0)))
    tips = named_frames(stage.model)
    tip = 0.0
    if len(tips.links):
        places = [pose_frames(pose_links(model.tree, s), tips)[1][0] for s in (state, true)]
        tip = float(np.linalg.norm(places[0] - places[1], axis=1).mean())
    joint = float(np.abs(state.angles - true.angles).mean()) if state.angles.size else 0.0
    return float(np.linalg.norm(off - along * ray)), abs(along), turn, tip, joint


def nees(track: RegionTrack, true: InstrumentState) -> float:
    """Squared error over the covariance, over the degrees of freedom: 1 in the mean if the covariance is right."""
    state = track.state
    error = np.concatenate(
        [true.t[0] - state.t[0], axis_angle_from_rotation(true.R[0] @ state.R[0].T), true.angles[0] - state.angles[0]]
    )
    return float(error @ np.linalg.solve(track.certainty.covariance, error)) / len(error)
