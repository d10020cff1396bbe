"""Instruments followed from frame to frame: by regions of the image, and with the hand that holds them as one body.

In each frame the image is read first, from where the instrument was going (`RegionTracker`). An instrument in a hand is
then solved together with the hand (`Grips`): its landmarks, what the image said, contact, penetration, and that what
touched keeps its place. An image that hides the instrument, or does not agree with it, leaves it to the hand.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.grips import Grips
from hoi_perception.instrument_tracking.hand_view import HandForms, HandView
from hoi_perception.instrument_tracking.holders import holders_of
from hoi_perception.instrument_tracking.seeding import seeded_colours
from hoi_perception.instrument_tracking.settings import ToolSettings
from hoi_perception.instrument_tracking.tracks import Grip, ToolTrack
from hoi_perception.instruments.colour import Cover, Image, no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.instruments.occlusion import Occluder, hide
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.interaction.grasp import Descend
from hoi_perception.interaction.region_tracker import LEAST_STEP_S, RegionTrack, RegionTracker
from hoi_perception.interaction.solver import solve
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Camera, HandParameters

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class View:
    """One frame: image, camera, time, and the hands that were seen in it.

    `visible` are the pixels of the picture proper, all where it is None.
    """

    image: Image
    camera: Camera
    stamp_ns: int
    hands: tuple[HandView, ...] = ()
    visible: Bool[NDArray[np.bool_], "h w"] | None = None


class InstrumentTracker:
    """Follows instruments; tracks are its only memory."""

    def __init__(
        self,
        library: Library,
        forms: HandForms,
        posture: AnglePrior,
        settings: ToolSettings | None = None,
        descend: Descend = solve,
    ) -> None:
        self.settings = settings or ToolSettings()
        self.forms, self._library = forms, library
        self._grips = Grips(forms, posture, self.settings.grip, descend)
        self._shapes: dict[str, tuple[InstrumentBody, ContourModel]] = {}
        self._trackers: dict[str, RegionTracker] = {}

    def begin(self, view: View, track_id: int, name: str, rough: InstrumentState) -> ToolTrack:
        """A track from a rough pose: colours of what stands out there, then the pose that agrees with them.

        Raises UnknownInstrumentError where the library has no instrument of that name.
        """
        tracker = self._tracker(name, view.camera)
        cover = self._cover(view, None, rough)
        begun = tracker.unseen(rough, view.stamp_ns)
        colours = seeded_colours(view.image, cover, self._silhouette(name, rough, view.camera), self.settings.rough_px)
        if colours is not None:
            region = replace(begun, colours=colours)
            for _ in range(2):
                region = tracker.follow(region, view.image, cover, view.stamp_ns)
            begun = self._believed(begun, region)
        return ToolTrack(track_id, name, begun)

    def step(self, view: View, tracks: Sequence[ToolTrack], lost: Set[int] = frozenset()) -> list[ToolTrack]:
        """The tracks in the next frame. No hand is taken to hold one that is lost until an image shows it."""
        expected = {t.track_id: self._tracker(t.name, view.camera).predict(t.region, view.stamp_ns) for t in tracks}
        places = {t.track_id: self._pixels(t.name, expected[t.track_id], view.camera) for t in tracks}
        before = {t.track_id: t.grip.hand for t in tracks if t.grip is not None}
        holders = holders_of(view.hands, places, before)
        hands = {hand.track_id: hand for hand in view.hands}
        out = []
        for track in tracks:
            cover = self._cover(view, track.grip, expected[track.track_id])
            region = self._tracker(track.name, view.camera).follow(track.region, view.image, cover, view.stamp_ns)
            region = self._believed(track.region, region)
            hand = hands.get(holders.get(track.track_id, -1))
            if track.track_id in lost and not region.rows:
                hand = None
            out.append(self._free(track, region) if hand is None else self._held(track, region, hand))
        return out

    def held_hand(self, grip: Grip) -> HandParameters:
        """The hand of a grip as it was solved with what it holds."""
        return self.forms.parameters(grip.side, grip.shape, grip.fit.state.hand(0))

    def _believed(self, before: RegionTrack, region: RegionTrack) -> RegionTrack:
        """What an image said if it can be believed; else the pose from before, at rest."""
        if not region.failed and region.agreement.both >= self.settings.region.sure:
            return region
        return replace(region, state=before.state, velocity=np.zeros_like(region.velocity), rows=())

    def _free(self, track: ToolTrack, region: RegionTrack) -> ToolTrack:
        """An instrument that no hand is seen to hold; a grip waits a little for its hand."""
        grip = track.grip
        if grip is not None:
            grip = replace(grip, missed=grip.missed + 1)
            grip = None if grip.missed > self.settings.patience else grip
        return replace(track, region=region, grip=grip)

    def _held(self, track: ToolTrack, region: RegionTrack, hand: HandView) -> ToolTrack:
        grip = track.grip
        if grip is None or grip.side is not hand.side:
            grip = self._grips.begin(self.body(track.name), region.state, hand, region.rows)
        else:
            grip = self._grips.follow(grip, hand, region.rows)
        if grip is None:
            return replace(track, region=region, grip=None)
        return replace(track, region=self._moved(track.region, region, grip.instrument), grip=grip)

    def _moved(self, before: RegionTrack, region: RegionTrack, state: InstrumentState) -> RegionTrack:
        """What the image said, with the pose that hand and image have together."""
        elapsed = (region.stamp_ns - before.stamp_ns) * 1e-9
        moved = [
            state.t[0] - before.state.t[0],
            axis_angle_from_rotation(state.R[0] @ before.state.R[0].T),
            state.angles[0] - before.state.angles[0],
        ]
        carried = self.settings.region.carried / elapsed if elapsed > LEAST_STEP_S else 0.0
        return replace(region, state=state, velocity=carried * np.concatenate(moved), failed=0, lost=False)

    def _cover(self, view: View, grip: Grip | None, expected: InstrumentState) -> Cover:
        """What the hands hide. The one that holds the instrument goes where its motion takes it with the instrument."""
        cover = no_cover(view.image, view.visible)
        for hand in view.hands:
            vertices = hand.vertices
            if grip is not None and hand.track_id == grip.hand:
                last = grip.instrument
                held = (grip.solver.vertices(grip.fit.state) - last.t[0]) @ last.R[0]
                vertices = held @ expected.R[0].T + expected.t[0]
            hide(cover, Occluder(vertices, self.forms.body(hand.side).faces), view.camera)
        return cover

    def _pixels(self, name: str, state: InstrumentState, camera: Camera) -> Float64[Array, "n 2"]:
        """Where samples of the surface are in the image; none where they are not in front of the camera."""
        samples = self.body(name).placed_samples(state)
        px = np.asarray(project(samples[samples[:, 2] > 0.0], camera), dtype=np.float64)
        return px[np.isfinite(px).all(axis=1)]

    def _silhouette(self, name: str, state: InstrumentState, camera: Camera) -> Bool[NDArray[np.bool_], "h w"]:
        body, contour = self.body(name), self._shapes[name][1]
        return rasterise(contour.placed(pose_links(body.fields.tree, state)), contour.faces, camera).mask

    def model(self, name: str) -> InstrumentModel:
        """An instrument of the library. Raises UnknownInstrumentError where it has none of that name."""
        return self._library.get(name)

    def body(self, name: str) -> InstrumentBody:
        """The same as the joint solve takes it; made at its first use."""
        if name not in self._shapes:
            model = self.model(name)
            self._shapes[name] = InstrumentBody.of(model), ContourModel.of(model)
        return self._shapes[name][0]

    def _tracker(self, name: str, camera: Camera) -> RegionTracker:
        tracker = self._trackers.get(name)
        if tracker is None or tracker.camera is not camera:
            body = self.body(name)
            tracker = RegionTracker(body, self._shapes[name][1], camera, self.settings.region)
            self._trackers[name] = tracker
        return tracker
