"""Instruments that are lost are looked for, a few in each frame, and begun again where the search comes to an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32
from numpy.typing import NDArray

from hoi_perception.instrument_tracking.acceptance import Accepted, accepted
from hoi_perception.instrument_tracking.grasp_hypotheses import templates_of
from hoi_perception.instrument_tracking.look import Look, look_at, look_at_map, look_at_mask
from hoi_perception.instrument_tracking.network_sight import SEEN_CLASSES
from hoi_perception.instrument_tracking.outline_views import OutlineViews, directions
from hoi_perception.instrument_tracking.start_settings import StartSettings
from hoi_perception.instrument_tracking.starting import Search, Sought, searched
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.tracks import ToolTrack
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.instrument_map import SeesInstruments
from hoi_perception.instruments.occlusion import Occluder
from hoi_perception.types import Side

Mask = Bool[NDArray[np.bool_], "h w"]


@dataclass(frozen=True, eq=False)
class Lost:
    """An instrument to look for: the number of its track, its name, and its search so far."""

    track_id: int
    name: str
    search: Search


@dataclass(frozen=True, eq=False)
class Found:
    """The search after a frame, and the pose that it came to, if any."""

    search: Search
    accepted: Accepted | None = None


class Starter:
    """Looks for instruments of a tracker; what is remembered is in `Search`, everything here is fixed.

    An instrument with several cameras is looked for in the first one's image. Where there is no mask of it, what `sees`
    instruments stands in for one.
    """

    def __init__(
        self,
        tracker: InstrumentTracker,
        settings: StartSettings | None = None,
        sees: SeesInstruments | None = None,
    ) -> None:
        self._sees = sees
        self.settings = settings or StartSettings()
        self._tracker = tracker
        self._sought: dict[str, Sought] = {}

    def load(self, name: str) -> None:
        """Make ready what is slow the first time: the outlines from all sides."""
        self.sought(name)

    def step(
        self,
        view: View,
        lost: Sequence[Lost],
        masks: Mapping[int, Mask],
        taken: Set[int] = frozenset(),
        others: Sequence[ToolTrack] = (),
    ) -> dict[int, Found]:
        """The searches of a frame, by track; hands that are `taken` hold something else, `others` are known already.

        `StartSettings.at_once` of them go on, in turn, those that were looked for in the fewest frames first.
        """
        free = tuple(hand for hand in view.hands if hand.track_id not in taken)
        found: dict[int, Found] = {}
        plain: Look | None = None
        parted: Look | None = None
        for one in sorted(lost, key=lambda w: (w.search.steps, w.track_id))[: self.settings.at_once]:
            mask = masks.get(one.track_id)
            sees = self._sees if self._is_seen(one.name) else None
            if mask is None and sees is None and (self.settings.masks_only or not free):
                continue
            hands = tuple(hand for hand in free if hand.track_id not in {f.hand for f in _done(found)})
            if mask is None and sees is not None:
                parted = look = parted or self._look_at_map(view, sees, others)
            elif mask is None:
                plain = plain or look_at(view.image, view.camera, view.hands, self._faces, view.visible)
                look = plain
            else:
                look = look_at_mask(view.image, view.camera, view.hands, self._faces, mask, view.visible)
            search = searched(self.sought(one.name), look, hands, one.search, self.settings)
            result = accepted(search, look.told, self.settings, self.sought(one.name).symmetries)
            found[one.track_id] = Found(search, result)
        return found

    def sought(self, name: str) -> Sought:
        """What is looked for; made at its first use."""
        if name not in self._sought:
            body, contour = self._tracker.shapes.body(name), self._tracker.shapes.contour(name)
            model = self._tracker.shapes.model(name)
            right_form = self._tracker.forms.right_form(Side.RIGHT)
            base = [s for s in model.description.symmetries if s.link == model.links[0].name]
            views = OutlineViews.of(contour, directions(self.settings.directions))
            self._sought[name] = Sought(contour, views, templates_of(model, body, right_form), tuple(base))
        return self._sought[name]

    def _look_at_map(self, view: View, sees: SeesInstruments, others: Sequence[ToolTrack]) -> Look:
        known = [Occluder(*self._tracker.shapes.surface(track.name, track.state)) for track in others]
        return look_at_map(view.image, view.camera, view.hands, self._faces, sees, known, view.visible)

    def _is_seen(self, name: str) -> bool:
        return self._tracker.shapes.model(name).description.instrument_class in SEEN_CLASSES

    def _faces(self, side: Side) -> Int32[NDArray[np.int32], "m 3"]:
        return self._tracker.forms.body(side).faces


def _done(found: Mapping[int, Found]) -> list[Accepted]:
    return [one.accepted for one in found.values() if one.accepted is not None]
