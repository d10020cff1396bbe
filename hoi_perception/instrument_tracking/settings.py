"""How instruments are followed."""

from __future__ import annotations

from dataclasses import dataclass, field

from hoi_perception.instrument_tracking.network_sight import SightSettings
from hoi_perception.interaction.grasp import GraspSettings, PoseSigmas
from hoi_perception.interaction.region_tracker import TrackerSettings
from hoi_perception.interaction.terms.region import LEVELS, RegionSettings

HELD = GraspSettings(hand_motion=PoseSigmas(0.01, 0.15, 0.03), instrument_motion=PoseSigmas(0.01, 0.1, 0.03))
"""The joint solve of a hand that is expected to keep its posture and what it holds in its place."""


@dataclass(frozen=True)
class GripSettings:
    """How a hand and what it holds are taken to be one body.

    A hand that holds something is half hidden, and landmarks of hidden fingers jump. So what a frame says of posture,
    touch and the instrument's place in the hand counts little by itself: shares are those of a frame in what is kept.
    """

    solve: GraspSettings = HELD
    landmark_trust: float = 0.3
    """Share of a landmark's weight that counts."""
    carried: float = 0.7
    """Share of a wrist's velocity that it is expected to keep; all of it runs away where landmarks tell little."""
    alone: float = 0.3
    """How far from the distance that a hand was going to have to that of its fit alone a solve begins."""
    slip_seen: float = 0.1
    """Share in place and touch where the image shows the instrument."""
    slip_unseen: float = 0.02
    """The same where it does not."""
    slip_posture: float = 0.1
    """Share in the fingers' angles."""
    most_off: float = 0.1
    """Median distance of landmarks from where they are seen, over the hand's size, up to which a fit explains them."""
    size_sigma: float = 0.06
    """Standard deviation of the logarithm of a hand's size before an instrument tells."""
    reach_sigma: float = 0.025
    """That of the ratio of distances of a hand and of what it holds, when a grip begins."""


SEVERAL = TrackerSettings(region=RegionSettings(rare=0.5, exact=len(LEVELS)), edge_sigma_px=0.3, joint_share=0.1)
"""Regions in the images of several cameras. These tell distance by themselves, and the width of an instrument that is
not exactly the library's must not decide where it lies along its axis: its ends count as much as its sides in all late
rounds, and all edges of an image may be off alike. Arms of tweezers that are seen one behind the other tell little of
their opening, which takes ten frames at the least."""


@dataclass(frozen=True)
class ToolSettings:
    """All of it: `grip` for what is held, `region` for what the image shows, `several` for what several images do."""

    grip: GripSettings = field(default_factory=GripSettings)
    region: TrackerSettings = field(default_factory=TrackerSettings)
    several: TrackerSettings = SEVERAL
    rough_px: float = 25.0
    """How far from its rough pose an instrument may lie in the image when its colours are first told."""
    least_rough_px: float = 6.0
    """The least that this is where another source tells the pose, however surely; and the standard deviation up to
    which colours are learned where such a source has it, if no image showed the instrument before."""
    grip_slack: tuple[float, float] = (0.001, 0.05)
    """Standard deviations (m, rad) of an instrument in a hand, where another source may tell that it is not there."""
    sight: SightSettings = field(default_factory=SightSettings)
    """How a network looks at an instrument, where there is one."""
    least_seen: float = 0.2
    """Share of what shows of an instrument that a network has to take for one, if there is one, for an image to be
    believed."""
    clear: float = 0.6
    """Agreement from which an image counts for more than a hand beside the instrument."""
    enough: float = 0.4
    """Share of its surroundings that have to be visible for that."""
    broad_px: float = 20.0
    """Mean width in the image from which an instrument goes by what images say rather than by hands beside it."""
    known: int = 10
    """Frames in which an image has to have shown an instrument clearly before it is searched for elsewhere."""
    fading: float = 0.8
    """Share of its velocity that an instrument keeps from frame to frame while nothing shows it."""
    most_moved: float = 0.06
    """Distance across the view, m, from where an instrument was expected beyond which no image of it is believed."""
    most_nearer: float = 1.3
    """The same for its distance, as a factor."""
    most_turned: float = 0.4
    """Angle, rad, by which a broad instrument that is seen whole may have turned from how it was expected; one of which
    a part is hidden, by as much less."""
    fastest: float = 0.6
    """Speed of a held instrument, m/s, beyond which it is the hand's fit that jumped."""
    moving: float = 0.03
    """Speed, m/s, from which an instrument that the image shows is taken to be in the hand beside it."""
    most_off_px: float = 4.0
    """Mean distance in the image between an instrument by itself and with a hand, from which on the hand is let go."""
    doubts: int = 5
    """Frames in a row that have to say so of a thin instrument: the image may show another thing's edge."""
    rest: int = 15
    """Frames for which no hand is tried after that."""
    shown: int = 15
    """Frames for which the image counts for more than a hand beside an instrument that it showed by itself."""
    spot: float = 0.5
    """Agreement with the colours of a silhouette elsewhere in the image from which the instrument is tried there."""
    broad_depth_sigma: float = 0.01
    """Standard deviation of a broad instrument's distance per frame, m: its outline tells it well enough that it need
    not be looked for farther off, and one that does not fit the model drifts less."""
    least_said: float = 0.3
    """Share of what pixels could say of a broad instrument that they must say to be taken at their word; what they say
    of any other is set against all that they could."""
    better: float = 0.05
    """By how much an image has to agree better than when it showed an instrument at rest to be heard again."""
    patience: int = 8
    """Frames for which a grip waits for a hand that is not seen."""
