"""Instruments followed from frame to frame: by regions of the image, and with the hand that holds them as one body.

In each frame the image is read first, from where the instrument was going (`RegionTracker`). An instrument in a hand is
then solved together with the hand (`Grips`): its landmarks, what the image said, contact, penetration, and that what
touched keeps its place. An image that hides the instrument, or does not agree with it, leaves it to the hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64, Int32
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.beginning import FirstLook, first_region
from hoi_perception.instrument_tracking.further_views import further_pictures, surest
from hoi_perception.instrument_tracking.grips import Grips
from hoi_perception.instrument_tracking.hand_view import HandForms, HandView
from hoi_perception.instrument_tracking.holders import holders_of
from hoi_perception.instrument_tracking.search import best_spot
from hoi_perception.instrument_tracking.settings import ToolSettings
from hoi_perception.instrument_tracking.stillness import BESIDE_PX, glimpse, still_there
from hoi_perception.instrument_tracking.tracks import Grip, ToolTrack
from hoi_perception.instruments.colour import Cover, Image, Provider, no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.instruments.occlusion import Occluder, Shade, shade
from hoi_perception.interaction.bodies import InstrumentBody
from hoi_perception.interaction.grasp import Descend
from hoi_perception.interaction.region_eye import Picture
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker, velocity_to
from hoi_perception.interaction.solver import solve
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import Camera, FurtherView, HandParameters

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class View:
    """One frame: image, camera, time, and the hands that were seen in it.

    `visible` are the pixels of the picture proper, all where it is None. `maps` tell instruments (by the numbers of
    their tracks) from surroundings in place of the colours that were learned of them. `further` are the images of other
    cameras; everything is told in the frame of `camera`.
    """

    image: Image
    camera: Camera
    stamp_ns: int
    hands: tuple[HandView, ...] = ()
    visible: Bool[NDArray[np.bool_], "h w"] | None = None
    further: tuple[FurtherView, ...] = ()
    maps: Mapping[int, Provider] = field(default_factory=dict)


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
        self._trackers: dict[tuple[str, bool], RegionTracker] = {}

    def begin(self, view: View, track_id: int, name: str, rough: InstrumentState) -> ToolTrack:
        """A track from a rough pose: colours of what stands out there, then the pose that agrees with them.

        Raises UnknownInstrumentError where the library has no instrument of that name.
        """
        surface = Occluder(*self.surface(name, rough))
        broad = _mean_width(self._silhouette(name, rough, view.camera)) >= self.settings.broad_px
        tracker = self._tracker(name, view, broad)
        cover, further = self._cover(view, self._shades(view, broad), None, rough), self._further(view, ())
        said = self.settings.least_said if broad else 1.0
        look = FirstLook(view.image, cover, view.stamp_ns, surface, view.further, tuple(further), said)
        unseen = tracker.unseen(rough, view.stamp_ns)
        region = first_region(tracker, look, rough, self.settings.rough_px)
        if further:
            region = surest(tracker, region, rough, view.image, cover, further)
        begun = self._believed(region, rough, unseen.velocity)
        shown = self.settings.shown if self._is_clear(begun, broad) else 0
        return ToolTrack(track_id, name, begun, broad=broad, shown=shown)

    def step(self, view: View, tracks: Sequence[ToolTrack], lost: Set[int] = frozenset()) -> list[ToolTrack]:
        """The tracks in the next frame. No hand is taken to hold one that is lost until an image shows it."""
        expected = {t.track_id: self._tracker(t.name, view, t.broad).predict(t.region, view.stamp_ns) for t in tracks}
        places = {t.track_id: self._pixels(t.name, expected[t.track_id], view.camera) for t in tracks}
        before = {t.track_id: t.grip.hand for t in tracks if t.grip is not None}
        holders = holders_of(view.hands, places, before, {t.track_id for t in tracks if t.broad})
        hands = {hand.track_id: hand for hand in view.hands}
        shades = {broad: self._shades(view, broad) for broad in {t.broad for t in tracks}}
        surfaces = {
            t.track_id: Occluder(*self.surface(t.name, expected[t.track_id]), always=True)
            for t in tracks
            if len(tracks) > 1 and t.track_id not in lost
        }
        others = {track_id: shade(surface, view.camera) for track_id, surface in surfaces.items()}
        out = []
        for track in tracks:
            cover = self._cover(view, shades[track.broad], track.grip, expected[track.track_id])
            for other, hidden in others.items():
                if other != track.track_id and hidden is not None:
                    hidden.lay_on(cover)
            further = self._further(view, [one for other, one in surfaces.items() if other != track.track_id])
            tracker = self._tracker(track.name, view, track.broad)
            shown = view.maps.get(track.track_id)
            said = self.settings.least_said if track.broad else 1.0
            region = tracker.follow(track.region, view.image, cover, view.stamp_ns, (), further, shown, said)
            if track.broad and self._is_turned(region, expected[track.track_id]):
                region = replace(region, failed=max(region.failed, 1))
            region = self._believed(region, expected[track.track_id], track.region.velocity)
            region, track = self._at_rest(view, cover, track, region)
            hand = hands.get(holders.get(track.track_id, -1))
            if track.track_id in lost and not region.rows:
                hand = None
            if not region.rows and track.seen is not None and track.clear >= self.settings.known:
                region = self._searched(view, cover, further, track, track.seen, region)
            out.append(self._free(track, region) if hand is None else self._held(track, region, hand, view.camera))
        return out

    def held_hand(self, grip: Grip) -> HandParameters:
        """The hand of a grip as it was solved with what it holds."""
        return self.forms.parameters(grip.side, grip.shape, grip.fit.state.hand(0))

    def _believed(self, region: RegionTrack, expected: InstrumentState, velocity: Float64[Array, " k"]) -> RegionTrack:
        """What an image said if it can be believed; else the pose that was expected, which comes to rest."""
        near = self._is_near(region.state.t[0], expected.t[0])
        if not region.failed and region.agreement.both >= self.settings.region.sure and near:
            return region
        return replace(region, state=expected, velocity=self.settings.fading * velocity, rows=())

    def _at_rest(
        self, view: View, cover: Cover, track: ToolTrack, region: RegionTrack
    ) -> tuple[RegionTrack, ToolTrack]:
        """What was said of a broad instrument that no hand holds, as long as the picture of it stays what it was then:
        one of a thin one shows what lies beside it more than itself, and several cameras see what one does not."""
        if track.grip is not None or not track.broad or view.further:
            return region, replace(track, glimpse=None)
        before = track.glimpse
        if before is not None and region.agreement.both < before.region.agreement.both + self.settings.better:
            place = before.region.state.t[0]
            same = still_there(view.image, cover, before, float(place[2]), view.camera.focal_px)
            if same is not None:
                return replace(same, stamp_ns=view.stamp_ns), track
        if not region.rows or _across(region.velocity[:3], region.state.t[0]) >= self.settings.moving:
            return region, track
        surface = Occluder(*self.surface(track.name, region.state), margin_px=BESIDE_PX)
        found = glimpse(view.image, cover, region, shade(surface, view.camera))
        return region, replace(track, glimpse=found)

    def _is_clear(self, region: RegionTrack, broad: bool) -> bool:
        """Whether an image tells by itself where an instrument is: the little that shows of one that is not broad
        agrees by chance too."""
        found, own = region.agreement, self.settings
        return bool(region.rows) and (broad or found.both >= own.clear) and found.seen >= own.enough

    def _is_turned(self, region: RegionTrack, expected: InstrumentState) -> bool:
        """Whether an instrument would have turned by more than the part of it that is seen can tell."""
        turn = axis_angle_from_rotation(region.state.R[0] @ expected.R[0].T)
        return float(np.linalg.norm(turn)) > self.settings.most_turned * region.agreement.seen

    def _is_near(self, place: Float64[Array, "3"], expected: Float64[Array, "3"]) -> bool:
        """Whether a place is one that an instrument may have got to: an image tells little of its distance."""
        ray = expected / max(float(np.linalg.norm(expected)), 1e-9)
        along = float(place @ ray)
        off = float(np.linalg.norm(place - along * ray))
        ratio = along / max(float(np.linalg.norm(expected)), 1e-9)
        s = self.settings
        return off <= s.most_moved and 1.0 / s.most_nearer <= ratio <= s.most_nearer

    def _searched(
        self,
        view: View,
        cover: Cover,
        further: Sequence[Picture],
        track: ToolTrack,
        seen: InstrumentState,
        region: RegionTrack,
    ) -> RegionTrack:
        """What an image says of an instrument that is not where it was expected, if it is seen elsewhere in it, in the
        attitude and at the distance in which it was seen last."""
        spot = best_spot(view.image, cover, region.colours, self._silhouette(track.name, seen, view.camera))
        if spot is None or spot.score < self.settings.spot:
            return region
        shift = seen.t[0, 2] / view.camera.focal_px * np.array([*spot.shift_px, 0.0])
        there = replace(region, state=replace(seen, t=seen.t + shift), velocity=0.0 * region.velocity)
        tracker, fresh = self._tracker(track.name, view, track.broad), replace(there, failed=0, lost=False)
        found = tracker.follow(fresh, view.image, cover, view.stamp_ns, further=further)
        found = self._believed(found, there.state, there.velocity)
        return replace(found, velocity=0.0 * found.velocity) if self._is_clear(found, track.broad) else region

    def _free(self, track: ToolTrack, region: RegionTrack) -> ToolTrack:
        """An instrument that no hand is seen to hold; a grip waits a little for its hand."""
        grip = track.grip
        if grip is not None:
            grip = replace(grip, missed=grip.missed + 1)
            grip = None if grip.missed > self.settings.patience else grip
        shown = self.settings.shown if self._is_clear(region, track.broad) and grip is None else max(track.shown - 1, 0)
        seen = region.state if self._is_clear(region, track.broad) else track.seen
        clear = track.clear + self._is_clear(region, track.broad)
        rest = max(track.rest - 1, 0)
        return replace(track, region=region, grip=grip, rest=rest, shown=shown, seen=seen, clear=clear)

    def _held(self, track: ToolTrack, region: RegionTrack, hand: HandView, camera: Camera) -> ToolTrack:
        """An instrument beside a hand. Where the image shows it, a hand that does not go with that does not hold it."""
        grip = track.grip
        if grip is None:
            moves = _across(region.velocity[:3], region.state.t[0]) >= self.settings.moving
            if track.rest > 0 or (not moves if self._is_clear(region, track.broad) else track.shown > 0):
                return self._free(track, region)
        if grip is None or grip.side is not hand.side:
            grip = self._grips.begin(self.body(track.name), region.state, hand, region.rows)
        else:
            grip = self._grips.follow(grip, hand, region.rows)
        apart = grip is not None and self._are_apart(track, region, grip, camera)
        doubted = track.doubted + 1 if apart else 0
        if grip is None or doubted > (0 if track.broad else self.settings.doubts):
            return replace(track, region=region, grip=None, rest=self.settings.rest, doubted=0)
        if apart:
            region = replace(region, colours=track.region.colours)
        moved = self._moved(track.region, region, grip.instrument)
        jumped = float(np.linalg.norm(moved.velocity[:3])) > self.settings.fastest
        if not track.broad and (jumped or not grip.explained):
            moved = replace(moved, velocity=0.0 * moved.velocity)
        return replace(track, region=moved, grip=grip, doubted=doubted)

    def _are_apart(self, track: ToolTrack, region: RegionTrack, grip: Grip, camera: Camera) -> bool:
        """Whether an image tells by itself that an instrument is elsewhere than in a hand."""
        clear = self._is_clear(region, track.broad)
        return clear and self._off_px(track.name, region, grip, camera) > self.settings.most_off_px

    def _off_px(self, name: str, region: RegionTrack, grip: Grip, camera: Camera) -> float:
        """Mean distance in the image between an instrument as the image has it and as a grip has it."""
        places = [self.body(name).placed_samples(state) for state in (region.state, grip.instrument)]
        pixels = [np.asarray(project(place, camera), dtype=np.float64) for place in places]
        off = np.linalg.norm(pixels[0] - pixels[1], axis=1)
        return float(off[np.isfinite(off)].mean()) if np.isfinite(off).any() else float("inf")

    def _moved(self, before: RegionTrack, region: RegionTrack, state: InstrumentState) -> RegionTrack:
        """What the image said, with the pose that hand and image have together."""
        velocity = velocity_to(before, state, region.stamp_ns, self.settings.region.carried)
        return replace(region, state=state, velocity=velocity, failed=0, lost=False)

    def _shades(self, view: View, always: bool) -> dict[int, Shade | None]:
        """What each hand hides where it was seen, by its track; `always` whether it may seem to be behind or not."""
        faces = {hand.track_id: self.forms.body(hand.side).faces for hand in view.hands}
        return {
            h.track_id: shade(Occluder(h.vertices, faces[h.track_id], always=always), view.camera) for h in view.hands
        }

    def _cover(
        self, view: View, shades: Mapping[int, Shade | None], grip: Grip | None, expected: InstrumentState
    ) -> Cover:
        """What the hands hide. The one that holds the instrument goes where its motion takes it with the instrument."""
        cover = no_cover(view.image, view.visible)
        for hand in view.hands:
            hidden = shades[hand.track_id]
            if grip is not None and hand.track_id == grip.hand:
                last = grip.instrument
                held = (grip.solver.vertices(grip.fit.state) - last.t[0]) @ last.R[0]
                moved = held @ expected.R[0].T + expected.t[0]
                hidden = shade(Occluder(moved, self.forms.body(hand.side).faces), view.camera)
            if hidden is not None:
                hidden.lay_on(cover)
        return cover

    def _further(self, view: View, others: Sequence[Occluder]) -> list[Picture]:
        """What further cameras see, and what hands and other instruments hide there."""
        if not view.further:
            return []
        hands = [Occluder(hand.vertices, self.forms.body(hand.side).faces) for hand in view.hands]
        return further_pictures(view.further, [*hands, *others])

    def _pixels(self, name: str, state: InstrumentState, camera: Camera) -> Float64[Array, "n 2"]:
        """Where samples of the surface are in the image; none where they are not in front of the camera."""
        samples = self.body(name).placed_samples(state)
        px = np.asarray(project(samples[samples[:, 2] > 0.0], camera), dtype=np.float64)
        return px[np.isfinite(px).all(axis=1)]

    def _silhouette(self, name: str, state: InstrumentState, camera: Camera) -> Bool[NDArray[np.bool_], "h w"]:
        vertices, faces = self.surface(name, state)
        return rasterise(vertices, faces, camera).mask

    def surface(
        self, name: str, state: InstrumentState
    ) -> tuple[Float64[Array, "n 3"], Int32[NDArray[np.int32], "m 3"]]:
        """Vertices in the camera frame (m), and faces."""
        body, contour = self.body(name), self._shapes[name][1]
        return contour.placed(pose_links(body.fields.tree, state)), contour.faces

    def model(self, name: str) -> InstrumentModel:
        """An instrument of the library. Raises UnknownInstrumentError where it has none of that name."""
        return self._library.get(name)

    def body(self, name: str) -> InstrumentBody:
        """The same as the joint solve takes it; made at its first use."""
        if name not in self._shapes:
            model = self.model(name)
            self._shapes[name] = InstrumentBody.of(model), ContourModel.of(model)
        return self._shapes[name][0]

    def contour(self, name: str) -> ContourModel:
        """What its contour is computed from; made at its first use."""
        self.body(name)
        return self._shapes[name][1]

    def _tracker(self, name: str, view: View, broad: bool) -> RegionTracker:
        tracker, further = self._trackers.get((name, broad)), tuple(one.placed for one in view.further)
        if tracker is None or tracker.camera is not view.camera or tracker.further != further:
            body, settings = self.body(name), self.settings.several if further else self.settings.region
            if broad and not further:
                settings = replace(settings, depth_sigma=self.settings.broad_depth_sigma)
            tracker = RegionTracker(body, self._shapes[name][1], view.camera, settings, further)
            self._trackers[name, broad] = tracker
        return tracker


def _across(velocity: Float64[Array, "3"], place: Float64[Array, "3"]) -> float:
    """Speed across the view, m/s: the distance that an image tells is never at rest."""
    ray = place / max(float(np.linalg.norm(place)), 1e-9)
    return float(np.linalg.norm(velocity - (velocity @ ray) * ray))


def _mean_width(silhouette: Bool[NDArray[np.bool_], "h w"]) -> float:
    """Area over the diagonal of the box, px."""
    rows, columns = np.flatnonzero(silhouette.any(axis=1)), np.flatnonzero(silhouette.any(axis=0))
    if len(rows) == 0:
        return 0.0
    return float(silhouette.sum() / np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1))
