"""Instruments followed from frame to frame: by regions of the image, and with the hand that holds them as one body.

In each frame the image is read first, from where the instrument was going, with the poses that other sources tell
(`reading`). An instrument in a hand is then solved together with the hand (`Grips`): its landmarks, what the image
said, what was told, contact, penetration, and that what touched keeps its place. An image that hides the instrument, or
does not agree with it, leaves it to the hand and to what is told.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_tracking.anchoring import GATE, combined, spread_px, surprise, term_of
from hoi_perception.instrument_tracking.beginning import FirstLook, first_region
from hoi_perception.instrument_tracking.belief import across, believed, is_clear
from hoi_perception.instrument_tracking.first_distance import at_measured_distance
from hoi_perception.instrument_tracking.further_views import surest
from hoi_perception.instrument_tracking.grips import Grips
from hoi_perception.instrument_tracking.hand_view import HandForms, HandView
from hoi_perception.instrument_tracking.hiding import hand_shades, hidden_by_hands, hidden_elsewhere
from hoi_perception.instrument_tracking.holders import holders_of
from hoi_perception.instrument_tracking.network_sight import NetworkSight
from hoi_perception.instrument_tracking.reading import Poses, expected_state, read, trusted
from hoi_perception.instrument_tracking.search import best_spot
from hoi_perception.instrument_tracking.settings import ToolSettings
from hoi_perception.instrument_tracking.shapes import Shapes
from hoi_perception.instrument_tracking.sight import Sight
from hoi_perception.instrument_tracking.stillness import BESIDE_PX, glimpse, still_there
from hoi_perception.instrument_tracking.tracks import Grip, ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.colour import Grid
from hoi_perception.instruments.instrument_map import SeesInstruments
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.occlusion import Occluder, shade
from hoi_perception.interaction.grasp import Descend
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker, velocity_to
from hoi_perception.interaction.solver import solve
from hoi_perception.types import Camera, HandParameters

Array = NDArray[np.float64]


class InstrumentTracker:
    """Follows instruments; tracks are its only memory. What `sees` them counts with their colours."""

    def __init__(
        self,
        library: Library,
        forms: HandForms,
        posture: AnglePrior,
        settings: ToolSettings | None = None,
        descend: Descend = solve,
        sees: SeesInstruments | None = None,
    ) -> None:
        self.settings = settings or ToolSettings()
        self.forms, self.shapes = forms, Shapes(library)
        self._grips = Grips(forms, posture, self.settings.grip, descend)
        self._network = None if sees is None else NetworkSight(sees, self.settings.sight)
        self._trackers: dict[tuple[str, bool], RegionTracker] = {}

    def begin(self, view: View, track_id: int, name: str, rough: InstrumentState, told: Poses = ()) -> ToolTrack:
        """A track from a rough pose: colours of what stands out there, then the pose that agrees with them.

        It stays with what other sources tell, `told`, as far as they are sure. Where depth was measured elsewhere than
        at a pose of which nobody tells how sure it is, it begins there if the image agrees. Raises
        UnknownInstrumentError where the library has no instrument of that name.
        """
        track = self._begun(view, track_id, name, rough, told)
        if view.depth_m is None or told or track.region.by_depth:
            return track
        broad, surface = track.broad, Occluder(*self.shapes.surface(name, rough))
        cover = hidden_by_hands(self.forms, view, hand_shades(self.forms, view, broad), None, rough)
        measured = at_measured_distance(view.depth_m, cover, view.camera, surface, rough)
        if measured is None:
            return track
        again = self._begun(view, track_id, name, measured, told)
        slack = self.settings.better if again.region.by_depth else 0.0
        agrees = again.region.agreement.both > track.region.agreement.both - slack
        return again if again.region.rows and agrees else track

    def _begun(self, view: View, track_id: int, name: str, rough: InstrumentState, told: Poses) -> ToolTrack:
        own = self.settings
        surface = Occluder(*self.shapes.surface(name, rough))
        reach_px = min(own.rough_px, max(own.least_rough_px, 3.0 * self._spread_px(view, name, rough, told)))
        broad = self.shapes.mean_width(name, rough, view.camera) >= own.broad_px
        tracker = self._tracker(name, view, broad)
        cover = hidden_by_hands(self.forms, view, hand_shades(self.forms, view, broad), None, rough)
        further = hidden_elsewhere(self.forms, view, ())
        said = own.least_said if broad else 1.0
        anchors = tuple(map(term_of, told))
        seen = view.image, cover, view.stamp_ns, surface, view.further, further
        network = self._seen(view, track_id, name, self.shapes.pixels(name, rough, view.camera))
        look = FirstLook(*seen, said, broad, anchors, view.depth_m, network)
        unseen = tracker.unseen(rough, view.stamp_ns)
        region = first_region(tracker, look, rough, reach_px)
        if further:
            region = surest(tracker, region, rough, view.image, cover, further)
        begun = believed(own, region, rough, unseen.velocity)
        shown = own.shown if is_clear(own, begun, broad) else 0
        return ToolTrack(track_id, name, begun, broad=broad, shown=shown, learned=bool(begun.rows))

    def begin_told(self, view: View, track_id: int, name: str, told: Poses) -> ToolTrack:
        """A track from what other sources tell, the first of them before the others."""
        first, body = told[0], self.shapes.body(name)
        tree = body.fields.tree
        angles = np.clip(np.zeros(body.n_joints), tree.lower, tree.upper)
        rough = InstrumentState(first.R_camera_instrument[None], first.t_camera_instrument[None], angles[None])
        return self.begin(view, track_id, name, combined(rough, np.full(6, np.inf), told), told)

    def step(self, view: View, tracks: Sequence[ToolTrack], lost: Set[int] = frozenset()) -> list[ToolTrack]:
        """The tracks in the next frame. No hand is taken to hold one that is lost until an image shows it."""
        expected = {t.track_id: self._expected(view, t) for t in tracks}
        places = {t.track_id: self.shapes.pixels(t.name, expected[t.track_id], view.camera) for t in tracks}
        before = {t.track_id: t.grip.hand for t in tracks if t.grip is not None}
        holders = holders_of(view.hands, places, before, {t.track_id for t in tracks if t.broad})
        hands = {hand.track_id: hand for hand in view.hands}
        shades = {broad: hand_shades(self.forms, view, broad) for broad in {t.broad for t in tracks}}
        surfaces = {
            t.track_id: Occluder(*self.shapes.surface(t.name, expected[t.track_id]), always=True)
            for t in tracks
            if len(tracks) > 1 and t.track_id not in lost
        }
        others = {track_id: shade(surface, view.camera) for track_id, surface in surfaces.items()}
        out = []
        for track in tracks:
            number = track.track_id
            cover = hidden_by_hands(self.forms, view, shades[track.broad], track.grip, expected[number])
            for other, hidden in others.items():
                if other != number and hidden is not None:
                    hidden.lay_on(cover)
            further = hidden_elsewhere(self.forms, view, [s for other, s in surfaces.items() if other != number])
            said = self.settings.least_said if track.broad else 1.0
            network = self._seen(view, number, track.name, places[number])
            sight = Sight(view.image, cover, view.stamp_ns, further, view.maps.get(number), said, view.depth_m, network)
            hand = hands.get(holders.get(number, -1))
            out.append(self._followed(view, sight, track, hand, number in lost))
        return out

    def held_hand(self, grip: Grip) -> HandParameters:
        """The hand of a grip as it was solved with what it holds."""
        return self.forms.parameters(grip.side, grip.shape, grip.fit.state.hand(0))

    def _followed(
        self,
        view: View,
        sight: Sight,
        track: ToolTrack,
        hand: HandView | None,
        lost: bool,
    ) -> ToolTrack:
        """One track in the next frame, with the hand that may hold it."""
        own, tracker = self.settings, self._tracker(track.name, view, track.broad)
        told = view.poses.get(track.track_id, ())
        found = read(own, tracker, sight, track, told, self.shapes.symmetries(track.name))
        region, track = found.region, replace(track, heard=found.heard, left_out=found.left_out)
        if found.heard and not region.rows and not track.learned:
            region = self._learned(view, sight, track, region)
        track = replace(track, learned=track.learned or bool(region.rows))
        region, track = self._at_rest(view, sight, track, region)
        if lost and not region.rows:
            hand = None
        if not (region.rows or found.heard) and track.seen is not None and track.clear >= own.known:
            region = self._searched(view, sight, track, track.seen, region)
        return self._free(track, region) if hand is None else self._held(track, region, hand, view.camera)

    def _learned(self, view: View, sight: Sight, track: ToolTrack, region: RegionTrack) -> RegionTrack:
        """What an image says of an instrument that none showed before, by the colours where it is told to be."""
        own, tracker = self.settings, self._tracker(track.name, view, track.broad)
        if self._spread_px(view, track.name, region.state, track.heard) > own.least_rough_px:
            return region
        begun = tracker.begin(sight.image, sight.cover, region.state, sight.stamp_ns, sight.further)
        if begun is None or begun.agreement.seen < own.enough:
            return region
        found = believed(
            own, sight.followed(tracker, begun, tuple(map(term_of, track.heard))), region.state, region.velocity
        )
        return replace(found, velocity=region.velocity) if found.rows else region

    def _at_rest(
        self, view: View, sight: Sight, track: ToolTrack, region: RegionTrack
    ) -> tuple[RegionTrack, ToolTrack]:
        """What was said of a broad instrument that no hand holds, as long as the picture of it stays what it was then:
        one of a thin one shows what lies beside it more than itself, and several cameras see what one does not."""
        if track.grip is not None or not track.broad or view.further or track.heard:
            return region, replace(track, glimpse=None)
        before = track.glimpse
        if before is not None and region.agreement.both < before.region.agreement.both + self.settings.better:
            place = before.region.state.t[0]
            same = still_there(view.image, sight.cover, before, float(place[2]), view.camera.focal_px)
            if same is not None:
                return replace(same, stamp_ns=view.stamp_ns), track
        if not region.rows or across(region.velocity[:3], region.state.t[0]) >= self.settings.moving:
            return region, track
        surface = Occluder(*self.shapes.surface(track.name, region.state), margin_px=BESIDE_PX)
        found = glimpse(view.image, sight.cover, region, shade(surface, view.camera))
        return region, replace(track, glimpse=found)

    def _searched(
        self, view: View, sight: Sight, track: ToolTrack, seen: InstrumentState, region: RegionTrack
    ) -> RegionTrack:
        """What an image says of an instrument that is not where it was expected, if it is seen elsewhere in it, in the
        attitude and at the distance in which it was seen last."""
        own = self.settings
        spot = best_spot(view.image, sight.cover, region.colours, self.shapes.silhouette(track.name, seen, view.camera))
        if spot is None or spot.score < own.spot:
            return region
        shift = seen.t[0, 2] / view.camera.focal_px * np.array([*spot.shift_px, 0.0])
        there = replace(region, state=replace(seen, t=seen.t + shift), velocity=0.0 * region.velocity)
        tracker, fresh = self._tracker(track.name, view, track.broad), replace(there, failed=0, lost=False)
        found = tracker.follow(fresh, view.image, sight.cover, view.stamp_ns, further=sight.further)
        found = believed(own, found, there.state, there.velocity)
        return replace(found, velocity=0.0 * found.velocity) if is_clear(own, found, track.broad) else region

    def _free(self, track: ToolTrack, region: RegionTrack) -> ToolTrack:
        """An instrument that no hand is seen to hold; a grip waits a little for its hand."""
        grip = track.grip
        if grip is not None:
            grip = replace(grip, missed=grip.missed + 1)
            grip = None if grip.missed > self.settings.patience else grip
        clear = is_clear(self.settings, region, track.broad)
        return replace(
            track,
            region=region,
            grip=grip,
            rest=max(track.rest - 1, 0),
            shown=self.settings.shown if clear and grip is None else max(track.shown - 1, 0),
            seen=region.state if clear else track.seen,
            clear=track.clear + clear,
        )

    def _held(self, track: ToolTrack, region: RegionTrack, hand: HandView, camera: Camera) -> ToolTrack:
        """An instrument beside a hand. A hand that does not go with where the image shows it, or with where another
        source has it, does not hold it."""
        own, grip = self.settings, track.grip
        if grip is None:
            moves = across(region.velocity[:3], region.state.t[0]) >= own.moving
            if track.rest > 0 or (not moves if is_clear(own, region, track.broad) else track.shown > 0):
                return self._free(track, region)
        if grip is None or grip.side is not hand.side:
            grip = self._grips.begin(self.shapes.body(track.name), region.state, hand, region.rows, track.heard)
        else:
            grip = self._grips.follow(grip, hand, region.rows, track.heard)
        if grip is not None and self._is_told_elsewhere(track, grip):
            grip = None
        apart = grip is not None and self._are_apart(track, region, grip, camera)
        doubted = track.doubted + 1 if apart else 0
        if grip is None or doubted > (0 if track.broad else own.doubts):
            return replace(track, region=region, grip=None, rest=own.rest, doubted=0)
        if apart:
            region = replace(region, colours=track.region.colours)
        velocity = velocity_to(track.region, grip.instrument, region.stamp_ns, own.region.carried)
        moved = replace(region, state=grip.instrument, velocity=velocity, failed=0, lost=False)
        jumped = float(np.linalg.norm(moved.velocity[:3])) > own.fastest
        if not track.broad and (jumped or not grip.explained):
            moved = replace(moved, velocity=0.0 * moved.velocity)
        return replace(track, region=moved, grip=grip, doubted=doubted)

    def _is_told_elsewhere(self, track: ToolTrack, grip: Grip) -> bool:
        """Whether another source tells that an instrument is elsewhere than in a hand."""
        slack = np.diag(np.repeat(np.square(self.settings.grip_slack), 3))
        off = any(surprise(pose, grip.instrument, slack) > GATE for pose in track.heard)
        return off or (bool(track.heard) and not grip.explained)

    def _are_apart(self, track: ToolTrack, region: RegionTrack, grip: Grip, camera: Camera) -> bool:
        """Whether an image tells by itself that an instrument is elsewhere than in a hand."""
        if not is_clear(self.settings, region, track.broad):
            return False
        return self.shapes.off_px(track.name, region.state, grip.instrument, camera) > self.settings.most_off_px

    def _seen(self, view: View, track_id: int, name: str, px: Float64[Array, "n 2"]) -> Grid | None:
        """What the network sees of an instrument about places (px) that it should have; a mask counts instead."""
        if self._network is None or track_id in view.maps:
            return None
        return self._network.of(view.image, self.shapes.model(name).description.instrument_class, px)

    def _expected(self, view: View, track: ToolTrack) -> InstrumentState:
        told = trusted(track, view.poses.get(track.track_id, ()))
        return expected_state(self._tracker(track.name, view, track.broad), track, view.stamp_ns, told)

    def _spread_px(self, view: View, name: str, state: InstrumentState, told: Poses) -> float:
        """How sure the surest of the told poses is in the image, px; infinite for none."""
        points = self.shapes.surface(name, state)[0]
        return min((spread_px(pose, points, view.camera.focal_px) for pose in told), default=float("inf"))

    def _tracker(self, name: str, view: View, broad: bool) -> RegionTracker:
        tracker, further = self._trackers.get((name, broad)), tuple(one.placed for one in view.further)
        if tracker is None or tracker.camera is not view.camera or tracker.further != further:
            settings = self.settings.several if further else self.settings.region
            if broad and not further:
                settings = replace(settings, depth_sigma=self.settings.broad_depth_sigma)
            body, contour = self.shapes.body(name), self.shapes.contour(name)
            tracker = RegionTracker(body, contour, view.camera, settings, further)
            self._trackers[name, broad] = tracker
        return tracker
