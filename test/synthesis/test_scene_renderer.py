"""Pictures of scenes: the truth that comes with them is that of the geometry, looks change colours alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scene_examples import CLEAN, HEIGHT_M, mean_colour, open_hand, scene, with_dress

from hoi_perception.camera import project
from hoi_perception.synthesis.limb import worn
from hoi_perception.synthesis.look import Cover, Dress, MetalLook, Part
from hoi_perception.synthesis.scene import Pose, Scene, SceneInstrument
from hoi_perception.synthesis.scene_renderer import SceneRenderer
from hoi_perception.synthesis.stage import pixel_rays
from hoi_perception.types import Distortion, Side
from hoi_perception.visible_area import VisibleDisc

_LINEAR = np.linspace(0.0, 0.6, 200)
_LEVELS = np.where(_LINEAR < 0.0031308, 12.92 * _LINEAR, 1.055 * _LINEAR ** (1.0 / 2.4) - 0.055)
LYING = Pose(np.diag([1.0, -1.0, -1.0]), np.array([0.0, -0.06, HEIGHT_M - 0.02]))


def linear(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Light of the green channel over white, below the curve's shoulder."""
    return np.asarray(np.interp(image[:, :, 1] / 255.0, _LEVELS, _LINEAR))


@pytest.fixture(scope="module")
def renderer() -> SceneRenderer:
    return SceneRenderer()


def test_depth_of_the_ground_is_that_of_its_plane(renderer: SceneRenderer) -> None:
    shown = renderer.render(scene(open_hand()))
    ground = shown.parts == Part.GROUND
    assert np.abs(shown.depth_m[ground] - HEIGHT_M).max() < 1e-5


def test_depth_of_a_flat_back_lies_between_camera_and_wrist(renderer: SceneRenderer) -> None:
    hand = open_hand()
    shown = renderer.render(scene(hand))
    own = shown.parts == Part.RIGHT_HAND
    posed = worn(hand).hand.with_pose_at_wrist(hand.parameters.pose, hand.parameters.wrist_camera)
    assert own.sum() > 300
    assert shown.depth_m[own].min() >= posed.vertices[:, 2].min() - 1e-5
    assert shown.depth_m[own].max() <= posed.vertices[:, 2].max() + 1e-5


def test_masks_name_sides_and_instances_in_order(renderer: SceneRenderer) -> None:
    right, left = open_hand(Side.RIGHT, (0.08, 0.06, 0.4)), open_hand(Side.LEFT, (-0.08, -0.06, 0.4))
    shown = renderer.render(scene(left, right, instruments=(SceneInstrument("bone_curette", LYING),)))
    assert set(np.unique(shown.instances[shown.parts == Part.LEFT_HAND])) == {1}
    assert set(np.unique(shown.instances[shown.parts == Part.RIGHT_HAND])) == {2}
    assert set(np.unique(shown.instances[shown.parts >= Part.HANDLE])) == {3}
    assert (shown.instances[shown.parts == Part.GROUND] == 0).all()


def test_working_part_surrounds_the_tip(renderer: SceneRenderer) -> None:
    tool = SceneInstrument("bone_curette", LYING)
    shown = renderer.render(scene(instruments=(tool,), width=320))
    tip = project(LYING.of(np.array([0.168, 0.0, 0.0])), shown.scene.camera)
    rows, columns = np.nonzero(shown.parts == Part.WORKING_PART)
    assert np.hypot(columns - tip[0], rows - tip[1]).min() < 2.0
    assert columns.min() > np.nonzero(shown.parts == Part.HANDLE)[1].mean()


def test_joints_are_those_of_the_hand_and_seen_where_nothing_hides_them(renderer: SceneRenderer) -> None:
    hand = open_hand()
    shown = renderer.render(scene(hand))
    posed = worn(hand).hand.with_pose_at_wrist(hand.parameters.pose, hand.parameters.wrist_camera)
    assert np.allclose(shown.joints_camera[0], posed.joints21())
    assert shown.visible[0].all()


def test_a_hand_in_front_hides_the_joints_behind_it(renderer: SceneRenderer) -> None:
    behind, front = open_hand(Side.RIGHT, (0.05, 0.0, 0.4)), open_hand(Side.RIGHT, (0.04, 0.0, 0.3))
    shown = renderer.render(scene(behind, front))
    assert shown.visible[1].all()
    assert shown.visible[0].sum() <= 6


def test_joints_outside_the_picture_or_its_disc_are_not_visible(renderer: SceneRenderer) -> None:
    base = scene(open_hand(wrist=(0.36, 0.0, 0.4)))
    outside = renderer.render(base)
    beyond = outside.joints_px[0, :, 0] > 160
    assert beyond.any() and not outside.visible[0, beyond].any()
    small = scene(open_hand())
    disc = small.with_look(replace(small.look, sensor=replace(CLEAN, disc=0.2)))
    shown = renderer.render(disc)
    off = np.linalg.norm(shown.joints_px[0] - small.camera.K[:2, 2], axis=1) > 0.5 * 0.2 * 120
    assert off.any() and not shown.visible[0, off].any()
    assert (shown.image_bgr[0, 0] == 0).all()


def test_same_scene_same_bytes_and_another_look_leaves_the_truth_alone(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    noisy = base.with_look(replace(base.look, sensor=replace(CLEAN, read=0.01, seed=3)))
    first, again, clean = (SceneRenderer().render(s) for s in (noisy, noisy, base))
    assert np.array_equal(first.image_bgr, again.image_bgr)
    assert not np.array_equal(first.image_bgr, clean.image_bgr)
    assert np.array_equal(first.parts, clean.parts) and np.array_equal(first.depth_m, clean.depth_m)


@pytest.mark.parametrize(("cover", "channel"), [(Cover.BLUE, 0), (Cover.GREEN, 1), (Cover.BARE, 2), (Cover.YELLOW, 2)])
def test_gloves_have_their_colour(renderer: SceneRenderer, cover: Cover, channel: int) -> None:
    shown = renderer.render(with_dress(scene(open_hand()), Dress(cover=cover, sleeve=None)))
    colour = mean_colour(shown.image_bgr, shown.parts == Part.RIGHT_HAND)
    assert int(colour.argmax()) == channel


def test_a_darker_tone_is_darker_and_blood_is_red(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    levels, reds = [], []
    for dress in (Dress(tone=0.0), Dress(tone=1.0), Dress(cover=Cover.WHITE), Dress(cover=Cover.WHITE, blood=1.0)):
        shown = renderer.render(with_dress(base, dress))
        colour = mean_colour(shown.image_bgr, shown.parts == Part.RIGHT_HAND)
        levels.append(colour.mean())
        reds.append(colour[2] / colour.mean())
    assert levels[1] < 0.7 * levels[0]
    assert reds[3] > reds[2] + 0.05


def test_what_stands_in_the_lamp_shades_the_ground(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    light = replace(base.look.light, azimuth=np.pi / 2.0, elevation=1.0, radius=0.02)
    shown = renderer.render(base.with_look(replace(base.look, light=light)))
    ground = (shown.parts == Part.GROUND) & (np.arange(160)[None] < 80)
    grey = shown.image_bgr.mean(axis=2)
    assert grey[ground].min() < 0.6 * np.median(grey[ground])


def test_motion_smears_along_itself_alone(renderer: SceneRenderer) -> None:
    tool = SceneInstrument("bone_curette", LYING)
    turned = replace(tool, pose=Pose(LYING.R, LYING.t - np.array([0.0, 0.03, 0.0])))
    base = scene(instruments=(tool,))
    still, moved = renderer.render(base), renderer.render(base, replace(base, instruments=(turned,)))
    change = np.abs(still.image_bgr.astype(int) - moved.image_bgr).sum(axis=2) > 12
    rows = np.nonzero(change.any(axis=1))[0]
    body = np.nonzero((still.parts > 0).any(axis=1))[0]
    assert rows.min() < body.min() and rows.max() > body.max()
    assert np.array_equal(still.parts, moved.parts)


def test_distorted_lens_shows_points_where_it_projects_them(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    lens = replace(base.camera, distortion=Distortion.PLUMB_BOB, D=np.array([-0.3, 0.05, 0.0, 0.0, 0.0]))
    bent = Scene(lens, base.table, base.hands, (), base.look)
    shown = renderer.render(bent)
    px = project(shown.joints_camera[0], lens)
    assert np.allclose(px, shown.joints_px[0])
    assert shown.visible[0].all()
    assert np.abs(shown.depth_m[shown.parts == Part.GROUND] - HEIGHT_M).max() < 1e-4


def test_rough_metal_mirrors_less_sharply(renderer: SceneRenderer) -> None:
    base = scene(instruments=(SceneInstrument("kelly_haemostat", LYING, np.array([0.1])),), width=320)
    spread = []
    for roughness in (0.0, 0.8):
        shown = renderer.render(base.with_look(replace(base.look, metal=MetalLook(roughness=roughness, wear=0.0))))
        spread.append(shown.image_bgr[shown.parts >= Part.HANDLE].std())
    assert spread[1] < spread[0]


def test_a_frame_tells_the_disc_in_which_the_picture_shows_something(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    shown = renderer.render(base.with_look(replace(base.look, sensor=replace(CLEAN, disc=0.7))))
    area = shown.frame().visible
    assert area is not None
    rows, columns = np.nonzero(shown.image_bgr.max(axis=2) > 50)
    assert isinstance(area, VisibleDisc)
    assert np.hypot(columns - area.center_px[0], rows - area.center_px[1]).max() < area.radius_px + 1.5
    assert len(rows) == pytest.approx(np.pi * (0.5 * 0.7 * 120) ** 2, rel=0.06)
    assert renderer.render(base).frame().visible is None


def test_rays_of_a_distorting_lens_project_to_their_pixels() -> None:
    lens = replace(
        scene(open_hand(), width=640).camera, distortion=Distortion.PLUMB_BOB, D=np.array([-0.3, 0.06, 0.001, 0.0, 0.0])
    )
    y, x = np.mgrid[: lens.height, : lens.width]
    px = project(pixel_rays(lens).astype(np.float64), lens)
    assert np.abs(px - np.stack([x, y], axis=-1)).max() < 0.15


def test_automatic_exposure_makes_up_for_brighter_light(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    light = base.look.light
    bright = replace(light, power=3.0 * light.power, ambient=3.0 * light.ambient)
    dim, lit = (renderer.render(base.with_look(replace(base.look, light=one))).image_bgr for one in (light, bright))
    assert np.abs(dim.astype(int) - lit).mean() < 6.0


def test_photon_noise_grows_with_light_and_reading_noise_does_not(renderer: SceneRenderer) -> None:
    base = scene(open_hand())
    level = linear(renderer.render(base).image_bgr)
    dark, light = level < np.quantile(level, 0.15), (level > np.quantile(level, 0.6)) & (level < 0.5)
    steps = {}
    for kind, amount in (("shot", 0.002), ("read", 0.01)):
        shown = [
            renderer.render(
                base.with_look(replace(base.look, sensor=replace(CLEAN, seed=seed, **{kind: amount})))
            ).image_bgr
            for seed in (1, 2)
        ]
        change = linear(shown[0]) - linear(shown[1])
        steps[kind] = change[light].std() / change[dark].std()
    assert steps["shot"] == pytest.approx(float(np.sqrt(level[light].mean() / level[dark].mean())), rel=0.15)
    assert steps["read"] == pytest.approx(1.0, abs=0.25)


def test_an_empty_scene_is_refused(renderer: SceneRenderer) -> None:
    with pytest.raises(ValueError, match="hand or an instrument"):
        renderer.render(scene())
