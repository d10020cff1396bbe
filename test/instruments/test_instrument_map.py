"""What a network sees of instruments on its coarse grid, in pixels of the image and beside colours."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from hoi_perception.camera import camera_from_fov
from hoi_perception.instruments.colour import MOST, Colours, Grid, WithGrid, no_cover
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.instrument_map import Image, InstrumentMap, MapSettings, Window, pieced_together
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, Primitive
from hoi_perception.instruments.region_lines import Level, agreement, contour_lines, shift_lines

CAMERA = camera_from_fov(320, 240, 55.0)


def test_a_grid_is_linear_between_its_cells_and_says_nothing_beside_them() -> None:
    """Cell (0, 0) is at pixel (10, 20), the next ones are 10 px away."""
    grid = Grid(np.array([[0.0, 1.0], [2.0, 5.0]], dtype=np.float32), 0.1, (-1.0, -2.0))
    px = np.array([[10, 20], [20, 20], [15, 25], [20, 27], [5.1, 20], [25, 34], [4, 20], [26, 20], [10, 14], [10, 36]])
    expected = [0.0, 1.0, 2.0, 3.8, 0.0, 5.0, np.nan, np.nan, np.nan, np.nan]
    np.testing.assert_allclose(grid.at(px.astype(np.float64)), expected, atol=1e-6)


def test_probabilities_are_weighed_against_the_one_that_says_nothing() -> None:
    odds = np.array([[0.25, 0.25 * np.e, 0.25 / np.e], [0.0, 1e9, 0.25]], dtype=np.float32)
    probability = (odds / (1.0 + odds)).astype(np.float32)
    grid = InstrumentMap(probability, 1.0, (0.0, 0.0)).grid(MapSettings(weight=0.5, even=0.2, most=1.2))
    np.testing.assert_allclose(grid.said, [[0.0, 0.5, -0.5], [-1.2, 1.2, 0.0]], atol=1e-5)


def test_a_map_of_a_window_is_drawn_where_the_window_is() -> None:
    """Four cells of 8 px over columns 16 to 48 and rows 8 to 24."""
    seen = InstrumentMap(np.array([[0, 0, 1, 0], [0, 0, 0, 0]], dtype=np.float32), 0.125, (-2.4375, -1.4375))
    drawn = seen.drawn((64, 32), (slice(0, 32), slice(0, 64)))
    known = np.isfinite(drawn)
    assert known[8:24, 16:48].all() and known.sum() == 16 * 32
    y, x = np.nonzero(drawn > 0.8)
    assert (x.mean(), y.max()) == (35.5, 12)
    halved = seen.drawn((16, 8), (slice(8, 24), slice(16, 48)))
    np.testing.assert_allclose(halved, drawn[8:24, 16:48].reshape(8, 2, 16, 2).mean(axis=(1, 3)), atol=0.02)


class SeesBrightness:
    """Takes brightness for probability, cell by cell; `windows` are those it looked at."""

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def instruments(self, image_bgr: Image, window: Window | None = None) -> InstrumentMap:
        rows, columns = window or (slice(0, image_bgr.shape[0]), slice(0, image_bgr.shape[1]))
        self.windows.append((rows, columns))
        part = image_bgr[rows, columns, 0].astype(np.float32) / 255.0
        cells = part.reshape(part.shape[0] // 2, 2, part.shape[1] // 2, 2).mean(axis=(1, 3))
        return InstrumentMap(cells, 0.5, (-0.5 * columns.start - 0.25, -0.5 * rows.start - 0.25))


def test_windows_are_pieced_together_to_the_whole() -> None:
    image = np.zeros((80, 120, 3), dtype=np.uint8)
    image[20:60, 30:110] = 255
    sees = SeesBrightness()
    whole = pieced_together(sees, image, (60, 40))
    np.testing.assert_allclose(whole, image[::2, ::2, 0] / 255.0, atol=1e-6)
    assert {(r.stop - r.start, c.stop - c.start) for r, c in sees.windows} == {(40, 60)} and len(sees.windows) == 9


def bar(width_m: float) -> ContourModel:
    """A flat bar of 100 mm along x."""
    mesh = trimesh.creation.box((0.1, width_m, 0.002))
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    solid = LinkMesh(vertices, faces, Primitive("box", (1.0, 1.0, 1.0)))
    return ContourModel.of(InstrumentModel(InstrumentDescription("bar", "plain"), (Link("base", (solid,)),), ()))


def of_bar(down_px: float) -> Grid:
    """A grid of 8 px that shows the bar of 30 mm so far down the middle of a picture that is grey all over."""
    half = 0.5 * 0.03 / 0.299 * CAMERA.focal_px
    y = 8.0 * np.arange(30) + 3.5 - CAMERA.K[1, 2] - down_px
    inside = np.clip(0.5 + (half - np.abs(y)) / 8.0, 0.0, 1.0)
    said = np.broadcast_to((4.0 * inside - 2.0)[:, None], (30, 40)).astype(np.float32)
    return Grid(said, 0.125, (-0.4375, -0.4375))


@pytest.mark.parametrize("down_px", [0.0, 6.0])
def test_far_lines_find_by_a_grid_what_has_no_colour_and_near_ones_leave_it_alone(down_px: float) -> None:
    model = bar(0.03)
    links = pose_links(
        model.tree, InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, 0.3]]), np.zeros((1, model.tree.n_joints)))
    )
    image = np.full((240, 320, 3), 100, dtype=np.uint8)
    evidence = WithGrid(Colours.none(), of_bar(down_px)).evidence(image, no_cover(image))
    lines = contour_lines(model, links, CAMERA)
    sides = np.abs(lines.normals_px[:, 1]) > 0.99
    far = shift_lines(lines, evidence, Level(20.0, 0.15, 4.0))
    expected = down_px * lines.normals_px[sides, 1]
    np.testing.assert_allclose(far.mean_px[sides], expected, atol=1.0)
    near = shift_lines(lines, evidence, Level(7.0, 0.15, 4.0))
    assert not near.counts.any() and np.abs(near.mean_px).max() < 1e-3
    assert agreement(lines, evidence).both == pytest.approx(0.0, abs=1e-6), "colours alone agree or not"


def test_colours_and_grid_together_say_no_more_than_colours_may() -> None:
    """A line all of which both call instrument is as sure as by sure colours alone."""
    model = bar(0.03)
    links = pose_links(
        model.tree, InstrumentState(np.eye(3)[None], np.array([[0.0, 0.0, 0.3]]), np.zeros((1, model.tree.n_joints)))
    )
    image = np.full((240, 320, 3), 100, dtype=np.uint8)
    image[100:141] = (200, 40, 40)
    shares = np.zeros((2, 32, 32, 32), dtype=np.float32)
    shares[0, 25, 5, 5] = shares[1, 12, 12, 12] = 1.0
    colours, cover = Colours(shares), no_cover(image)
    half = 4.0 * np.ones((30, 40), dtype=np.float32)
    rows = 8.0 * np.arange(30) + 3.5
    half[(rows < 100) | (rows > 140)] *= -1.0
    half[(np.abs(rows - 100) < 8) | (np.abs(rows - 140) < 8)] = 0.0
    with_grid = WithGrid(colours, Grid(half, 0.125, (-0.4375, -0.4375))).evidence(image, cover)
    lines, level = contour_lines(model, links, CAMERA), Level(20.0, 0.15, 4.0)
    both, alone = (shift_lines(lines, e, level) for e in (with_grid, colours.evidence(image, cover)))
    assert MOST - colours.table.max() < 2e-3, "the colours are sure by themselves"
    np.testing.assert_allclose(both.variance_px2, alone.variance_px2, rtol=1e-2)
