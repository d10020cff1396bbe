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
    """Regions of the background scan per frame while one hand is followed and another is missing."""
    scan_regions_idle: int = 6
    """Regions of the background scan per frame while no hand is known."""
    max_proposals: int = 4
    """Regions that the palm network proposes per frame at most."""
    proposal_interval: int = 2
    """Frames from one run of the proposers to the next while one hand is followed and another is missing."""
    threads: int = 2
    """Threads of each network."""


@dataclass(frozen=True)
class FittingConfig:
    """How hands are fitted to their landmarks."""

    landmark_sigma: float = 0.012
    """Standard deviation of a landmark, share of the hand's box."""
    depth_sigma: float = 0.35
    """Standard deviation of a landmark's relative depth, share of the hand's box."""
    prior_scale: float = 1.5
    """Factor on the standard deviations of the pose prior."""
    limit_sigma_deg: float = 1.0
    """Degrees outside an anatomical limit that cost as much as one standard deviation."""
    start_iterations: int = 25
    """Evaluations for each start of a new hand."""
    track_iterations: int = 5
    """Evaluations for a tracked hand."""


@dataclass(frozen=True)
class TrackingConfig:
    """Birth, life and death of hand tracks."""

    birth_presence: float = 0.8
    """Landmark presence that makes a track at once (0 to 1)."""
    confirm_frames: int = 3
    """Frames that a fainter hand (presence 0.5 and more) has to be seen before it makes a track."""
    extra_looks: int = 1
    """Landmark evaluations per frame at most beyond one for each tracked hand, spent where a hand is not as
    expected."""
    settle_frames: int = 2
    """Frames that a fit which started anew has to hold before the hand is TRACKED again."""
    predict_frames: int = 8
    """Frames that a hand is predicted without measurement before it is LOST."""
    max_joint_speed: float = 1.6
    """Speed of a joint relative to the wrist above which a fit is not believed, m/s."""
    lost_frames: int = 30
    """Frames for which the place and side of a lost hand are remembered."""
    one_person: bool = True
    """At most one left and one right hand while `max_hands` is 2."""
    side_bound: float = 100.0
    """Largest sum of log-odds for a side; 4 is the most that one frame can give."""
    side_doubt: float = 0.25
    """Share of the evidence that counts where it is against the side that a track has (0 to 1)."""
    max_gap_s: float = 0.5
    """Time without frames after which no track goes on, s."""
    tracked_share: float = 0.6
    """Share of the landmarks inside the image below which a hand is OCCLUDED instead of TRACKED."""
    velocity_gain: float = 0.8
    """Share of the latest change in the velocity estimate (0 to 1)."""
    velocity_decay: float = 0.9
    """Factor on velocities from frame to frame (0 to 1)."""
    sigma_lateral: float = 0.04
    """Expected error of the predicted wrist across the optical axis, m per frame."""
    sigma_depth: float = 0.003
    """Expected error of the predicted wrist along the optical axis, m per frame."""
    sigma_rotation: float = 0.12
    """Expected error of the predicted global rotation, rad per frame."""
    sigma_angle: float = 0.15
    """Expected error of predicted joint angles, rad per frame."""


@dataclass(frozen=True)
class Config:
    """Everything."""

    hand_model: str = ""
    """Path of a hand model file (.npz); empty for the open hand that ships with the package."""
    hand_model_left: str = ""
    """Path of a left hand file; empty to mirror the right one."""
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    fitting: FittingConfig = field(default_factory=FittingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
