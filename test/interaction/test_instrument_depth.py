"""Measured depth holds the distance and tilt of a thin rod; depth that is not the rod's leaves it to the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import plain_bodies
import pytest
from jaxtyping import Float32
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation.region_scenes import Body, Steel, drawn, filmed
from hoi_perception.instruments.colour import Colours, ProbabilityMap, no_cover, said_at, seen_at
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.front_surface import front_surface
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker, TrackerSettings
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.instrument_depth import standing_out, unmixed
from hoi_perception.rendering import rasterise
from hoi_perception.transforms import rotation_from_axis_angle

CAMERA = camera_from_fov(480, 360, 55.0)
STEEL = Steel(np.ones(3), 130.0, 80.0, 10.0)
TABLE_M = 0.46
Depth = Float32[NDArray[np.float32], "h w"]


@dataclass(frozen=True)
class Sighting:
    """A rod of 4 x 150 mm at 0.35 m before a table, its image, its true pose, and a track that starts off it."""

    tracker: RegionTracker
    image: NDArray[np.uint8]
    true: InstrumentState
    track: RegionTrack

    def followed(self, depth_m: Depth | None, track: RegionTrack | None = None) -> RegionTrack:
        cover = no_cover(self.image)
        return self.tracker.follow(track or self.track, self.image, cover, 33_000_000, depth_m=depth_m)

    def errors(self, state: InstrumentState) -> tuple[float, float]:
        """Of the distance of its middle, which is its origin (m), and of its axis (rad)."""
        cosine = abs(float(state.R[0, :, 2] @ self.true.R[0, :, 2]))
        return abs(float(state.t[0, 2] - self.true.t[0, 2])), float(np.arccos(min(cosine, 1.0)))


def lying(axis_angle: tuple[float, float, float], z: float) -> InstrumentState:
    """A rod's axis is its z axis."""
    R = np.asarray(rotation_from_axis_angle(np.array(axis_angle)), dtype=np.float64)
    return InstrumentState(R[None], np.array([[0.01, -0.005, z]]), np.zeros((1, 0)))


@lru_cache(maxsize=1)
def seen() -> Sighting:
    """The start is 15 mm too near and tilted by 8 degrees."""
    true = lying((0.2, np.pi / 2 - 0.3, 0.0), 0.35)
    model = ContourModel.of(plain_bodies.model("rod"))
    tracker = RegionTracker(plain_bodies.body("rod"), model, CAMERA, TrackerSettings())
    vertices = model.placed(pose_links(model.tree, true))
    cloth = np.broadcast_to(np.array([60.0, 140.0, 50.0], dtype=np.float32), (CAMERA.height, CAMERA.width, 3)).copy()
    image = filmed(drawn(cloth, [Body(vertices, model.faces, STEEL)], CAMERA), np.random.default_rng(0))
    begun = tracker.begin(image, no_cover(image), true, 0)
    assert begun is not None
    out = np.cross(true.R[0, :, 2], [0.0, 0.0, 1.0])
    tilted = np.asarray(rotation_from_axis_angle(np.radians(8.0) * out / np.linalg.norm(out))) @ true.R[0]
    start = InstrumentState(tilted[None], true.t - [[0.0, 0.0, 0.015]], true.angles)
    return Sighting(tracker, image, true, replace(begun, state=start))


def measured(rng: np.random.Generator, nearer: float = 0.0, holes: float = 0.3) -> Depth:
    """The rod before the table with a sensor's noise, holes, and pixels between both along the rod's border."""
    own = seen()
    raster = rasterise(own.tracker.model.placed(pose_links(own.tracker.model.tree, own.true)), faces(), CAMERA)
    depth = np.where(raster.mask, raster.depth - nearer, TABLE_M)
    inner = raster.mask[1:-1, 1:-1]
    for shift in ((0, 1), (2, 1), (1, 0), (1, 2)):
        rows, columns = (slice(k, k + n) for k, n in zip(shift, inner.shape, strict=True))
        inner = inner & raster.mask[rows, columns]
    rim = raster.mask.copy()
    rim[1:-1, 1:-1] &= ~inner
    flying = rim & (rng.random(rim.shape) < 0.5)
    depth[flying] = 0.5 * (depth[flying] + TABLE_M)
    depth += rng.normal(size=depth.shape) * (0.001 + 0.003 * depth**2)
    depth[rng.random(depth.shape) < holes] = np.nan
    return depth.astype(np.float32)


def faces() -> NDArray[np.int32]:
    return seen().tracker.model.faces


def test_depth_with_noise_and_holes_holds_distance_and_tilt() -> None:
    own = seen()
    alone = own.followed(None)
    distance, turn = own.errors(alone.state)
    assert distance > 0.003 or turn > np.radians(3.0), "the image alone tells enough: the test says nothing"
    for seed in range(3):
        found = own.followed(measured(np.random.default_rng(seed)))
        off, tilt = own.errors(found.state)
        assert off < 0.001
        assert tilt < np.radians(1.0)
        assert off + 0.05 * tilt < 0.2 * (distance + 0.05 * turn)
        assert found.by_depth and not alone.by_depth
        assert found.certainty.depth < 0.003 < alone.certainty.depth


def test_the_truth_is_within_what_is_told_of_a_sensor_that_errs_alike_everywhere() -> None:
    own = seen()
    for nearer in (-0.002, 0.002):
        found = own.followed(measured(np.random.default_rng(0), nearer))
        off, tilt = own.errors(found.state)
        assert 0.0005 < off < 3.0 * found.certainty.depth
        assert tilt < np.radians(1.0)


def table_alone() -> Depth:
    return np.full((CAMERA.height, CAMERA.width), TABLE_M, dtype=np.float32)


def table_that_touches() -> Depth:
    """A table that the rod's start and its true pose are in reach of, seen through the rod."""
    return np.full((CAMERA.height, CAMERA.width), 0.36, dtype=np.float32)


def rod_far_nearer() -> Depth:
    return measured(np.random.default_rng(0), nearer=0.05, holes=0.0)


def nothing_measured() -> Depth:
    return np.full((CAMERA.height, CAMERA.width), np.nan, dtype=np.float32)


def no_sense() -> Depth:
    values = np.array([0.0, -1.0, np.inf, -np.inf, np.nan], dtype=np.float32)
    return np.random.default_rng(0).choice(values, (CAMERA.height, CAMERA.width))


def hand_before_a_part() -> Depth:
    """Something that nobody told of stands 4 cm before the left half of the picture."""
    depth = measured(np.random.default_rng(0), holes=0.0)
    depth[:, : CAMERA.width // 2] = 0.31
    return depth


@pytest.mark.parametrize("depth", [table_alone, table_that_touches, rod_far_nearer, nothing_measured, no_sense])
def test_depth_that_is_not_the_instruments_leaves_its_pose_to_the_image(depth: object) -> None:
    own = seen()
    alone, found = own.followed(None), own.followed(depth())  # type: ignore[operator]
    np.testing.assert_array_equal(found.state.R, alone.state.R)
    np.testing.assert_array_equal(found.state.t, alone.state.t)
    np.testing.assert_array_equal(found.certainty.covariance, alone.certainty.covariance)
    assert not found.by_depth
    assert [block.term for block in found.rows] == ["region"]


def test_depth_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="register it to the image"):
        seen().followed(nothing_measured()[1:])


def test_what_stands_before_a_part_of_it_does_not_draw_it() -> None:
    own = seen()
    off, tilt = own.errors(own.followed(hand_before_a_part(), replace(own.track, state=own.true)).state)
    assert off < 0.003
    assert tilt < np.radians(2.0)


def test_rows_of_depth_are_there_for_the_solve_with_a_hand() -> None:
    found = seen().followed(measured(np.random.default_rng(0)))
    blocks = {block.term: block for block in found.rows}
    assert set(blocks) == {"region", "depth"}
    depth = blocks["depth"]
    assert depth.q is not None and len(depth) >= 12
    on_rod = found.state.R[0] @ depth.p.local.T + found.state.t[0][:, None]
    np.testing.assert_allclose(on_rod.T, depth.q.local, atol=0.008)


def test_pixels_beside_a_step_or_a_rim_have_no_depth_and_those_beside_holes_do() -> None:
    depth = np.full((5, 6), 0.5, dtype=np.float32)
    depth[:, 4:] = 0.6
    depth[1, 1] = np.nan
    px = np.array([[2, 1], [3, 2], [2, 3], [0, 2], [1, 1], [-3, 2], [40, 2]])
    found = unmixed(depth, px)
    np.testing.assert_array_equal(found, [0.5, np.nan, 0.5, np.nan, np.nan, np.nan, np.nan])


def test_depths_count_where_they_are_nearer_than_a_tilted_table() -> None:
    x = np.arange(60.0)
    table = 1.0 / (2.0 + 0.005 * x)  # a plane
    px = np.column_stack([x, np.zeros(60)]).astype(np.int64)
    around = np.concatenate([px + [0, 8], px - [0, 8]])
    z = table - 0.006
    z[:20] = table[:20]
    told = standing_out(px, z, around, np.tile(table, 2), 0.0015)
    np.testing.assert_array_equal(told, np.arange(60) >= 20)
    assert not standing_out(px, table, around, np.tile(table, 2), 0.0015).any()
    assert standing_out(px, table, around[:0], np.zeros(0), 0.0015).all()


def test_rays_meet_the_front_of_a_box() -> None:
    """Of 100 x 60 x 20 mm, turned by 30 degrees about y."""
    body = plain_bodies.body("box")
    engine = Engine(Bodies((), (body,)), (), 1)
    R = np.asarray(rotation_from_axis_angle(np.array([0.0, np.pi / 6, 0.0])), dtype=np.float64)
    engine.place(SceneState.of([], [InstrumentState(R[None], np.array([[0.0, 0.0, 0.4]]), np.zeros((1, 0)))]))
    rays = np.array([[0.0, 0.0, 1.0], [0.05, 0.02, 1.0], [-0.05, -0.03, 1.0], [0.3, 0.0, 1.0]])
    front = front_surface(Geometry(Snapshot(engine, 0), 0), 0, rays, 0.3)
    np.testing.assert_array_equal(front.met, [True, True, True, False])
    normal = -R[:, 2]
    z = (normal[2] * 0.4 + 0.01) / (rays @ normal)  # normal . (x - middle) = half the thickness
    np.testing.assert_allclose(front.points[:3], (rays * z[:, None])[:3], atol=2e-4)
    np.testing.assert_allclose(front.normals[:3], np.tile(normal, (3, 1)), atol=0.02)


def test_what_pixels_say_and_whether_they_show_is_what_kernels_take() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    shares = rng.random((2, 32, 32, 32)).astype(np.float32)
    colours = Colours(shares / shares.sum(axis=(1, 2, 3), keepdims=True))
    cover = np.full((4, 5), 0.4, dtype=np.float32)
    px = np.array([[0, 0], [4, 3], [5, 0], [-1, 2]])
    evidence = colours.evidence(image, cover)
    b, g, r = (image[px[:2, 1], px[:2, 0]] // 8).T.astype(int)
    np.testing.assert_array_equal(said_at(evidence, px), [*colours.table.reshape(32, 32, 32)[b, g, r], 0.0, 0.0])
    np.testing.assert_array_equal(seen_at(evidence, px, np.array([0.3, 0.4, 0.3, 0.3])), [True, False, False, False])
    mapped = ProbabilityMap(np.full((4, 5), 0.9, dtype=np.float32)).evidence(image, cover)
    said = said_at(mapped, px)
    assert said[0] > 0.5 and said[2] == 0.0
