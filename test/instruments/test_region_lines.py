"""Correspondence lines on drawn pictures: shifts that are known, hidden pixels, thin shafts, colours."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from hoi_perception.camera import camera_from_fov
from hoi_perception.instruments.colour import (
    AMPLITUDE,
    BINS,
    Colours,
    ProbabilityMap,
    bounded,
    no_cover,
    smoothed,
)
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.kinematics import InstrumentState, PosedLinks, pose_links
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, Primitive
from hoi_perception.instruments.occlusion import Occluder, hide
from hoi_perception.instruments.region_lines import Level, agreement, contour_lines, count_colours, shift_lines

CAMERA = camera_from_fov(320, 240, 55.0)
GREEN, STEEL = np.array([60, 140, 50]), np.array([170, 170, 175])
COARSE, FINE = Level(20.0, 0.15, 4.0), Level(5.0, 0.5, 1.0, whole=False, spacing_px=0.5, beyond_px=0.0)


def bar(width_m: float) -> ContourModel:
    """A flat bar of 100 mm along x."""
    mesh = trimesh.creation.box((0.1, width_m, 0.002))
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    solid = LinkMesh(vertices, faces, Primitive("box", (1.0, 1.0, 1.0)))
    return ContourModel.of(InstrumentModel(InstrumentDescription("bar", "plain"), (Link("base", (solid,)),), ()))


def posed(model: ContourModel, shift_px: tuple[float, float] = (0.0, 0.0)) -> PosedLinks:
    """Square to the camera at 0.3 m, moved in the image."""
    t = np.array([[*(0.3 * np.array(shift_px) / CAMERA.focal_px), 0.3]])
    return pose_links(model.tree, InstrumentState(np.eye(3)[None], t, np.zeros((1, 0))))


def picture(model: ContourModel, noise: float = 0.0) -> np.ndarray:
    """The bar of steel on a green cloth."""
    corners = model.placed(posed(model))
    front = corners[:, 2] < 0.3
    uv = corners[front, :2] / corners[front, 2:] * CAMERA.focal_px + CAMERA.K[:2, 2]
    (u0, v0), (u1, v1) = np.round(uv.min(axis=0)).astype(int), np.round(uv.max(axis=0)).astype(int)
    image = np.broadcast_to(GREEN, (240, 320, 3)).astype(np.float64)
    image[v0 : v1 + 1, u0 : u1 + 1] = STEEL
    image += noise * np.random.default_rng(0).normal(size=image.shape)
    return np.clip(image, 0.0, 255.0).astype(np.uint8)


def learned(model: ContourModel, image: np.ndarray) -> Colours:
    """Colours at the true pose."""
    lines = contour_lines(model, posed(model), CAMERA)
    colours = count_colours(lines, Colours.none().evidence(image, no_cover(image)))
    assert colours is not None
    return colours


@pytest.mark.parametrize("level", [COARSE, FINE], ids=["coarse", "fine"])
def test_lines_find_how_far_a_bar_is_off(level: Level) -> None:
    model = bar(0.03)
    image = picture(model, 6.0)
    evidence = learned(model, image).evidence(image, no_cover(image))
    lines = contour_lines(model, posed(model, (0.0, 3.0)), CAMERA)
    found = shift_lines(lines, evidence, level)
    down = lines.normals_px[:, 1]
    level_sides = np.abs(down) > 0.99
    assert level_sides.sum() > 50
    assert found.counts[level_sides].all()
    np.testing.assert_allclose(found.mean_px[level_sides], -3.0 * down[level_sides], atol=0.75)


def test_whole_profile_finds_a_thin_shaft_where_one_step_does_not() -> None:
    model = bar(0.004)
    image = picture(model, 6.0)
    evidence = learned(model, image).evidence(image, no_cover(image))
    lines = contour_lines(model, posed(model, (0.0, 14.0)), CAMERA)
    sides = np.abs(lines.normals_px[:, 1]) > 0.99
    error = {}
    for whole in (True, False):
        found = shift_lines(lines, evidence, Level(20.0, 0.5, 1.0, whole=whole))
        error[whole] = np.abs(found.mean_px + 14.0 * lines.normals_px[:, 1])[sides]
    assert np.median(error[True]) < 1.0
    assert np.mean(error[False]) > 4.0


def test_hidden_lines_do_not_count() -> None:
    model = bar(0.03)
    image = picture(model)
    cover = no_cover(image)
    cover[:, 160:] = 0.29
    lines = contour_lines(model, posed(model), CAMERA)
    found = shift_lines(lines, learned(model, image).evidence(image, cover), FINE)
    right = lines.places_px[:, 0] > 170.0
    left = lines.places_px[:, 0] < 150.0
    assert right.sum() > 20
    assert left.sum() > 20
    assert not found.counts[right].any()
    assert found.counts[left].all()


def test_lines_of_which_one_side_is_hidden_do_not_count_where_both_have_to_be_seen() -> None:
    model = bar(0.03)
    image = picture(model)
    lines = contour_lines(model, posed(model), CAMERA)
    upper, lower = lines.normals_px[:, 1] < -0.9, lines.normals_px[:, 1] > 0.9
    cover = no_cover(image)
    cover[: int(lines.places_px[upper, 1].max()) - 1] = 0.0
    evidence = learned(model, image).evidence(image, cover)
    anyhow = shift_lines(lines, evidence, Level(4.0, 1.0, 0.0, spacing_px=0.5))
    assert anyhow.counts[upper].all()
    assert anyhow.mean_px[upper].mean() > anyhow.mean_px[lower].mean() + 0.3  # drawn to what is hidden
    clear = shift_lines(lines, evidence, Level(4.0, 1.0, 0.0, spacing_px=0.5, clear_px=3.0))
    assert not clear.counts[upper].any()
    assert clear.counts[lower].all()


def test_one_colour_tells_nothing() -> None:
    model = bar(0.03)
    image = np.full((240, 320, 3), 128, dtype=np.uint8)
    lines = contour_lines(model, posed(model), CAMERA)
    found = shift_lines(lines, learned(model, image).evidence(image, no_cover(image)), COARSE)
    assert not found.counts.any()


def test_probability_map_says_what_it_holds() -> None:
    model = bar(0.03)
    image = picture(model)
    inside = (np.abs(image.astype(int) - STEEL).sum(axis=2) < 5).astype(np.float32)
    lines = contour_lines(model, posed(model), CAMERA)
    evidence = ProbabilityMap(inside).evidence(image, no_cover(image))
    found = agreement(lines, evidence)
    assert found.inside == pytest.approx(1.0, abs=1e-5)
    assert found.outside == pytest.approx(1.0, abs=1e-5)
    assert found.seen == 1.0
    with pytest.raises(ValueError, match="same size"):
        ProbabilityMap(inside[:100]).evidence(image, no_cover(image))


def test_agreement_tells_a_wrong_place() -> None:
    model = bar(0.01)
    image = picture(model)
    evidence = learned(model, image).evidence(image, no_cover(image))
    right = agreement(contour_lines(model, posed(model), CAMERA), evidence)
    wrong = agreement(contour_lines(model, posed(model, (0.0, 40.0)), CAMERA), evidence)
    assert right.both > 0.9
    assert wrong.both < -0.9


def test_likelihoods_are_bounded() -> None:
    most = np.log((0.5 + AMPLITUDE) / (0.5 - AMPLITUDE))
    np.testing.assert_allclose(bounded(np.array([0.0, 0.5, 1.0], dtype=np.float32)), [-most, 0.0, most], rtol=1e-5)


def test_smoothing_spreads_one_bin_over_its_neighbours() -> None:
    histogram = np.zeros((BINS, BINS, BINS), dtype=np.float32)
    histogram[10, 20, 5] = 64.0
    blurred = smoothed(histogram)
    assert blurred[10, 20, 5] == 8.0
    assert blurred[11, 20, 5] == blurred[10, 19, 5] == blurred[10, 20, 6] == 4.0
    assert blurred[11, 21, 6] == 1.0
    assert blurred.sum() == 64.0


def test_colours_count_each_side_alone() -> None:
    shares = learned(bar(0.03), picture(bar(0.03))).shares
    steel, green = tuple(STEEL // (256 // BINS)), tuple(GREEN // (256 // BINS))
    assert shares[0][steel] == 1.0
    assert shares[1][green] == 1.0


def test_places_move_with_the_links() -> None:
    model = bar(0.03)
    lines = contour_lines(model, posed(model), CAMERA)
    moved = lines.moved(posed(model, (5.0, -3.0)), CAMERA)
    np.testing.assert_allclose(moved.places_px - lines.places_px, [[5.0, -3.0]] * len(lines), atol=0.1)
    np.testing.assert_allclose(moved.normals_px, lines.normals_px, atol=1e-6)


def test_occluder_hides_what_it_covers_and_its_margin() -> None:
    corners = np.array([[-0.02, -0.01, 0.3], [0.02, -0.01, 0.3], [0.02, 0.02, 0.3], [-0.02, 0.02, 0.3]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    cover = np.full((240, 320), np.inf, dtype=np.float32)
    hide(cover, Occluder(corners, faces, margin_px=2.0), CAMERA)
    uv = corners[:, :2] / 0.3 * CAMERA.focal_px + CAMERA.K[:2, 2]
    rows, columns = np.nonzero(np.isfinite(cover))
    expected = [*(uv.min(axis=0) - 2.0), *(uv.max(axis=0) + 2.0)]
    np.testing.assert_allclose([columns.min(), rows.min(), columns.max(), rows.max()], expected, atol=1.0)
    np.testing.assert_allclose(cover[rows, columns], 0.3, rtol=1e-6)
    hide(cover, Occluder(corners, faces, always=True), CAMERA)
    assert (cover[rows, columns] == 0.0).all()


def test_what_is_behind_hides_nothing() -> None:
    model = bar(0.03)
    image = picture(model)
    lines = contour_lines(model, posed(model), CAMERA)
    colours = learned(model, image)
    free = shift_lines(lines, colours.evidence(image, no_cover(image)), COARSE)
    behind = shift_lines(lines, colours.evidence(image, np.full((240, 320), 0.32, dtype=np.float32)), COARSE)
    np.testing.assert_array_equal(behind.mean_px, free.mean_px)


def test_cover_and_image_that_do_not_fit_are_refused() -> None:
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="same size"):
        Colours.none().evidence(image, np.full((240, 319), np.inf, dtype=np.float32))
    with pytest.raises(ValueError, match="8-bit colours"):
        Colours.none().evidence(image[..., :2], no_cover(image))


def test_lines_behind_the_camera_or_outside_the_image_tell_nothing() -> None:
    model = bar(0.03)
    image = picture(model)
    assert len(contour_lines(model, posed(model, (5000.0, 0.0)), CAMERA)) == 0
    lines = contour_lines(model, posed(model), CAMERA).moved(posed(model, (5000.0, 0.0)), CAMERA)
    found = shift_lines(lines, learned(model, image).evidence(image, no_cover(image)), COARSE)
    assert not found.counts.any()
    assert np.isfinite(found.mean_px).all()
    assert agreement(lines, learned(model, image).evidence(image, no_cover(image))).both == 0.0
