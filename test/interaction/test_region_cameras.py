"""Regions in the images of two cameras: what one of them cannot tell of a thin rod, both tell together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain_bodies
import pytest

from hoi_perception.camera import camera_from_fov
from hoi_perception.evaluation.region_scenes import Body, Steel, drawn, filmed
from hoi_perception.instruments.colour import no_cover
from hoi_perception.instruments.contour import choice
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.region_eye import Picture
from hoi_perception.interaction.region_tracker import RegionTrack, RegionTracker, TrackerSettings
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.terms.region import RegionTerm
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, PlacedCamera

LEFT = camera_from_fov(400, 300, 50.0)
# Another focal length and principal point, 80 mm below, turned upwards to the same scene: nothing of it is rectified.
UP = np.asarray(rotation_from_axis_angle(np.array([-0.2, 0.05, 0.1])), dtype=np.float64)
RIGHT = PlacedCamera(
    "right",
    Camera(np.array([[520.0, 0.0, 180.0], [0.0, 515.0, 170.0], [0.0, 0.0, 1.0]]), 400, 320),
    UP,
    -UP @ np.array([0.01, 0.08, 0.005]),
)
CLOTHS = (np.array([60.0, 140.0, 50.0]), np.array([100.0, 90.0, 60.0]))
STEELS = (Steel(np.array([1.0, 0.9, 0.8]), 150.0, 60.0, 10.0), Steel(np.array([0.8, 0.9, 1.1]), 170.0, 60.0, 10.0))


def rod(turn: tuple[float, float, float], place: tuple[float, float, float]) -> InstrumentState:
    """Axis-angle and middle of a rod along z."""
    R = np.asarray(rotation_from_axis_angle(np.array(turn)), dtype=np.float64)
    return InstrumentState(R[None], np.array([place]), np.zeros((1, 0)))


TRUE = rod((0.4, 1.4, 0.0), (0.0, 0.0, 0.3))


def tracker_of(*further: PlacedCamera) -> RegionTracker:
    """Of a rod 150 mm long and 4 mm thick, by the left camera and others."""
    return RegionTracker(
        plain_bodies.body("rod"), ContourModel.of(plain_bodies.model("rod")), LEFT, TrackerSettings(), further
    )


def pictures(state: InstrumentState) -> tuple[np.ndarray, Picture]:
    """What both cameras see; each has its own colours."""
    model = ContourModel.of(plain_bodies.model("rod"))
    vertices = model.placed(pose_links(model.tree, state))
    images = []
    for places, camera, cloth, steel in zip(
        (vertices, RIGHT.seen(vertices)), (LEFT, RIGHT.camera), CLOTHS, STEELS, strict=True
    ):
        ground = np.broadcast_to(cloth.astype(np.float32), (camera.height, camera.width, 3)).copy()
        images.append(filmed(drawn(ground, [Body(places, model.faces, steel)], camera), np.random.default_rng(1)))
    return images[0], Picture(images[1], no_cover(images[1]))


def off(state: InstrumentState) -> tuple[float, float]:
    """Error of the middle (m), and of the axis (degrees)."""
    cosine = abs(float(state.R[0, :, 2] @ TRUE.R[0, :, 2]))
    return float(np.linalg.norm(state.t - TRUE.t)), float(np.degrees(np.arccos(min(cosine, 1.0))))


def followed(tracker: RegionTracker, further: list[Picture | None], image: np.ndarray) -> RegionTrack:
    """From 15 mm too near and tilted by 10 degrees, with colours learned at the truth."""
    track = tracker.begin(image, no_cover(image), TRUE, 0, further)
    assert track is not None
    tilt = np.asarray(rotation_from_axis_angle(np.radians(10.0) * np.array([0.0, 1.0, 0.0])), dtype=np.float64)
    wrong = InstrumentState(tilt @ TRUE.R, TRUE.t * 0.95, TRUE.angles)
    track = replace(track, state=wrong)
    for k in range(4):
        track = replace(track, velocity=np.zeros(6))
        track = tracker.follow(track, image, no_cover(image), 33_000_000 * k, further=further)
    return track


def test_two_cameras_tell_depth_and_tilt_of_a_rod_that_one_does_not() -> None:
    image, other = pictures(TRUE)
    one, both = followed(tracker_of(), [], image), followed(tracker_of(RIGHT), [other], image)
    place, tilt = off(both.state)
    assert place < 0.0005
    assert tilt < 0.5
    assert off(one.state)[0] > 0.002
    assert off(one.state)[1] > 6.0
    assert both.agreement.both > 0.8
    assert both.certainty.depth < 0.25 * one.certainty.depth
    assert both.certainty.tilt < 0.25 * one.certainty.tilt
    assert "depth" not in both.certainty.unobserved
    assert "roll" in both.certainty.unobserved


def test_covariance_of_both_cameras_holds_the_error() -> None:
    image, other = pictures(TRUE)
    both = followed(tracker_of(RIGHT), [other], image)
    error = both.state.step_to(TRUE)[:3]
    information = np.linalg.inv(both.certainty.covariance[:3, :3])
    assert float(error @ information @ error) < 16.0


@pytest.mark.parametrize("hidden", [False, True])
def test_without_its_second_picture_it_is_one_camera(hidden: bool) -> None:
    image, other = pictures(TRUE)
    alone = followed(tracker_of(), [], image)
    blind = Picture(other.image, np.zeros_like(other.cover)) if hidden else None
    track = followed(tracker_of(RIGHT), [blind], image)
    np.testing.assert_allclose(track.state.t, alone.state.t, atol=1e-12)
    np.testing.assert_allclose(track.certainty.covariance, alone.certainty.covariance, rtol=1e-9)


def test_a_camera_that_comes_later_is_made_use_of() -> None:
    image, other = pictures(TRUE)
    track = tracker_of().begin(image, no_cover(image), TRUE, 0)
    assert track is not None and not track.further
    both = tracker_of(RIGHT)
    for k in range(1, 4):
        track = both.follow(track, image, no_cover(image), 33_000_000 * k, further=[other])
    assert set(track.further) == {"right"}
    assert track.certainty.depth < 0.25 * followed(tracker_of(), [], image).certainty.depth
    assert off(track.state)[0] < 0.001


def test_colours_stay_with_their_camera_while_another_one_is_missing() -> None:
    image, other = pictures(TRUE)
    third = replace(RIGHT, name="third")
    swapped = Picture(np.ascontiguousarray(other.image[..., ::-1]), other.cover)
    track = tracker_of(RIGHT, third).begin(image, no_cover(image), TRUE, 0, [other, swapped])
    assert track is not None
    fewer = tracker_of(third).follow(track, image, no_cover(image), 33_000_000, further=[swapped])
    assert fewer.agreement.both > 0.8 and off(fewer.state)[0] < 0.001
    assert fewer.further["right"] is track.further["right"], "nothing was learned of the one that is missing"
    wrong = replace(track, further={"third": track.further["right"]})
    mistaken = tracker_of(third).follow(wrong, image, no_cover(image), 33_000_000, further=[swapped])
    assert mistaken.agreement.both < fewer.agreement.both - 0.1


def test_the_second_camera_goes_on_alone() -> None:
    image, other = pictures(TRUE)
    tracker = tracker_of(RIGHT)
    track = tracker.begin(image, no_cover(image), TRUE, 0, [other])
    assert track is not None
    moved = replace(TRUE, t=TRUE.t + [[0.004, 0.003, 0.0]])
    image, other = pictures(moved)
    hidden = np.zeros((LEFT.height, LEFT.width), dtype=np.float32)
    track = tracker.follow(track, image, hidden, 33_000_000, further=[other])
    assert not track.failed
    eye = -RIGHT.R_own_first.T @ RIGHT.t_own_first
    ray = (moved.t[0] - eye) / np.linalg.norm(moved.t[0] - eye)
    axis = moved.R[0, :, 2]
    away = track.state.t[0] - moved.t[0]
    across = np.cross(ray, axis)
    assert abs(float(away @ across) / float(np.linalg.norm(across))) < 0.0005


def test_rows_of_a_further_camera_are_distances_in_its_image() -> None:
    """In pixels along the normals, at standard deviation one pixel, for small steps of the instrument."""
    image, other = pictures(TRUE)
    tracker = tracker_of(RIGHT)
    track = tracker.begin(image, no_cover(image), TRUE, 0, [other])
    assert track is not None
    evidence = track.further["right"].evidence(other.image, other.cover)
    engine = Engine(Bodies((), (tracker.body,)), (), 1, capacity=256)
    term = RegionTerm(0, tracker.model, RIGHT.camera, evidence, placed=RIGHT)
    step = np.array([0.0004, -0.0003, 0.0005, 0.002, -0.001, 0.003])
    after: list[np.ndarray] = []
    for state in (TRUE, TRUE.plus(step[None])):
        engine.place(SceneState.of([], [state]), correct=True)
        if not after:
            (rows,) = term.rows(Geometry(Snapshot(engine, 8), 0))
            engine.take_rows([[replace(rows, weight=np.ones(len(rows)), robust=0.0)]])
        after.append(engine.evaluate().residual[0].copy())
    assert term.lines is not None
    assert term.shifts is not None
    use = term.shifts.counts
    R, t = RIGHT.R_own_first, RIGHT.t_own_first
    posed = pose_links(tracker.model.tree, TRUE.plus(step[None]))
    moved = term.lines.moved(replace(posed, R=R @ posed.R, t=posed.t @ R.T + t), RIGHT.camera)
    shift = ((moved.places_px - term.lines.places_px) * term.lines.normals_px).sum(axis=1)[use]
    np.testing.assert_allclose(after[0], -term.shifts.mean_px[use], atol=1e-9)
    np.testing.assert_allclose(after[1] - after[0], shift, atol=0.02)
    assert np.abs(shift).max() > 0.5


def test_ends_of_a_long_outline_are_among_few_places() -> None:
    sides = np.repeat([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]], [200, 2, 200, 1], axis=0)
    np.testing.assert_array_equal(choice(sides, 21, 0.0), np.linspace(0, 402, 21).round())
    chosen = choice(sides, 20, 0.5)
    assert len(chosen) <= 20
    assert {200, 201, 402} <= set(chosen.tolist())
    assert abs(np.sum(chosen < 200) - np.sum((chosen > 201) & (chosen < 402))) <= 2
    np.testing.assert_array_equal(choice(sides[:5], 20, 0.5), np.arange(5))
