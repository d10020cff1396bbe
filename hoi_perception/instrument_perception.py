"""Instruments of a frame: those that are looked for are followed with the hands of the pipeline, and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from hoi_perception.config import FittingConfig
from hoi_perception.fiducials.reader import Bearer, FiducialReader
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instrument_telling import InstrumentTelling, Told
from hoi_perception.instrument_tracking.hand_view import HandForms, seen_hands
from hoi_perception.instrument_tracking.labels import map_of, masks_of
from hoi_perception.instrument_tracking.start_settings import StartSettings
from hoi_perception.instrument_tracking.starter import Starter
from hoi_perception.instrument_tracking.told_poses import given_poses
from hoi_perception.instrument_tracking.tracker import InstrumentTracker
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instrument_tracking.wanted import Wanted, contradictions, watch
from hoi_perception.instruments.instrument_map import SeesInstruments
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.interaction.calibration import FOLLOWED
from hoi_perception.types import Frame, Hand, Side, TrackState
from hoi_perception.visible_area import VisibleArea


class InstrumentPerception:
    """Models of instruments and what follows them; nothing that was seen. `right_forms` are both hands' as right ones.

    `find` says by what lost instruments are looked for (`Config.find_instruments`), `labels` name those of masks. What
    `sees` instruments counts with their colours, and finds them.
    Raises InstrumentError where an instrument's files are not what they should be.
    """

    def __init__(
        self,
        right_forms: dict[Side, HandModel],
        models: Mapping[Side, HandModel],
        fitting: FittingConfig,
        folders: Sequence[str],
        find: str = "masks",
        labels: Sequence[str] = (),
        sees: SeesInstruments | None = None,
    ) -> None:
        self._fitting = fitting
        forms, posture = HandForms(right_forms), AnglePrior.of(fitting)
        self._tracker = InstrumentTracker(Library.find(folders), forms, posture, sees=sees)
        self._labels = tuple(labels)
        starts = StartSettings(masks_only=find == "masks")
        self._starter = None if find == "no" else Starter(self._tracker, starts, sees)
        self._area: tuple[VisibleArea, Bool[NDArray[np.bool_], "h w"]] | None = None
        self._fiducials = FiducialReader()
        self._telling = InstrumentTelling(self._tracker, models)

    def load(self, name: str) -> None:
        """Make ready what is slow the first time: the distance field above all."""
        self._tracker.shapes.body(name)
        if self._starter is not None:
            self._starter.load(name)

    def model(self, name: str) -> InstrumentModel:
        """An instrument of the library. Raises UnknownInstrumentError where it has none of that name."""
        return self._tracker.shapes.model(name)

    def step(self, frame: Frame, hands: Sequence[Hand], wanted: Sequence[Wanted]) -> tuple[tuple[Wanted, ...], Told]:
        """The instruments of a frame, and its hands as they were solved with what they hold."""
        views = seen_hands(hands, frame.camera, self._fitting)
        masks = masks_of(frame.instrument_mask, frame.image_bgr.shape[:2], wanted, self._labels)
        maps = {number: map_of(mask) for number, mask in masks.of.items()}
        visible = self._visible(frame)
        bearers = [self._bearer(one) for one in wanted]
        marked = self._fiducials.read(frame.image_bgr, frame.camera, bearers)
        given = given_poses((*frame.poses, *marked.poses), {b.track_id: b.tree for b in bearers})
        seen = frame.image_bgr, frame.camera, frame.stamp_ns, views, visible, frame.further
        view = View(*seen, maps, given.of, frame.depth_m)
        after = watch(self._tracker, view, wanted, self._starter, masks.of)
        notes = (*masks.notes, *marked.notes, *given.notes, *contradictions(self._tracker, after, given.of))
        return after, replace(self._telling.tell(after, hands), notes=notes)

    def _bearer(self, one: Wanted) -> Bearer:
        """An instrument with the angles of its joints as far as they are known."""
        shapes = self._tracker.shapes
        bearer = Bearer.of(one.track_id, shapes.model(one.name), shapes.body(one.name).fields.tree)
        if one.track is None or one.state is TrackState.LOST:
            return bearer
        variances = np.diag(one.track.region.certainty.covariance)[6:] * FOLLOWED.angle.factor
        return bearer.following(one.track.state.angles[0], np.sqrt(variances))

    def _visible(self, frame: Frame) -> Bool[NDArray[np.bool_], "h w"] | None:
        """Pixels of the picture proper; kept as long as the border stays what it is."""
        if frame.visible is None:
            return None
        height, width = frame.image_bgr.shape[:2]
        if self._area is None or self._area[0] != frame.visible or self._area[1].shape != (height, width):
            x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
            inside = frame.visible.contains(np.column_stack([x.ravel(), y.ravel()]))
            self._area = frame.visible, inside.reshape(height, width)
        return self._area[1]
