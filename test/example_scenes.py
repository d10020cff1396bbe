"""Frames and scenes with chosen numbers, for tests of what comes before and after the pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hoi_perception.camera import camera_from_fov
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import (
    Camera,
    Contacts,
    Frame,
    Hand,
    HandLandmarks,
    HandParameters,
    HandZone,
    Instrument,
    ScaleSource,
    Scene,
    Side,
    TrackState,
)

WIDTH, HEIGHT = 64, 48


def example_camera() -> Camera:
    """Assumed field of view, so that the assumption has to turn up in results."""
    return camera_from_fov(WIDTH, HEIGHT, 55.0)


def example_landmarks() -> HandLandmarks:
    """Tight box of 40 x 20 px."""
    t = np.linspace(0.0, 1.0, 21)
    return HandLandmarks(np.stack([10 + 40 * t, 12 + 20 * t], axis=1), np.zeros(21), presence=0.9, right_score=0.25)


def example_hand(side: Side = Side.RIGHT, track_id: int = 3, **changes: object) -> Hand:
    """A hand with numbers that are all different, so that a swapped field shows."""
    rng = np.random.default_rng(7 + track_id)
    hand = Hand(
        side=side,
        track_id=track_id,
        state=TrackState.TRACKED,
        score=0.75,
        parameters=HandParameters(
            pose=rng.normal(scale=0.5, size=(16, 3)),
            shape=rng.normal(size=10),
            wrist_camera=np.array([0.1, -0.2, 0.6]),
        ),
        translation_mano=np.array([0.05, -0.19, 0.58]),
        joints_camera=rng.normal(scale=0.03, size=(21, 3)) + [0.0, 0.0, 0.6],
        joint_confidence=rng.uniform(size=21),
        vertices_camera=(rng.normal(scale=0.03, size=(778, 3)) + [0.0, 0.0, 0.6]).astype(np.float32),
        covariance_wrist=np.diag(np.arange(1.0, 7.0)) * 1e-4,
        scale_source=ScaleSource.HAND_PRIOR,
        landmarks=example_landmarks(),
        residual_px=0.8,
        heldout_residual_px=1.2,
        limit_violation_deg=0.5,
    )
    return replace(hand, **changes)


def example_instrument(name: str = "forceps", track_id: int = 11, **changes: object) -> Instrument:
    """An instrument with one joint and two tips."""
    rng = np.random.default_rng(70 + track_id)
    instrument = Instrument(
        name=name,
        track_id=track_id,
        state=TrackState.TRACKED,
        score=0.5,
        R_camera_instrument=rotation_from_axis_angle(rng.normal(size=3)),
        t_camera_instrument=np.array([0.02, 0.04, 0.7]),
        covariance=np.diag(np.arange(7.0, 13.0)) * 1e-5,
        scale_source=ScaleSource.INSTRUMENT,
        joint_names=("jaw",),
        joint_positions=np.array([0.3]),
        covariance_joints=np.array([[0.01]]),
        tip_names=("left_tip", "right_tip"),
        tips_camera=rng.normal(scale=0.05, size=(2, 3)) + [0.0, 0.0, 0.7],
    )
    return replace(instrument, **changes)


def example_contacts(hand_track_id: int = 3, instrument_track_id: int = 11, **changes: object) -> Contacts:
    """Three contacts of the example hand with the example instrument."""
    rng = np.random.default_rng(hand_track_id + instrument_track_id)
    normals = rng.normal(size=(3, 3))
    contacts = Contacts(
        hand_track_id=hand_track_id,
        instrument_track_id=instrument_track_id,
        zones=np.array([HandZone.THUMB, HandZone.INDEX, HandZone.PALM]),
        points_camera=rng.normal(scale=0.05, size=(3, 3)) + [0.0, 0.0, 0.65],
        normals_camera=normals / np.linalg.norm(normals, axis=1, keepdims=True),
        signed_distances=np.array([0.001, -0.0005, 0.004]),
        confidences=np.array([0.9, 0.6, 0.3]),
    )
    return replace(contacts, **changes)


def example_scene(
    *hands: Hand,
    stamp_ns: int = 12_000_000_034,
    births: int = 0,
    instruments: tuple[Instrument, ...] = (),
    contacts: tuple[Contacts, ...] = (),
    **stage_ms: float,
) -> Scene:
    """A scene of the assumed camera."""
    return Scene(
        stamp_ns=stamp_ns,
        frame_id="camera_optical",
        camera=example_camera(),
        hands=tuple(hands),
        births=births,
        stage_ms=stage_ms or {"detect": 4.0, "lift": 2.0, "total": 7.0},
        instruments=instruments,
        contacts=contacts,
    )


def example_faces() -> np.ndarray:
    """1538 faces over 778 vertices."""
    i = np.arange(1538)
    return np.stack([i % 778, (i + 1) % 778, (i + 2) % 778], axis=1).astype(np.int32)


class FakePerception:
    """Stands where the pipeline stands: every frame gives the same two hands, born with the first."""

    def __init__(self, hands: Iterable[Hand] | None = None) -> None:
        left, right = example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2)
        self.hands = (left, right) if hands is None else tuple(hands)
        self.faces = {side: example_faces() for side in Side}
        self.seen: list[Frame] = []
        self.wanted: dict[int, str] = {}

    def process(self, frame: Frame) -> Scene:
        self.seen.append(frame)
        return Scene(
            stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id,
            camera=frame.camera,
            hands=self.hands,
            births=len(self.hands) if len(self.seen) == 1 else 0,
            stage_ms={"total": 5.0},
        )
