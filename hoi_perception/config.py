"""The only schema of settings: ROS parameters, YAML files and the command line are read from these dataclasses.

Each field states its unit and where its default comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DetectionConfig:
    """How hands are searched for."""

    max_hands: int = 2
    """Hands tracked at most."""
    palm_threshold: float = 0.1
    """Score above which the palm network proposes a region (0 to 1)."""
    max_verifications: int = 8
    """Landmark evaluations per frame at most, tracking included."""
    scan_regions: int = 2
    """Regions of the background scan per frame while a hand is missing."""
    threads: int = 2
    """Threads of each network."""


@dataclass(frozen=True)
class TrackingConfig:
    """Birth, life and death of hand tracks."""

    birth_presence: float = 0.8
    """Landmark presence that makes a track at once (0 to 1)."""
    confirm_presence: float = 0.5
    """Landmark presence that makes a track when it holds for `confirm_frames` frames (0 to 1)."""
    confirm_frames: int = 3
    """Frames for a slow birth."""
    predict_frames: int = 5
    """Frames that a hand is predicted without measurement before it is LOST."""


@dataclass(frozen=True)
class Config:
    """Everything."""

    hand_model: str = ""
    """Path of a hand model file (.npz); empty for the open hand that ships with the package."""
    hand_model_left: str = ""
    """Path of a left hand file; empty to mirror the right one."""
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
