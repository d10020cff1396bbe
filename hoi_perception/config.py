"""The only schema of settings: ROS parameters, YAML files and the command line are read from these dataclasses.

Each field states its unit and where its default comes from, in the text below it. `Range` bounds a number,
`AtConfigure` marks what a running node takes over only when it is configured again, `AtStart` what it takes over only
when its process starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal


@dataclass(frozen=True)
class Range:
    """Smallest and largest value, both allowed."""

    low: float
    high: float


@dataclass(frozen=True)
class AtConfigure:
    """Loaded with the models: a change takes effect at the next configure."""


@dataclass(frozen=True)
class AtStart:
    """Fixed while the process lives."""


Share = Annotated[float, Range(0.0, 1.0)]
Seconds = Annotated[float, Range(0.0, 60.0)]
Metres = Annotated[float, Range(1e-4, 10.0)]
Radians = Annotated[float, Range(1e-3, 10.0)]


@dataclass(frozen=True)
class DetectionConfig:
    """How hands are searched for."""

    max_hands: Annotated[int, Range(1, 8)] = 2
    """Hands tracked at most."""
    palm_threshold: Share = 0.1
    """Score above which the palm network proposes a region (0 to 1)."""
    max_verifications: Annotated[int, Range(1, 64)] = 8
    """Landmark evaluations per frame at most, tracking included."""
    scan_regions: Annotated[int, Range(0, 64)] = 2
    """Regions of the background scan per frame while one hand is followed and another is missing."""
    scan_regions_idle: Annotated[int, Range(0, 64)] = 6
    """Regions of the background scan per frame while no hand is known."""
    max_proposals: Annotated[int, Range(0, 64)] = 4
    """Regions that the palm network proposes per frame at most."""
    gloves: Annotated[bool, AtConfigure()] = False
    """Look for gloved hands too, by a trained head on the palm network; costs time while a hand is missing."""
    proposal_interval: Annotated[int, Range(1, 100)] = 2
    """Frames from one run of the proposers to the next while one hand is followed and another is missing."""
    threads: Annotated[int, Range(1, 64), AtConfigure()] = 2
    """Threads of each network."""


@dataclass(frozen=True)
class FittingConfig:
    """How hands are fitted to their landmarks."""

    landmark_sigma: Annotated[float, Range(1e-4, 1.0)] = 0.012
    """Standard deviation of a landmark, share of the hand's box."""
    depth_sigma: Annotated[float, Range(1e-3, 100.0)] = 0.35
    """Standard deviation of a landmark's relative depth, share of the hand's box."""
    prior_scale: Annotated[float, Range(0.1, 100.0)] = 1.5
    """Factor on the standard deviations of the pose prior."""
    limit_sigma_deg: Annotated[float, Range(0.01, 100.0)] = 1.0
    """Degrees outside an anatomical limit that cost as much as one standard deviation."""
    start_iterations: Annotated[int, Range(1, 200)] = 25
    """Evaluations for each start of a new hand."""
    track_iterations: Annotated[int, Range(1, 200)] = 5
    """Evaluations for a tracked hand."""


@dataclass(frozen=True)
class TrackingConfig:
    """Birth, life and death of hand tracks."""

    birth_presence: Share = 0.8
    """Landmark presence that makes a track at once (0 to 1)."""
    confirm_frames: Annotated[int, Range(1, 100)] = 3
    """Frames that a fainter hand (presence 0.5 and more) has to be seen before it makes a track."""
    extra_looks: Annotated[int, Range(0, 16)] = 1
    """Landmark evaluations per frame at most beyond one for each tracked hand, spent where a hand is not as
    expected."""
    settle_frames: Annotated[int, Range(0, 100)] = 2
    """Frames that a fit which started anew has to hold before the hand is TRACKED again."""
    predict_frames: Annotated[int, Range(0, 300)] = 8
    """Frames that a hand is predicted without measurement before it is LOST."""
    max_joint_speed: Annotated[float, Range(0.1, 100.0)] = 1.6
    """Speed of a joint relative to the wrist above which a fit is not believed, m/s."""
    lost_frames: Annotated[int, Range(0, 3000)] = 30
    """Frames for which the place and side of a lost hand are remembered."""
    one_person: bool = True
    """At most one left and one right hand while `max_hands` is 2."""
    side_bound: Annotated[float, Range(1.0, 10000.0)] = 100.0
    """Largest sum of log-odds for a side; 4 is the most that one frame can give."""
    side_doubt: Share = 0.25
    """Share of the evidence that counts where it is against the side that a track has (0 to 1)."""
    max_gap_s: Seconds = 0.5
    """Time without frames after which no track goes on, s."""
    tracked_share: Share = 0.6
    """Share of the landmarks inside the image below which a hand is OCCLUDED instead of TRACKED."""
    velocity_gain: Share = 0.8
    """Share of the latest change in the velocity estimate (0 to 1)."""
    velocity_decay: Share = 0.9
    """Factor on velocities from frame to frame (0 to 1)."""
    sigma_lateral: Metres = 0.04
    """Expected error of the predicted wrist across the optical axis, m per frame."""
    sigma_depth: Metres = 0.003
    """Expected error of the predicted wrist along the optical axis, m per frame."""
    sigma_rotation: Radians = 0.12
    """Expected error of the predicted global rotation, rad per frame."""
    sigma_angle: Radians = 0.15
    """Expected error of predicted joint angles, rad per frame."""


@dataclass(frozen=True)
class Config:
    """Everything."""

    hand_model: Annotated[str, AtConfigure()] = ""
    """Path of a hand model file (.npz); empty for the open hand that ships with the package."""
    hand_model_left: Annotated[str, AtConfigure()] = ""
    """Path of a left hand file; empty to mirror the right one."""
    exclude_border: bool = True
    """Find the black border of an endoscope's image and leave it out of the search for hands."""
    measure_heldout: bool = True
    """Fit once more with some landmarks left out, for `heldout_residual_px`; costs about 3 ms a frame."""
    instrument_folders: Annotated[str, AtConfigure()] = ""
    """Folders of instruments, separated by commas, searched before all others; `package://NAME/FOLDER` is one too."""
    find_instruments: Annotated[Literal["no", "masks", "all"], AtConfigure()] = "masks"
    """What finds instruments that nobody told of: nothing, masks of them, or also the hands that may hold them."""
    mask_labels: Annotated[str, AtConfigure()] = ""
    """Instruments that labels 1, 2, … of a mask stand for, names separated by commas; empty for those that are looked
    for, in their order."""
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    fitting: FittingConfig = field(default_factory=FittingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


@dataclass(frozen=True)
class NodeConfig(Config):
    """Settings of a live node: those of perception, and how it is joined to its topics."""

    image_transport: Annotated[Literal["raw", "compressed"], AtConfigure()] = "raw"
    """`raw` subscribes to `image`, `compressed` to `image/compressed`."""
    depth_transport: Annotated[Literal["raw", "compressedDepth"], AtConfigure()] = "raw"
    """`raw` subscribes to `depth`, `compressedDepth` to `depth/compressedDepth`."""
    rectified: bool = False
    """The images are rectified: P of the calibration is used, without distortion."""
    fov_deg: Annotated[float, Range(0.0, 179.0)] = 0.0
    """Horizontal field of view that is assumed while there is no `camera_info`, degrees; 0 waits for one."""
    camera_file: Annotated[str, AtConfigure()] = ""
    """ROS calibration YAML that goes before `camera_info`; that of all cameras where there are further ones."""
    further_cameras: Annotated[str, AtConfigure()] = ""
    """Names of further synchronised cameras, separated by commas, with topics `cameras/<name>/image` and
    `cameras/<name>/camera_info`."""
    sync_tolerance_s: Annotated[float, Range(0.0, 0.5)] = 0.01
    """Time by which the stamps of images that belong together may differ, s."""
    use_depth: Annotated[bool, AtConfigure()] = False
    """Synchronise `depth` with the image."""
    use_instrument_mask: Annotated[bool, AtConfigure()] = False
    """Synchronise `instrument_mask` with the image."""
    max_wait_s: Annotated[float, Range(0.0, 1.0)] = 0.03
    """Longest wait of an image for its depth and mask, for images of further cameras and for TF, s."""
    late_s: Seconds = 0.2
    """Age of an image at its arrival above which it counts as late, s."""
    silence_s: Annotated[float, Range(0.1, 60.0)] = 1.0
    """Time without an image after which the camera counts as silent, s."""
    publish_tf: bool = True
    """Publish TF frames of hands and instruments."""
    publish_tips: bool = True
    """Publish TF frames of finger tips too."""
    frame_prefix: Annotated[str, AtConfigure()] = ""
    """Put before every TF frame, for several cameras that see the same hands."""
    target_frame: str = ""
    """Frame that poses are transformed to, by TF; empty for the camera's own."""
    markers_rate_hz: Annotated[float, Range(0.1, 120.0)] = 10.0
    """Markers per second at most."""
    overlay_rate_hz: Annotated[float, Range(0.1, 120.0)] = 15.0
    """Overlay images per second at most."""
    overlay_rows: Annotated[int, Range(64, 8192)] = 720
    """Rows of the overlay at most; higher images are scaled down."""
    measure_heldout: bool = False
    """Fit once more with some landmarks left out, for `heldout_residual_px`; costs about 3 ms a frame."""
    hand_shapes: Annotated[str, AtConfigure()] = ""
    """YAML file that keeps calibrated hand shapes: read at configure, written by `calibrate_hand_shape`."""
    instruments: Annotated[str, AtConfigure()] = ""
    """Instruments of the library, separated by commas, whose `robot_description` is published."""
    track_instruments: Annotated[str, AtConfigure()] = ""
    """Instruments of the library, separated by commas, that are looked for from the start."""
    instrument_frames: str = ""
    """TF frames of base links of instruments that a robot knows, as `NAME=FRAME`, separated by commas; a name that
    comes twice means the second one of that name."""
    instrument_frame_sigma_mm: Annotated[float, Range(0.01, 1000.0)] = 3.0
    """Standard deviation of a place that TF tells of an instrument, along each axis, mm."""
    instrument_frame_sigma_deg: Annotated[float, Range(0.01, 180.0)] = 2.0
    """Standard deviation of a rotation that TF tells of an instrument, about each axis, degrees."""
    device: Annotated[str, AtStart()] = "cpu"
    """Warp device that draws the overlay: cpu or, with an NVIDIA GPU, cuda:0."""


def listed(text: str) -> list[str]:
    """What a setting names, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
