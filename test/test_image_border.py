"""The black border of drawn endoscope images whose visible part is known, and the search for hands within it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hoi_perception.border_shapes import Grid, find_shape, fit_circle, sharpened
from hoi_perception.camera import camera_from_fov
from hoi_perception.config import Config, DetectionConfig
from hoi_perception.hands.landmarks import Colours
from hoi_perception.hands.models import MODELS, model_directory
from hoi_perception.hands.plausibility import is_plausible
from hoi_perception.hands.proposals import ProposalMemory, Verifier
from hoi_perception.image_border import BREACHES, GLANCE_INTERVAL, LOOK_INTERVAL, LOOKS, BorderMemory, watch_border
from hoi_perception.io.sources import open_source
from hoi_perception.pipeline import Perception
from hoi_perception.synthesis.demo_clip import demo_frames
from hoi_perception.telling import share_inside
from hoi_perception.types import Frame, HandLandmarks, HandRegion, TrackState
from hoi_perception.visible_area import VisibleArea, VisibleDisc, VisibleRectangle

Image = NDArray[np.uint8]
Alpha = NDArray[np.float32]
SIZE = (1280, 720)
ENOUGH = LOOKS * LOOK_INTERVAL


def scene(index: int, size: tuple[int, int] = SIZE) -> Image:
    """A soft, coloured, changing scene without anything black in it."""
    return _scene(index // 10, size).copy()


@lru_cache(maxsize=32)
def _scene(seed: int, size: tuple[int, int]) -> Image:
    coarse = np.random.RandomState(seed).randint(60, 230, (9, 16, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


@lru_cache(maxsize=16)
def _noise(seed: int, rows: int, columns: int) -> Alpha:
    return np.random.RandomState(seed).randn(rows, columns, 1).astype(np.float32)


def distance_from(x: float, y: float, size: tuple[int, int] = SIZE) -> Alpha:
    columns, rows = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    return np.asarray(np.hypot(columns - x, rows - y), dtype=np.float32)


def disc(x: float, y: float, radius: float, size: tuple[int, int] = SIZE, soft_px: float = 2.0) -> Alpha:
    """How much of the scene shows in each pixel."""
    return np.clip((radius - distance_from(x, y, size)) / soft_px + 0.5, 0.0, 1.0).astype(np.float32)


def box(x0: int, y0: int, x1: int, y1: int) -> Alpha:
    alpha = np.zeros((SIZE[1], SIZE[0]), np.float32)
    alpha[y0:y1, x0:x1] = 1.0
    return alpha


def masked(image: Image, alpha: Alpha, seed: int, *, black: float = 3.0, noise: float = 3.0) -> Image:
    """The scene behind a mask, with sensor noise and JPEG coding."""
    show = alpha[..., None]
    raw = image * show + np.float32(black) * (1 - show) + np.float32(noise) * _noise(seed % 4, *alpha.shape)
    coded = cv2.imencode(".jpg", np.clip(raw, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)


def watch(picture: Callable[[int], Image], frames: range, memory: BorderMemory | None = None) -> BorderMemory:
    memory = memory or BorderMemory()
    for index in frames:
        memory = watch_border(picture(index), memory)
    return memory


def assert_disc(area: VisibleArea | None, x: float, y: float, radius: float, within_px: float = 1.5) -> None:
    assert isinstance(area, VisibleDisc)
    assert (*area.center_px, area.radius_px) == pytest.approx((x, y, radius), abs=within_px)


@pytest.mark.parametrize(
    ("x", "y", "radius", "size"),
    [
        (640, 360, 340, (1280, 720)),
        (560, 340, 300, (1280, 720)),
        (640, 360, 600, (1280, 720)),  # no more than the corners are black
        (640, 360, 420, (1280, 720)),  # cut at the top and at the bottom
        (960, 540, 520, (1920, 1080)),
        (300, 250, 200, (640, 480)),
        (360, 640, 340, (720, 1280)),
    ],
)
def test_a_disc_is_found_to_a_pixel(x: int, y: int, radius: int, size: tuple[int, int]) -> None:
    alpha = disc(x, y, radius, size)
    memory = watch(lambda i: masked(scene(i, size), alpha, i), range(ENOUGH))
    assert_disc(memory.area, x, y, radius)


def test_nothing_is_left_out_before_several_looks_agree() -> None:
    alpha = disc(640, 360, 340)
    early = watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH - 1))
    assert early.area is None and early.candidate is not None
    assert watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH - 1, ENOUGH), early).area is not None


def test_text_beside_the_disc_and_a_notch_in_its_rim_change_nothing() -> None:
    alpha = disc(700, 370, 340)
    notch = np.array([[930, 110], [960, 140], [905, 150]])
    cv2.fillPoly(alpha, [notch], 0.0)

    def picture(index: int) -> Image:
        image = masked(scene(index), alpha, index)
        cv2.putText(image, f"PATIENT 08:15:{index:02d}", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (230, 230, 230), 2)
        return image

    assert_disc(watch(picture, range(ENOUGH)).area, 700, 370, 340)


@pytest.mark.parametrize(("black", "noise"), [(0.0, 0.0), (16.0, 3.0), (16.0, 8.0)])
def test_black_levels_and_noise(black: float, noise: float) -> None:
    alpha = disc(640, 360, 340)
    memory = watch(lambda i: masked(scene(i), alpha, i, black=black, noise=noise), range(ENOUGH))
    assert_disc(memory.area, 640, 360, 340)


def test_a_lens_that_darkens_to_the_rim_of_the_disc() -> None:
    alpha = disc(640, 360, 340)
    falloff = 1.0 - 0.7 * np.clip(distance_from(640, 360) / 340.0, 0.0, 1.0) ** 4
    memory = watch(lambda i: masked((scene(i) * falloff[..., None]).astype(np.uint8), alpha, i), range(ENOUGH))
    assert_disc(memory.area, 640, 360, 340, within_px=3.0)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (box(160, 0, 1120, 720), (160, 0, 1120, 720)),
        (box(0, 90, 1280, 630), (0, 90, 1280, 630)),
        (box(163, 21, 1117, 700), (163, 21, 1117, 700)),
    ],
    ids=["pillars", "letterbox", "frame"],
)
def test_a_rectangle_is_found_to_a_pixel(alpha: Alpha, expected: tuple[int, int, int, int]) -> None:
    area = watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH)).area
    assert isinstance(area, VisibleRectangle)
    assert area.box_px == pytest.approx(expected, abs=1)


def test_cut_corners_belong_to_the_rectangle() -> None:
    alpha = box(220, 20, 1060, 700)
    for corner in ([[220, 20], [400, 20], [220, 200]], [[1060, 700], [880, 700], [1060, 520]]):
        cv2.fillPoly(alpha, [np.array(corner)], 0.0)
    area = watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH)).area
    assert isinstance(area, VisibleRectangle)
    assert area.box_px == pytest.approx((220, 20, 1060, 700), abs=1)


def _cloth(index: int) -> Image:
    """Dark folds with a straight edge along the lower side."""
    image = scene(index)
    folds = np.random.RandomState(1).randint(0, 60, (12, 40)).astype(np.uint8)
    image[500:] = cv2.resize(folds, (1280, 220), interpolation=cv2.INTER_CUBIC)[..., None]
    return image


def _lamp(index: int) -> Image:
    return masked(scene(index), disc(640, 360, 330, soft_px=120.0), index)


def _folds_round_a_disc(index: int, brightest: int = 60) -> Image:
    folds = np.random.RandomState(1).randint(0, brightest, (30, 50)).astype(np.uint8)
    dark = np.asarray(cv2.resize(folds, SIZE, interpolation=cv2.INTER_NEAREST), dtype=np.float32)[..., None]
    alpha = disc(640, 360, 340)[..., None]
    return np.asarray(scene(index) * alpha + dark * (1.0 - alpha), dtype=np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        scene,
        lambda i: np.zeros((720, 1280, 3), np.uint8),
        lambda i: masked(scene(i), box(0, 0, 1280, 560), i),
        lambda i: masked(scene(i), box(300, 0, 1280, 720), i),
        lambda i: masked(scene(i), np.tri(720, 1280, 300, dtype=np.float32), i),
        _cloth,
        _lamp,
        _folds_round_a_disc,
        lambda i: _folds_round_a_disc(i, 14),
        lambda i: masked(scene(i), disc(400 + 8 * i, 360, 300), i),
        lambda i: scene(i, (20, 12)),
        lambda i: scene(i, (1, 1)),
    ],
    ids=[
        "scene",
        "black",
        "black floor",
        "black wall",
        "slope",
        "cloth",
        "lamp",
        "folds",
        "faint",
        "moving",
        "tiny",
        "pixel",
    ],
)
def test_what_is_no_border_is_not_left_out(picture: Callable[[int], Image]) -> None:
    memory = BorderMemory()
    for index in range(2 * ENOUGH):
        memory = watch_border(picture(index), memory)
        assert memory.area is None


def test_shadows_that_come_and_go_hide_no_part_of_the_disc() -> None:
    alpha = disc(640, 360, 340)
    left = (np.arange(1280) < 640)[None, :, None]

    def picture(index: int) -> Image:
        shadow = left if index // 4 % 2 else ~left
        return masked(np.where(shadow, scene(index) // 32, scene(index)), alpha, index)

    assert_disc(watch(picture, range(2 * ENOUGH)).area, 640, 360, 340, within_px=3.0)


def test_what_was_seen_is_not_forgotten_in_the_dark() -> None:
    alpha = disc(640, 360, 340)
    before = watch(lambda i: masked(scene(i), alpha, i), range(8))
    after = watch(lambda i: masked(scene(i) // 32, alpha, i), range(40), before)
    assert before.peak is not None and after.peak is not None
    assert np.array_equal(before.peak, after.peak)


def test_a_scene_that_goes_dark_leaves_the_area_as_it_was() -> None:
    alpha = disc(640, 360, 340)
    memory = watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH))
    area = memory.area
    half = np.where(np.arange(1280) > 700, 0.02, 1.0)[None, :, None]
    for dark in (0.03, half):
        for index in range(80):
            memory = watch_border(masked((scene(index) * dark).astype(np.uint8), alpha, index), memory)
            assert memory.area == area and area is not None


def test_a_larger_disc_shows_within_a_few_frames_and_is_then_found() -> None:
    small, large = disc(640, 360, 280), disc(660, 360, 345)
    memory = watch(lambda i: masked(scene(i), small, i), range(ENOUGH))
    memory = watch(lambda i: masked(scene(i), large, i), range(GLANCE_INTERVAL * BREACHES), memory)
    assert memory.area is None
    memory = watch(lambda i: masked(scene(i), large, i), range(100), memory)
    assert_disc(memory.area, 660, 360, 345)


def test_a_smaller_disc_is_followed() -> None:
    memory = watch(lambda i: masked(scene(i), disc(640, 360, 345), i), range(ENOUGH))
    memory = watch(lambda i: masked(scene(i), disc(640, 360, 280), i), range(100), memory)
    assert_disc(memory.area, 640, 360, 280)


def test_a_full_image_takes_the_area_back() -> None:
    memory = watch(lambda i: masked(scene(i), disc(640, 360, 280), i), range(ENOUGH))
    assert memory.area is not None
    assert watch(scene, range(100), memory).area is None


def test_a_flash_does_not_take_the_area_back() -> None:
    alpha = disc(640, 360, 340)
    white = np.full((720, 1280, 3), 255, np.uint8)
    memory = watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH))
    memory = watch(lambda i: white, range(2), memory)
    memory = watch(lambda i: masked(scene(i), alpha, i), range(100), memory)
    assert_disc(memory.area, 640, 360, 340)
    assert memory.mistakes == 0


def test_after_a_mistake_more_looks_have_to_agree() -> None:
    alpha = disc(640, 360, 280)

    def frames_until_found(memory: BorderMemory) -> int:
        for index in range(400):
            memory = watch_border(masked(scene(index), alpha, index), memory)
            if memory.area is not None:
                return index + 1
        raise AssertionError("not found")

    fresh = frames_until_found(BorderMemory())
    assert frames_until_found(BorderMemory(grid=Grid.of(*SIZE), mistakes=2)) == 4 * fresh


def test_another_image_size_starts_anew() -> None:
    memory = watch(lambda i: masked(scene(i), disc(640, 360, 340), i), range(ENOUGH))
    assert memory.area is not None
    assert watch_border(scene(0, (640, 480)), memory).area is None


def test_the_memory_given_is_left_as_it_was() -> None:
    alpha = disc(640, 360, 340)
    memory = watch(lambda i: masked(scene(i), alpha, i), range(ENOUGH - 1))
    assert memory.peak is not None
    peak = memory.peak.copy()
    again = [watch_border(masked(scene(9), alpha, 9), memory).area for _ in range(2)]
    assert again[0] == again[1]
    assert np.array_equal(memory.peak, peak)


def test_circle_through_known_points() -> None:
    angles = np.array([0.1, 1.0, 2.5, 4.0])
    center, radius = fit_circle(np.stack([3.0 + 5.0 * np.cos(angles), -2.0 + 5.0 * np.sin(angles)], axis=1))
    np.testing.assert_allclose([*center, radius], [3.0, -2.0, 5.0], atol=1e-9)


def test_shapes_of_coarse_masks() -> None:
    grid = Grid.of(1280, 720)
    assert (grid.cell, grid.columns, grid.rows) == (8, 160, 90)
    round_mask = disc(80, 45, 40, (160, 90)) > 0.5
    assert_disc(find_shape(round_mask, grid), 80.5 * 8, 45.5 * 8, 40 * 8, within_px=6.0)
    straight = np.zeros((90, 160), bool)
    straight[:, 20:140] = True
    assert find_shape(straight, grid) == VisibleRectangle((160, 0, 1120, 720))
    assert find_shape(np.zeros((90, 160), bool), grid) is None
    assert find_shape(np.ones((90, 160), bool), grid) is None
    assert find_shape(np.tri(90, 160, 40, dtype=bool), grid) is None
    oval = cv2.ellipse(np.zeros((90, 160), np.uint8), (80, 45), (70, 40), 0.0, 0.0, 360.0, 1.0, -1) > 0
    assert find_shape(oval, grid) is None


def test_an_edge_that_fades_is_refused() -> None:
    coarse = VisibleDisc((642.0, 357.0), 336.0, *SIZE)
    assert_disc(sharpened(coarse, masked(scene(0), disc(640, 360, 340), 0), 8), 640, 360, 340)
    assert sharpened(coarse, masked(scene(0), disc(640, 360, 340, soft_px=80.0), 0), 8) is None


def test_what_areas_contain() -> None:
    area = VisibleDisc((50.0, 40.0), 45.0, 100, 60)
    assert area.box_px == (5, 0, 96, 60)
    points = np.array([[50.0, 40.0], [94.0, 40.0], [96.0, 40.0], [50.0, -1.0], [50.0, 60.0], [20.0, 1.0]])
    assert area.contains(points).tolist() == [True, True, False, False, False, False]
    rectangle = VisibleRectangle((10, 20, 30, 40))
    edges = np.array([[10.0, 20.0], [29.9, 39.9], [30.0, 30.0], [9.9, 30.0]])
    assert rectangle.contains(edges).tolist() == [True, True, False, False]


def test_landmarks_in_the_border_do_not_count() -> None:
    points = np.tile([640.0, 360.0], (21, 1))
    points[:12, 0] = 100.0
    landmarks = HandLandmarks(points, np.zeros(21), 1.0, 1.0)
    frame = Frame(scene(0), camera_from_fov(*SIZE, 55.0), 0)
    area = VisibleDisc((640.0, 360.0), 300.0, *SIZE)
    assert share_inside(landmarks, frame) == 1.0
    assert share_inside(landmarks, replace(frame, visible=area)) == pytest.approx(9 / 21)
    assert is_plausible(landmarks, *SIZE)
    assert not is_plausible(landmarks, *SIZE, area)


@dataclass
class _NoHands:
    """Sees no hand and remembers where it looked."""

    looks: list[HandRegion] = field(default_factory=list)

    def run(
        self, image_bgr: Image, region: HandRegion, colours: Colours = Colours.PLAIN, smooth: bool = False
    ) -> HandLandmarks:
        self.looks.append(region)
        return HandLandmarks(np.zeros((21, 2)), np.zeros(21), 0.0, 0.5)


@dataclass
class _Corner:
    """Proposes the first pixel of what it is shown."""

    shown: list[tuple[int, ...]] = field(default_factory=list)

    def propose(self, image_bgr: Image) -> list[HandRegion]:
        self.shown.append(image_bgr.shape)
        return [HandRegion((0.0, 0.0), 50.0, 0.0)]


def test_proposers_see_the_visible_box_and_their_regions_lie_in_the_image() -> None:
    network, proposer = _NoHands(), _Corner()
    verifier = Verifier(network, [proposer], replace(DetectionConfig(), scan_regions_idle=0))
    area = VisibleRectangle((160, 20, 1120, 700))
    verifier.step(scene(0), [], ProposalMemory(), wanted=2, budget=1, visible=area)
    assert proposer.shown == [(680, 960, 3)]
    assert network.looks[0].center_px == (160.0, 20.0)


@pytest.mark.parametrize("area", [VisibleDisc((700.0, 360.0), 200.0, *SIZE), VisibleRectangle((160, 20, 1120, 700))])
def test_the_scan_stays_in_the_visible_area_and_loses_no_looks(area: VisibleArea) -> None:
    network = _NoHands()
    verifier = Verifier(network, [], DetectionConfig())
    memory, steps = ProposalMemory(), 40
    for _ in range(steps):
        _, memory = verifier.step(scene(0), [], memory, wanted=2, budget=20, visible=area)
    assert len(network.looks) == steps * DetectionConfig().scan_regions_idle
    assert area.contains(np.array([region.center_px for region in network.looks])).all()
    spread = np.ptp(np.array([region.center_px for region in network.looks]), axis=0)
    x0, y0, x1, y1 = area.box_px
    assert (spread > 0.6 * np.array([x1 - x0, y1 - y0])).all()


@pytest.fixture(scope="module")
def clip() -> Sequence[Frame]:
    absent = [model.name for model in MODELS if not (model_directory() / model.name).is_file()]
    if absent:
        pytest.skip(f"{', '.join(absent)} not in {model_directory()}: run `hoi-perception models fetch`")
    return [frame for frame, _ in islice(demo_frames(90, width=640, height=360), ENOUGH + 6)]


def test_hands_are_tracked_in_a_disc_that_the_pipeline_finds(clip: Sequence[Frame]) -> None:
    alpha = disc(320, 180, 190, (640, 360))
    perception = Perception()
    for index, frame in enumerate(clip):
        scene_of = perception.process(replace(frame, image_bgr=masked(frame.image_bgr, alpha, index)))
    assert_disc(perception.memory.border.area, 320, 180, 190)
    assert {hand.state for hand in scene_of.hands} <= {TrackState.TRACKED, TrackState.OCCLUDED}
    assert len(scene_of.hands) == 2


def test_without_a_border_and_without_its_exclusion_scenes_are_the_same(clip: Sequence[Frame]) -> None:
    on, off = Perception(), Perception(replace(Config(), exclude_border=False))
    for frame in clip:
        first, second = on.process(frame), off.process(frame)
        assert len(first.hands) == len(second.hands)
        for a, b in zip(first.hands, second.hands, strict=True):
            assert np.array_equal(a.joints_camera, b.joints_camera) and a.state is b.state
    assert off.memory.border == BorderMemory()
    assert on.memory.border.frames == len(clip) and on.memory.border.area is None


def test_an_area_that_comes_with_the_frame_is_taken_as_it_is(clip: Sequence[Frame]) -> None:
    perception = Perception()
    nowhere = VisibleDisc((20.0, 20.0), 15.0, 640, 360)
    assert perception.process(replace(clip[0], visible=nowhere)).hands == ()
    assert len(perception.process(clip[1]).hands) == 2


@pytest.mark.parametrize(
    "name", ["coffee.mp4", "cups.mp4", "suturing.mkv", "suturing_close.mp4", "tweezers_stereo/left"]
)
def test_real_recordings_without_a_border_have_none(real_data: object, name: str) -> None:
    memory = BorderMemory()
    for frame in islice(open_source(f"{real_data}/{name}").frames(), 150):
        memory = watch_border(frame.image_bgr, memory)
        assert memory.area is None and memory.candidate is None
    assert memory.frames > 20
