"""Settings by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hoi_perception.config import Config, DetectionConfig, NodeConfig, Range
from hoi_perception.settings import (
    SettingsError,
    check_settings,
    fixed_changes,
    from_values,
    nested_values,
    settings_of,
    values_of,
)


def test_every_setting_says_what_it_is_and_has_an_allowed_default() -> None:
    for name, setting in settings_of(NodeConfig).items():
        assert setting.description.endswith("."), name
        assert setting.kind in (bool, int, float, str), name
        assert setting.checked(setting.default) == setting.default
        assert setting.kind in (bool, str) or setting.range is not None, f"{name} has no range"
    check_settings(Config())


def test_a_setting_is_what_its_field_says() -> None:
    hands = settings_of(NodeConfig)["detection.max_hands"]
    assert (hands.kind, hands.default, hands.range, hands.when) == (int, 2, Range(1, 8), "tunable")
    assert hands.description == "Hands tracked at most."
    assert settings_of(NodeConfig)["image_transport"].choices == ("raw", "compressed")
    assert settings_of(NodeConfig)["detection.threads"].when == "at_configure"
    assert settings_of(NodeConfig)["device"].when == "at_start"


def test_a_node_does_not_measure_what_a_run_measures() -> None:
    assert (settings_of(Config)["measure_heldout"].default, settings_of(NodeConfig)["measure_heldout"].default) == (
        True,
        False,
    )


def test_values_go_there_and_back() -> None:
    config = NodeConfig(detection=replace(DetectionConfig(), max_hands=4), fov_deg=60.0, frame_prefix="a_")
    assert from_values(NodeConfig, values_of(config)) == config
    assert from_values(NodeConfig, {"fov_deg": 60}).fov_deg == 60.0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"detection.max_hand": 1}, "no setting 'detection.max_hand': is it detection.max_hands"),
        ({"threads": 1}, "no setting 'threads': is it detection.threads?"),
        ({"detection": 1}, "'detection' is a group of settings: give names and values below it"),
        ({"zzz": 1}, "there are hand_model, "),
        ({"detection.max_hands": 9}, "detection.max_hands is 9: give 1 to 8"),
        ({"detection.max_hands": 2.0}, "detection.max_hands is 2.0: give a value of type int"),
        ({"detection.max_hands": True}, "give a value of type int"),
        ({"fov_deg": float("nan")}, "fov_deg is nan: give 0 to 179"),
        ({"rectified": 1}, "rectified is 1: give a value of type bool"),
        ({"image_transport": "theora"}, "image_transport is 'theora': give one of raw, compressed"),
    ],
)
def test_what_is_refused(given: dict[str, object], text: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_values(NodeConfig, given)
    assert text in str(error.value)


def test_a_value_that_came_past_the_names_is_refused_too() -> None:
    with pytest.raises(SettingsError, match=r"detection.max_hands is 0: give 1 to 8"):
        check_settings(Config(detection=replace(DetectionConfig(), max_hands=0)))


def test_nested_and_dotted_names_are_the_same() -> None:
    assert nested_values({"a": {"b": 1, "c": {"d": 2}}, "a.e": 3}) == {"a.b": 1, "a.c.d": 2, "a.e": 3}


def test_which_changes_need_a_new_configure() -> None:
    before = NodeConfig()
    after = replace(before, rectified=True, detection=replace(before.detection, threads=3, max_hands=3))
    assert fixed_changes(before, after) == ["detection.threads"]


def test_what_the_classes_say_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = settings_of(NodeConfig)
    settings_of(Config)
    monkeypatch.setattr("hoi_perception.settings._descriptions", lambda *_: pytest.fail("the source was read again"))
    check_settings(NodeConfig())
    assert settings_of(NodeConfig) is known
    with pytest.raises(TypeError):
        known["fov_deg"] = known["rectified"]  # type: ignore[index]
