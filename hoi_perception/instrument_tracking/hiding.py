"""What hands and other instruments hide of an instrument in the images of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hoi_perception.instrument_tracking.further_views import further_pictures
from hoi_perception.instrument_tracking.hand_view import HandForms
from hoi_perception.instrument_tracking.tracks import Grip
from hoi_perception.instrument_tracking.view import View
from hoi_perception.instruments.colour import Cover, no_cover
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.occlusion import Occluder, Shade, shade
from hoi_perception.interaction.region_eye import Picture


def hand_shades(forms: HandForms, view: View, always: bool) -> dict[int, Shade | None]:
    """What each hand hides where it was seen, by its track; `always` whether it may seem to be behind or not."""
    faces = {hand.track_id: forms.body(hand.side).faces for hand in view.hands}
    return {h.track_id: shade(Occluder(h.vertices, faces[h.track_id], always=always), view.camera) for h in view.hands}


def hidden_by_hands(
    forms: HandForms, view: View, shades: Mapping[int, Shade | None], grip: Grip | None, expected: InstrumentState
) -> Cover:
    """What the hands hide. The one that holds the instrument goes where its motion takes it with the instrument."""
    cover = no_cover(view.image, view.visible)
    for hand in view.hands:
        hidden = shades[hand.track_id]
        if grip is not None and hand.track_id == grip.hand:
            last = grip.instrument
            held = (grip.solver.vertices(grip.fit.state) - last.t[0]) @ last.R[0]
            moved = held @ expected.R[0].T + expected.t[0]
            hidden = shade(Occluder(moved, forms.body(hand.side).faces), view.camera)
        if hidden is not None:
            hidden.lay_on(cover)
    return cover


def hidden_elsewhere(forms: HandForms, view: View, others: Sequence[Occluder]) -> tuple[Picture, ...]:
    """What further cameras see, and what hands and other instruments hide there."""
    if not view.further:
        return ()
    hands = [Occluder(hand.vertices, forms.body(hand.side).faces) for hand in view.hands]
    return tuple(further_pictures(view.further, [*hands, *others]))
