"""From a frame to a scene: hands are followed or found, fitted, and told with state and covariance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import CameraError, camera_from_fov, check_camera
from hoi_perception.camera_change import after_camera_change
from hoi_perception.config import Config, listed
from hoi_perception.hands.detection import PalmNetwork
from hoi_perception.hands.following import FollowedHand, follow_hand, named_for
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.proposals import LandmarkLook, PalmProposer, Proposer, Verifier
from hoi_perception.hands.shape_calibration import ShapeEstimate
from hoi_perception.hands.sides import side_log_odds
from hoi_perception.image_border import BorderMemory, watch_border
from hoi_perception.instrument_perception import InstrumentPerception
from hoi_perception.instrument_tracking.wanted import Wanted, instrument_of, stated_pose, unseen, with_pose, without
from hoi_perception.instruments.instrument_map import SeesInstruments
from hoi_perception.interaction.hand_fitter import HandFitter, Starter
from hoi_perception.networks.hand_proposers import HeadProposer
from hoi_perception.networks.own_landmarks import GlovedLandmarks
from hoi_perception.settings import check_settings, fixed_changes
from hoi_perception.telling import tell_hand
from hoi_perception.tracked_fit import SolvedHand, expectation, solve_tracks
from hoi_perception.tracking import (
    HandTrack,
    Memory,
    decide_sides,
    forgotten,
    new_track,
    one_hand_each,
    remember_lost,
    shapes_after,
    track_of,
    update_missed,
    update_seen,
    with_known_shapes,
    with_shape,
    with_takeovers,
)
from hoi_perception.types import Camera, Contacts, Frame, Hand, HandParameters, HandRegion, Instrument, Scene, Side

Array = NDArray[np.float64]
JUMP_BACK_S = 0.05
"""Time back from one frame to the next from which on it is another recording."""


class FrameError(ValueError):
    """A frame that cannot be used; the text says why and what to do."""


class Perception:
    """Turns frames into scenes. Models load here; `memory` is all that is kept between frames.

    `proposers` name regions of hands in place of the palm network, `landmarks` looks at them in place of the landmark
    network; `starter` fits new hands (docs/networks.md). `parser` sees instruments (docs/region.md).
    Raises HandFileError or ModelFileError where a model file is missing or not what it should be.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        proposers: Sequence[Proposer] = (),
        landmarks: LandmarkLook | None = None,
        starter: Starter | None = None,
        parser: SeesInstruments | None = None,
    ) -> None:
        self.config = config or Config()
        left_file = self.config.hand_model_left or self.config.hand_model
        self.models = {
            Side.LEFT: HandModel.load(left_file, Side.LEFT),
            Side.RIGHT: HandModel.load(self.config.hand_model, Side.RIGHT),
        }
        self.faces = {side: model.faces for side, model in self.models.items()}
        self._right_forms = {Side.LEFT: HandModel.load(left_file, Side.RIGHT), Side.RIGHT: self.models[Side.RIGHT]}
        threads = self.config.detection.threads
        self._network = landmarks or GlovedLandmarks(threads=threads)
        gloves = (HeadProposer(threads=threads),) if self.config.detection.gloves else ()
        self._proposers, self._starter = tuple(proposers) or gloves, starter
        self._palms = None if self._proposers else PalmNetwork(threads=threads)
        self._fitter = HandFitter(self._right_forms, self.config.fitting, starter)
        self._parser = parser
        self._instruments: InstrumentPerception | None = None
        self._assemble(self.config)
        self.memory = Memory()

    def _assemble(self, config: Config) -> None:
        """What takes next to no time to make of models and settings."""
        self.config = config
        palms = () if self._palms is None else (PalmProposer(self._palms, config.detection),)
        self._verifier = Verifier(self._network, self._proposers or palms, config.detection)
        self._one_person = config.tracking.one_person and config.detection.max_hands == 2

    def retune(self, config: Config) -> None:
        """Other settings from the next frame on, tracks kept; ValueError where one of them needs models loaded anew."""
        if fixed := fixed_changes(self.config, config):
            raise ValueError(
                f"{', '.join(fixed)} cannot change without loading the models again: make a new Perception"
            )
        if check_settings(config).fitting != self.config.fitting:
            self._fitter = HandFitter(self._right_forms, config.fitting, self._starter)
        self._assemble(config)
        self.memory = replace(self.memory, tracks=_at_most(self.memory.tracks, config.detection.max_hands))

    def warm_up(self) -> None:
        """Do once what is slow the first time, so that no frame is; leaves no trace in the memory."""
        blank = np.zeros((480, 640, 3), dtype=np.uint8)
        self.step(Frame(blank, camera_from_fov(640, 480, 60.0), 0), Memory())
        self._fitter.warm_up()
        self._network.run(blank, HandRegion((320.0, 240.0), 240.0, 0.0))
        for model in self.models.values():
            model.posed(HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.0, 0.0, 0.5])))

    def shape(self, side: Side) -> ShapeEstimate | None:
        """The shape that a side's new tracks start from, calibrated or under way; None where each finds its own."""
        return self.memory.shapes.get(side)

    def set_shape(self, side: Side, estimate: ShapeEstimate | None) -> None:
        """The shape that a side's hands have from now on; None lets each track find its own, from the mean hand.

        One that is not frozen goes on to be calibrated on good frames of that side, track after track.
        """
        self.memory = with_shape(self.memory, side, estimate)

    @property
    def wanted(self) -> dict[int, str]:
        """Names of the instruments that are looked for, by the numbers of their tracks."""
        return {one.track_id: one.name for one in self.memory.instruments}

    def add_instrument(self, name: str) -> int:
        """Look for an instrument of the library from now on; the number of its track.

        It is LOST until it is found or its pose is stated. Raises UnknownInstrumentError where the library has none of
        that name.
        """
        self._with_instruments().load(name)
        number = self.memory.next_instrument_id
        wanted = (*self.memory.instruments, Wanted(number, name))
        self.memory = replace(self.memory, instruments=wanted, next_instrument_id=number + 1)
        return number

    def remove_instrument(self, track_id: int) -> None:
        """Look for it no longer. Raises InstrumentError where there is none of that number."""
        self.memory = replace(self.memory, instruments=without(self.memory.instruments, track_id))

    def set_instrument_pose(
        self,
        track_id: int,
        R_camera_instrument: Float64[Array, "3 3"],
        t_camera_instrument: Float64[Array, "3"],
        positions: Mapping[str, float] | None = None,
    ) -> None:
        """Where an instrument's base link is in the next frame (camera frame, m), to within 10 mm and 10 degrees, with
        the angles of its joints (rad); those that are not named are at rest.

        Raises InstrumentError where that cannot be, and changes nothing then.
        """
        name = instrument_of(self.memory.instruments, track_id).name
        model = self._with_instruments().model(name)
        state = stated_pose(R_camera_instrument, t_camera_instrument, model, positions or {})
        self.memory = replace(self.memory, instruments=with_pose(self.memory.instruments, track_id, state))

    def _with_instruments(self) -> InstrumentPerception:
        """What tracks instruments, made when the first one is asked for."""
        if self._instruments is None:
            folders = listed(self.config.instrument_folders)
            self._instruments = InstrumentPerception(
                self._right_forms,
                self.models,
                self.config.fitting,
                folders,
                self.config.find_instruments,
                listed(self.config.mask_labels),
                self._parser,
            )
        return self._instruments

    def process(self, frame: Frame) -> Scene:
        """The scene of the next frame. Raises FrameError or CameraError and then leaves the memory as it was."""
        scene, self.memory = self.step(frame, self.memory)
        return scene

    def reset(self) -> None:
        """Forget every track; track ids go on counting, calibrated shapes stay."""
        self.memory = forgotten(self.memory)

    def step(self, frame: Frame, memory: Memory) -> tuple[Scene, Memory]:
        """One frame as a function: the scene, and the memory for the next frame."""
        check_frame(frame)
        clock = StageClock()
        memory = _same_recording(memory, frame, self.config.tracking.max_gap_s)
        memory = after_camera_change(memory, frame.camera)
        with clock("border"):
            frame, memory = self._bound(frame, memory)
        before = memory.tracks
        with clock("landmarks"):
            memory, spent = self._follow(frame, memory)
        with clock("detection"):
            memory = self._find(frame, memory, spent)
        tracks, layout = decide_sides(memory.tracks, memory.layout, self._one_person)
        tracks = with_takeovers(tracks, before)
        memory = replace(memory, tracks=with_known_shapes(tracks, memory.shapes), layout=layout)
        with clock("fit"):
            period_s = _period_s(memory, frame)
            solved = solve_tracks(
                self._fitter, memory.tracks, frame.camera, memory.frame_index, period_s, self.config, frame.depth_m
            )
        with clock("mesh"):
            hands = tuple(self._tell(s, frame) for s in solved)
        instruments: tuple[Instrument, ...] = ()
        contacts: tuple[Contacts, ...] = ()
        notes: tuple[str, ...] = ()
        if memory.instruments:
            with clock("instruments"):
                wanted, told = self._with_instruments().step(frame, hands, memory.instruments)
            memory = replace(memory, instruments=wanted)
            instruments, contacts, hands, notes = told.instruments, told.contacts, told.hands, told.notes
        kept = tuple(s.track for s in solved)
        known = {track.track_id for track in before if track.confirmed}
        births = sum(track.confirmed and track.track_id not in known for track in kept)
        scene = Scene(
            frame.stamp_ns, frame.frame_id, frame.camera, hands, births, clock.stage_ms, instruments, contacts, notes
        )
        memory = replace(memory, tracks=kept, shapes=shapes_after(memory.shapes, kept))
        return scene, replace(memory, frame_index=memory.frame_index + 1, stamp_ns=frame.stamp_ns)

    def _tell(self, solved: SolvedHand, frame: Frame) -> Hand:
        side = solved.track.side
        return tell_hand(solved, frame, self.models[side], self._fitter.frames(side), self.config.tracking)

    def _bound(self, frame: Frame, memory: Memory) -> tuple[Frame, Memory]:
        """The frame with its visible part, where that is wanted and not known yet."""
        if frame.visible is not None or not self.config.exclude_border:
            return frame, replace(memory, border=BorderMemory())
        border = watch_border(frame.image_bgr, memory.border)
        return replace(frame, visible=border.area), replace(memory, border=border)

    def _follow(self, frame: Frame, memory: Memory) -> tuple[Memory, int]:
        """Tracks with their landmarks of this frame, the lost ones gone, and the evaluations spent."""
        config = self.config
        hands: list[FollowedHand] = []
        spent = 0
        for track in memory.tracks:
            to_come = len(memory.tracks) - len(hands)
            left = config.detection.max_verifications - spent - to_come
            extra = max(min(config.tracking.extra_looks - (spent - len(hands)), left), 0)
            expected, regions = expectation(self._fitter, track, frame.camera)
            look = partial(follow_hand, colours=track.colours, smooth=track.smooth)
            hands.append(look(self._network, frame.image_bgr, regions[: 1 + extra], expected, track.side))
            spent += hands[-1].looks
        tracks = [
            update_missed(track, config.tracking)
            if seen is None
            else update_seen(track, seen, hand.evidence, config.tracking)
            for track, hand, seen in zip(memory.tracks, hands, one_hand_each(memory.tracks, hands), strict=True)
        ]
        lost = remember_lost(memory, tracks, config.tracking)
        return replace(memory, tracks=tuple(t for t in tracks if t is not None), lost=lost), spent

    def _find(self, frame: Frame, memory: Memory, spent: int) -> Memory:
        """Tracks with new hands added; a hand found where a track had lost it goes on as that track."""
        detection = self.config.detection
        measured = [t for t in memory.tracks if t.measured]
        missing = [t for t in memory.tracks if not t.measured]
        wanted = detection.max_hands - len(measured)
        budget = detection.max_verifications - spent
        if wanted <= 0 or budget <= 0:
            return memory
        found, proposals = self._verifier.step(
            frame.image_bgr,
            [t.landmarks for t in measured],
            memory.proposals,
            wanted=wanted,
            budget=budget,
            hints=[t.expected_region for t in missing],
            visible=frame.visible,
        )
        tracks, next_id = list(memory.tracks), memory.next_id
        for hand in found:
            again = track_of(hand.landmarks, missing)
            if again is not None:
                missing.remove(again)
                landmarks = named_for(hand.landmarks, again.side)
                evidence = side_log_odds(hand.landmarks)
                seen = update_seen(again, landmarks, evidence, self.config.tracking)
                tracks[tracks.index(again)] = replace(seen, colours=hand.colours, smooth=hand.smooth)
            else:
                tracks.append(new_track(next_id, hand, memory.lost, self.config.tracking))
                next_id += 1
        kept = _at_most(tracks, detection.max_hands)
        return replace(memory, tracks=kept, proposals=proposals, next_id=next_id)


class StageClock:
    """Wall-clock time of named stages, ms. For reports only: nothing depends on it."""

    def __init__(self) -> None:
        self.stage_ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.stage_ms[stage] = 1e3 * (perf_counter() - start)


def check_frame(frame: Frame) -> None:
    """Raise FrameError or CameraError where image and camera cannot be used together."""
    _check_image(frame.image_bgr, frame.camera, "image")
    for view in frame.further:
        _check_image(view.image_bgr, view.placed.camera, f"image of {view.placed.name}")


def _check_image(image_bgr: UInt8[NDArray[np.uint8], "..."], camera: Camera, what: str) -> None:
    check_camera(camera)
    if image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or image_bgr.dtype != np.uint8:
        raise FrameError(
            f"{what} is {image_bgr.dtype} of shape {image_bgr.shape}, not 8-bit with three channels: convert it to bgr8"
        )
    height, width = image_bgr.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise FrameError(
            f"{what} is {width}x{height} but the camera is calibrated for {camera.width}x{camera.height}: "
            "use the calibration of this image size"
        )


def _period_s(memory: Memory, frame: Frame) -> float:
    """Time since the frame before, s; that of 30 Hz where stamps do not tell."""
    if memory.stamp_ns is None or frame.stamp_ns <= memory.stamp_ns:
        return 1.0 / 30.0
    return (frame.stamp_ns - memory.stamp_ns) * 1e-9


def _same_recording(memory: Memory, frame: Frame, max_gap_s: float) -> Memory:
    """The memory, without what time has made worthless.

    Nothing is left where time jumped back (a bag that starts again, simulated time; frames of a bag that merely changed
    places are no jump). No track outlives a gap in which its hand can have gone anywhere.
    """
    if memory.stamp_ns is None:
        return memory
    ahead_s = (frame.stamp_ns - memory.stamp_ns) * 1e-9
    if ahead_s < -JUMP_BACK_S:
        return forgotten(memory)
    if ahead_s <= max_gap_s:
        return memory
    return replace(memory, tracks=(), lost=(), instruments=unseen(memory.instruments))


def _at_most(tracks: Sequence[HandTrack], max_hands: int) -> tuple[HandTrack, ...]:
    """The tracks, without the longest missing ones where there are more than `max_hands`."""
    keep = sorted(tracks, key=lambda t: (t.misses, t.track_id))[:max_hands]
    return tuple(t for t in tracks if t in keep)


__all__ = ["CameraError", "FrameError", "Perception", "StageClock", "check_frame"]
