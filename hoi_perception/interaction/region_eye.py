"""One camera of several that an instrument is followed by, and what its images say of the instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hoi_perception.instruments.colour import Colours, Cover, Image, Provider
from hoi_perception.instruments.contour import ContourReader
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, PosedLinks, pose_links
from hoi_perception.instruments.region_lines import (
    NOTHING_COUNTED,
    ContourLines,
    LineReader,
    Tally,
    contour_reader,
    count_colours,
    lines_along,
    tally,
)
from hoi_perception.interaction.terms.region import RegionSettings, RegionTerm, posed_links
from hoi_perception.types import Camera, PlacedCamera


@dataclass(frozen=True, eq=False)
class Picture:
    """An image of a further camera, and what hides the scene in it."""

    image: Image
    cover: Cover


@dataclass(frozen=True, eq=False)
class Shown:
    """What the image of one camera says of an instrument: lines where it is, and pixels as `kernels.region.Evidence`;
    None where there is nothing."""

    lines: ContourLines | None
    evidence: Any

    @property
    def tally(self) -> Tally:
        """How well it agrees."""
        return NOTHING_COUNTED if self.lines is None else tally(self.lines, self.evidence)

    @property
    def colours(self) -> Colours | None:
        """Colours on both sides of the lines; None where a side shows nothing."""
        return None if self.lines is None or len(self.lines) == 0 else count_colours(self.lines, self.evidence)


@dataclass(frozen=True, eq=False)
class Eye:
    """A camera, the first one or a further one that is `placed`; states are in the frame of the first one."""

    model: ContourModel
    settings: RegionSettings
    camera: Camera
    placed: PlacedCamera | None = None
    reader: LineReader = field(init=False)
    contours: ContourReader = field(init=False)

    def __post_init__(self) -> None:
        own = self.settings
        object.__setattr__(self, "reader", LineReader(own.n_lines))
        object.__setattr__(self, "contours", contour_reader(self.model, self.camera, own.n_lines, own.rare))

    def shown(self, state: InstrumentState, evidence: Any) -> Shown:
        """What it shows of an instrument at a pose."""
        if evidence is None:
            return Shown(None, None)
        return Shown(lines_along(self.contours.read(self._links(state))), evidence)

    def term(self, evidence: Any) -> RegionTerm:
        """Its part in a solve."""
        return RegionTerm(0, self.model, self.camera, evidence, self.settings, self.reader, self.placed, self.contours)

    def after(self, term: RegionTerm | None, state: InstrumentState) -> Shown:
        """What it shows along the lines of a solve, where the instrument is after it."""
        if term is None or term.lines is None:
            return Shown(None, None if term is None else term.evidence)
        return Shown(term.lines.moved(self._links(state), self.camera), term.evidence)

    def _links(self, state: InstrumentState) -> PosedLinks:
        """Links in its own frame."""
        posed = pose_links(self.model.tree, state)
        if self.placed is None:
            return posed
        return posed_links(self.placed.R_own_first @ posed.R[0], self.placed.seen(posed.t[0]))


def evidence_of(
    colours: Sequence[Provider | None], image: Image, cover: Cover, further: Sequence[Picture | None]
) -> list[Any]:
    """What the pixels of all images say by the colours of each; None of one that is missing or has none."""
    pairs = zip(colours, [Picture(image, cover), *further], strict=False)
    return [None if p is None or own is None else own.evidence(p.image, p.cover) for own, p in pairs]
