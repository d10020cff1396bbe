"""What crosses stages: frozen, typed values.

Units are SI, camera coordinates are those of REP-103's optical frames: x right, y down, z forward.
Arrays inside these values are never written to after construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

import numpy as np
from jaxtyping import Float32, Float64, Int, UInt8, UInt16
from numpy.typing import NDArray

from hoi_perception.visible_area import VisibleArea

N_VERTICES = 778
N_JOINTS = 16
N_LANDMARKS = 21


class Side(IntEnum):
    """Which hand of the person, with the values of the `HandState` message."""

    LEFT = 0
    RIGHT = 1

    @property
    def label(self) -> str:
        """`left` or `right`, as used in frame names."""
        return self.name.lower()


class TrackState(IntEnum):
    """How a pose came about, with the values of the messages.

    INITIALISING: seen, not yet confirmed. TRACKED: measured in this frame. OCCLUDED: partly measured, the rest
    predicted. PREDICTED: not measured in this frame. LOST: no pose.
    """

    INITIALISING = 0
    TRACKED = 1
    OCCLUDED = 2
    PREDICTED = 3
    LOST = 4

    @property
    def measured(self) -> bool:
        """Whether something of it was seen in this very frame."""
        return self not in (TrackState.PREDICTED, TrackState.LOST)


class ScaleSource(Enum):
    """Where metric scale comes from; it is never silently invented."""

    UNKNOWN = "unknown"
    HAND_PRIOR = "hand_prior"
    INSTRUMENT = "instrument"
    STEREO = "stereo"
    DEPTH = "depth"


class Distortion(Enum):
    """Lens models by their ROS names."""

    NONE = "none"
    PLUMB_BOB = "plumb_bob"
    RATIONAL_POLYNOMIAL = "rational_polynomial"
    EQUIDISTANT = "equidistant"


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with lens distortion, for an image of `width` x `height` pixels.

    `K` is the 3x3 intrinsic matrix in pixels; `D` holds 0, 5 (plumb_bob), 8 (rational_polynomial) or 4 (equidistant)
    coefficients in OpenCV's order. `assumed` names the assumption when no calibration was given ("" otherwise), and
    every output repeats it.
    """

    K: Float64[NDArray[np.float64], "3 3"]
    width: int
    height: int
    distortion: Distortion = Distortion.NONE
    D: Float64[NDArray[np.float64], " n"] = field(default_factory=lambda: np.zeros(0))
    assumed: str = ""

    @property
    def focal_px(self) -> float:
        """Mean of the two focal lengths."""
        return 0.5 * float(self.K[0, 0] + self.K[1, 1])


@dataclass(frozen=True, eq=False)
class PlacedCamera:
    """One of several cameras: what is at p in the frame of the first camera (m) is at `R_own_first` p + `t_own_first`
    in its own."""

    name: str
    camera: Camera
    R_own_first: Float64[NDArray[np.float64], "3 3"]
    t_own_first: Float64[NDArray[np.float64], "3"]

    def seen(self, points_first: Float64[NDArray[np.float64], "*b 3"]) -> Float64[NDArray[np.float64], "*b 3"]:
        """Points of the first camera's frame in its own, m."""
        return np.asarray(points_first @ self.R_own_first.T + self.t_own_first)


@dataclass(frozen=True)
class FurtherView:
    """What another camera saw at the same time."""

    image_bgr: UInt8[NDArray[np.uint8], "h w 3"]
    placed: PlacedCamera


@dataclass(frozen=True)
class ToldPose:
    """Where instrument number `track_id` was when an image was taken, as another source has it: a robot, a marker.

    The covariance is that of the base link: translation (m) then rotation (rad), about the fixed axes of the camera
    frame (REP-103). Angles of its joints (rad) are None where the source does not know them. `source` names it;
    `in_image` is whether it was seen in the image itself, as a marker is.
    """

    track_id: int
    R_camera_instrument: Float64[NDArray[np.float64], "3 3"]
    t_camera_instrument: Float64[NDArray[np.float64], "3"]
    covariance: Float64[NDArray[np.float64], "6 6"]
    source: str
    joint_positions: Float64[NDArray[np.float64], " j"] | None = None
    in_image: bool = False


@dataclass(frozen=True)
class Frame:
    """One image with the camera that took it.

    `depth_m` (m along the optical axis, NaN where there is none) and `instrument_mask` (a label per pixel, 0 where no
    instrument is) are registered to the image: same size, same camera. `visible` is the part of the image that shows
    the scene, where a border surrounds it; None for all of it. `further` are the images of other cameras; the frame of
    the first camera is that of all results. `poses` are what other sources know of instruments.
    """

    image_bgr: UInt8[NDArray[np.uint8], "h w 3"]
    camera: Camera
    stamp_ns: int
    frame_id: str = "camera"
    depth_m: Float32[NDArray[np.float32], "h w"] | None = None
    instrument_mask: UInt16[NDArray[np.uint16], "h w"] | None = None
    visible: VisibleArea | None = None
    further: tuple[FurtherView, ...] = ()
    poses: tuple[ToldPose, ...] = ()


@dataclass(frozen=True)
class HandLandmarks:
    """What the landmark network says of one hand, in pixels of the whole image.

    Order of the 21 points: wrist, then thumb, index, middle, ring, pinky, four each from base to tip.
    `depth_relative` is the network's z relative to the wrist, in the same pixel scale (positive away from the camera);
    NaN where it is not known.
    `points_metric` is the network's own guess of the shape in metres, origin near the middle of the hand, axes as those
    of the image: a hint for starts, never a source of scale. None where another detector made the landmarks.
    `confidence` (0 to 1) weighs each point in the fit; 0 leaves it out.
    """

    points_px: Float64[NDArray[np.float64], "21 2"]
    depth_relative: Float64[NDArray[np.float64], "21"]
    presence: float
    right_score: float
    points_metric: Float64[NDArray[np.float64], "21 3"] | None = None
    confidence: Float64[NDArray[np.float64], "21"] = field(default_factory=lambda: np.ones(N_LANDMARKS))

    @property
    def box_px(self) -> tuple[float, float, float, float]:
        """Tight box of the points that count: x0, y0, x1, y1."""
        points = self.points_px[self.confidence > 0.0]
        x0, y0 = points.min(axis=0)
        x1, y1 = points.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    @property
    def size_px(self) -> float:
        """Longer side of the box, at least a pixel."""
        x0, y0, x1, y1 = self.box_px
        return max(x1 - x0, y1 - y0, 1.0)


@dataclass(frozen=True)
class HandRegion:
    """A square, rotated region of the image that should hold one hand, the input of the landmark network.

    `angle_rad` is the clockwise turn (image axes) that brings the region's own x axis from the image's x axis; at 0 the
    fingers point up in the image. `size_px` is the side of the square.
    """

    center_px: tuple[float, float]
    size_px: float
    angle_rad: float


@dataclass(frozen=True)
class HandParameters:
    """MANO parameters of one hand in the camera frame.

    `pose` is axis-angle with the flat hand as zero (no mean added): rows 0 the global rotation about joint 0, rows 1-15
    the articulation in MANO's joint order. `wrist_camera` is where joint 0 of the shaped hand is, in metres.
    """

    pose: Float64[NDArray[np.float64], "16 3"]
    shape: Float64[NDArray[np.float64], "10"]
    wrist_camera: Float64[NDArray[np.float64], "3"]


@dataclass(frozen=True)
class Hand:
    """One tracked hand of one frame.

    `joints_camera` has 21 joints in OpenPose order (wrist, thumb 1-3 and tip, index, middle, ring, pinky). The
    covariance is that of the wrist: translation (m) then rotation (rad), about the fixed axes of the camera frame
    (REP-103). `vertices_camera` are MANO's 778 vertices. A LOST hand has no Hand.
    """

    side: Side
    track_id: int
    state: TrackState
    score: float
    parameters: HandParameters
    translation_mano: Float64[NDArray[np.float64], "3"]
    joints_camera: Float64[NDArray[np.float64], "21 3"]
    joint_confidence: Float64[NDArray[np.float64], "21"]
    vertices_camera: Float32[NDArray[np.float32], "778 3"]
    covariance_wrist: Float64[NDArray[np.float64], "6 6"]
    scale_source: ScaleSource
    landmarks: HandLandmarks | None
    residual_px: float
    heldout_residual_px: float
    limit_violation_deg: float


@dataclass(frozen=True)
class Instrument:
    """One tracked instrument of one frame.

    `name` is that of the library; `R_camera_instrument` and `t_camera_instrument` (m) place its base link. The
    covariance is that of the base link: translation (m) then rotation (rad), about the fixed axes of the camera frame
    (REP-103); the joint angles (rad) have their own. `tips_camera` are the origins of the instrument's named tip frames
    (m). A LOST instrument has no Instrument.
    """

    name: str
    track_id: int
    state: TrackState
    score: float
    R_camera_instrument: Float64[NDArray[np.float64], "3 3"]
    t_camera_instrument: Float64[NDArray[np.float64], "3"]
    covariance: Float64[NDArray[np.float64], "6 6"]
    scale_source: ScaleSource
    joint_names: tuple[str, ...] = ()
    joint_positions: Float64[NDArray[np.float64], " j"] = field(default_factory=lambda: np.zeros(0))
    covariance_joints: Float64[NDArray[np.float64], "j j"] = field(default_factory=lambda: np.zeros((0, 0)))
    tip_names: tuple[str, ...] = ()
    tips_camera: Float64[NDArray[np.float64], "t 3"] = field(default_factory=lambda: np.zeros((0, 3)))


class HandZone(IntEnum):
    """Part of a hand that touches, with the values of the `ContactArray` message."""

    THUMB = 0
    INDEX = 1
    MIDDLE = 2
    RING = 3
    PINKY = 4
    PALM = 5


@dataclass(frozen=True)
class Contacts:
    """Where one hand and one instrument touch or nearly touch; never forces.

    Per contact: the hand's zone, the point on the instrument's surface (m) and its outward unit normal (towards the
    hand), both in the camera frame, the signed distance of the hand's surface from the instrument's along it (m,
    negative where they intersect), and a confidence (0 to 1): the probability that they touch. Where the solver knows
    them: `faces` of the hand's mesh with `barycentric` weights of their corners, indices of the instrument's `links`
    (base first), `covariances` of the points (m²).
    """

    hand_track_id: int
    instrument_track_id: int
    zones: Int[NDArray[np.integer], " n"]
    points_camera: Float64[NDArray[np.float64], "n 3"]
    normals_camera: Float64[NDArray[np.float64], "n 3"]
    signed_distances: Float64[NDArray[np.float64], " n"]
    confidences: Float64[NDArray[np.float64], " n"]
    faces: Int[NDArray[np.integer], " n"] | None = None
    barycentric: Float64[NDArray[np.float64], "n 3"] | None = None
    links: Int[NDArray[np.integer], " n"] | None = None
    covariances: Float64[NDArray[np.float64], "n 3 3"] | None = None

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Contacts:
        """Some of the contacts."""
        return replace(
            self,
            zones=self.zones[rows],
            points_camera=self.points_camera[rows],
            normals_camera=self.normals_camera[rows],
            signed_distances=self.signed_distances[rows],
            confidences=self.confidences[rows],
            faces=None if self.faces is None else self.faces[rows],
            barycentric=None if self.barycentric is None else self.barycentric[rows],
            links=None if self.links is None else self.links[rows],
            covariances=None if self.covariances is None else self.covariances[rows],
        )


@dataclass(frozen=True)
class Scene:
    """Everything that is known of one frame; `notes` tell what of its input was not used, a line each."""

    stamp_ns: int
    frame_id: str
    camera: Camera
    hands: tuple[Hand, ...]
    births: int
    stage_ms: dict[str, float]
    instruments: tuple[Instrument, ...] = ()
    contacts: tuple[Contacts, ...] = ()
    notes: tuple[str, ...] = ()
