"""TF names that stay with what they name."""

from __future__ import annotations

from example_scenes import example_hand, example_instrument, example_scene

from hoi_perception.ros.frame_names import FrameNames, hand_tip_frame, instrument_tip_frame
from hoi_perception.types import Scene, Side, TrackState


def left_hands(*track_ids: int) -> Scene:
    return example_scene(*(example_hand(Side.LEFT, track_id) for track_id in track_ids))


def names_after(*scenes: Scene) -> list[dict[int, str]]:
    """Names of the hands after each scene."""
    names, told = FrameNames(), []
    for scene in scenes:
        names = names.after(scene)
        told.append({track_id: names.hand(track_id) for track_id in sorted(names.hands)})
    return told


def test_a_number_stays_when_the_first_of_its_kind_goes() -> None:
    assert names_after(left_hands(1, 5), left_hands(5), left_hands(5, 9)) == [
        {1: "hand_left", 5: "hand_left_2"},
        {5: "hand_left_2"},
        {5: "hand_left_2", 9: "hand_left"},
    ]


def test_the_order_of_a_scene_does_not_matter() -> None:
    assert names_after(left_hands(5, 1), left_hands(1, 5)) == [{1: "hand_left", 5: "hand_left_2"}] * 2


def test_an_only_hand_is_never_numbered_whatever_its_track() -> None:
    assert names_after(left_hands(1), left_hands(), left_hands(8)) == [{1: "hand_left"}, {}, {8: "hand_left"}]


def test_hands_that_change_their_sides_change_their_names() -> None:
    before = example_scene(example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 2))
    after = example_scene(example_hand(Side.RIGHT, 1), example_hand(Side.LEFT, 2))
    assert names_after(before, after) == [{1: "hand_left", 2: "hand_right"}, {1: "hand_right", 2: "hand_left"}]


def test_the_newcomer_on_a_side_gets_the_number() -> None:
    before = example_scene(example_hand(Side.LEFT, 1), example_hand(Side.RIGHT, 7))
    assert names_after(before, left_hands(1, 7))[1] == {1: "hand_left", 7: "hand_left_2"}


def test_what_is_lost_has_no_name() -> None:
    assert names_after(example_scene(example_hand(state=TrackState.LOST))) == [{}]


def test_instruments() -> None:
    scene = example_scene(
        instruments=(
            example_instrument("scalpel_10", 1),
            example_instrument("scalpel_10", 2),
            example_instrument("needle-holder", 3),
        )
    )
    names = FrameNames().after(scene)
    assert [names.instrument(i) for i in (1, 2, 3)] == [
        "instrument_scalpel_10",
        "instrument_scalpel_10_2",
        "instrument_needle_holder",
    ]
    assert names.instrument_label(2) == "scalpel_10_2"


def test_no_two_instruments_share_a_name() -> None:
    """The second "clip" would be called like the first "clip_2"."""
    tools = (example_instrument("clip", 1), example_instrument("clip_2", 2), example_instrument("clip", 3))
    names = FrameNames().after(example_scene(instruments=tools))
    assert [names.instrument(i) for i in (1, 2, 3)] == ["instrument_clip", "instrument_clip_2", "instrument_clip_3"]


def test_tips() -> None:
    assert [hand_tip_frame("hand_left", i) for i in (0, 4)] == ["hand_left_thumb_tip", "hand_left_pinky_tip"]
    assert instrument_tip_frame("instrument_forceps", "left tip") == "instrument_forceps_left_tip"
