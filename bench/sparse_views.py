"""Contours of instruments, extracted at the true pose and from stored views: `python bench/sparse_views.py`.

Stored views are the usual sparse model of region-based trackers: per link 200 contour points with normals and interior
distance for each direction of a subdivided sphere; the nearest direction is looked up, its points are moved with the
link and projected. Truth is the silhouette drawn with 8 x 8 samples a pixel: `off` is the distance of a point from its
border (read to 1/8 px), `false` the share of points more than 2 px off it, `normal` the angle to the slope of the
blurred silhouette, `inside` the error of the length of instrument along the normal (24 px at most). Poses are random,
0.25 to 0.6 m away, 1280 x 720, 55 degrees; times are medians on one core.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import trimesh
import tyro

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.instruments.contour import outer_contour
from hoi_perception.instruments.contour_model import ContourModel
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.rendering import fill_zbuffer, project_to_screen, visible_window
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera

NAMES = ("scalpel_10", "metzenbaum_scissors", "kelly_haemostat", "large_needle_driver", "mug")
N_POINTS, REACH_PX, FINE, VIEW_DISTANCE_M = 200, 24.0, 8, 0.4


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    poses: int = 40
    """Poses per instrument."""
    json: Path | None = None
    """File for the figures."""


@dataclass(frozen=True)
class Seen:
    """What a method gives for a pose."""

    places: np.ndarray
    normals: np.ndarray
    inside: np.ndarray


@dataclass(frozen=True)
class Row:
    """Figures of a method on an instrument."""

    instrument: str
    method: str
    frame_ms: float
    built_s: float
    memory_mb: float
    off_mean_px: float
    off_p95_px: float
    false_share: float
    normal_median_deg: float
    inside_median_px: float


class StoredViews:
    """Sparse views of every link."""

    def __init__(self, model: InstrumentModel, subdivisions: int) -> None:
        self.tree = ContourModel.of(model).tree
        self.directions = np.asarray(trimesh.creation.icosphere(subdivisions=subdivisions).vertices)
        self.links = [k for k, link in enumerate(model.links) if len(link.surface()[1])]
        self.middles, self.views = [], []
        for k in self.links:
            rigid = InstrumentModel(model.description, (model.links[k],), ())
            vertices = rigid.links[0].surface()[0]
            self.middles.append(0.5 * (vertices.min(axis=0) + vertices.max(axis=0)))
            self.views.append(
                self._views(ContourModel.of(rigid), self.middles[-1], float(np.ptp(vertices, axis=0).max()))
            )

    def _views(self, model: ContourModel, middle: np.ndarray, size: float) -> np.ndarray:
        """(directions, points, 7): point (m), normal (link frame), length inside (m)."""
        focal = 700.0 * VIEW_DISTANCE_M / size
        camera = Camera(np.array([[focal, 0.0, 500.0], [0.0, focal, 500.0], [0.0, 0.0, 1.0]]), 1001, 1001)
        rows = np.zeros((len(self.directions), N_POINTS, 7), dtype=np.float32)
        for row, direction in zip(rows, self.directions, strict=True):
            R = _looking_along(-direction)
            t = -R @ (middle + VIEW_DISTANCE_M * direction)
            state = InstrumentState(R[None], t[None], np.zeros((1, 0)))
            contour = outer_contour(model, state, camera, n_points=N_POINTS, reach_px=400.0)
            pixel = contour.points_camera[:, 2] / focal
            normals = np.c_[contour.normals_px, np.zeros(len(contour))] @ R
            row[: len(contour)] = np.c_[contour.points_link, normals, contour.inside_px * pixel]
            row[len(contour) :] = row[len(contour) - 1] if len(contour) else 0.0
        return rows

    @property
    def nbytes(self) -> int:
        return sum(view.nbytes for view in self.views)

    def __call__(self, state: InstrumentState, camera: Camera) -> Seen:
        posed = pose_links(self.tree, state)
        places, normals, inside = [], [], []
        share = N_POINTS // len(self.links)
        for k, middle, views in zip(self.links, self.middles, self.views, strict=True):
            R, t = posed.R[0, k], posed.t[0, k]
            view = views[np.argmax(self.directions @ (-R.T @ t - middle)), :: max(1, N_POINTS // share)]
            points = view[:, :3] @ R.T + t
            places.append(project(points, camera))
            normal = (view[:, 3:6] @ R.T)[:, :2]
            normals.append(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9))
            inside.append(np.minimum(view[:, 6] * camera.K[0, 0] / points[:, 2], REACH_PX))
        px = np.concatenate(places)
        within = ((px > 0) & (px < [camera.width - 1, camera.height - 1])).all(axis=1)
        return Seen(px[within], np.concatenate(normals)[within], np.concatenate(inside)[within])


def _looking_along(direction: np.ndarray) -> np.ndarray:
    """Rotation into a camera frame whose z axis is the direction."""
    aside = np.array([1.0, 0.0, 0.0]) if abs(direction[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(aside, direction)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(direction, x), direction])


def states(model: ContourModel, count: int) -> list[InstrumentState]:
    """Random poses, all the same on every run."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(count):
        R = rotation_from_axis_angle(rng.normal(size=(1, 3)) * 1.5)
        middle = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.03, 0.03), rng.uniform(0.25, 0.6)])
        angles = rng.uniform(np.maximum(model.tree.lower, -0.8), np.minimum(model.tree.upper, 0.8))
        made.append(InstrumentState(R, middle[None], angles[None]))
    return made


class Truth:
    """The silhouette with 8 x 8 samples a pixel."""

    def __init__(self, model: ContourModel, state: InstrumentState, camera: Camera) -> None:
        screen = project_to_screen(model.placed(pose_links(model.tree, state)), camera)
        window = visible_window(screen, camera.width, camera.height)
        keys = fill_zbuffer(screen, model.faces, window, samples=FINE, device="cpu").keys.numpy()
        # the border of the image is none of the instrument
        self.mask = np.pad((keys != 0).astype(np.uint8), 4 * FINE)
        self.low = np.array([window.x, window.y]) + (0.5 / FINE - 0.5) - 4
        inside = cv2.distanceTransform(self.mask, cv2.DIST_L2, 5)
        self.distance = (cv2.distanceTransform(1 - self.mask, cv2.DIST_L2, 5) - inside) / FINE
        blurred = cv2.GaussianBlur(self.mask.astype(np.float32), (0, 0), 1.0 * FINE)
        self.slope = np.stack([cv2.Sobel(blurred, -1, 1, 0), cv2.Sobel(blurred, -1, 0, 1)], axis=-1)

    def _at(self, field: np.ndarray, places: np.ndarray) -> np.ndarray:
        x, y = np.rint((places - self.low) * FINE).astype(int).T
        return field[np.clip(y, 0, field.shape[0] - 1), np.clip(x, 0, field.shape[1] - 1)]

    def off(self, seen: Seen) -> np.ndarray:
        """Distances from the border, px."""
        return np.abs(self._at(self.distance, seen.places))

    def turned(self, seen: Seen) -> np.ndarray:
        """Angles to the true normals, degrees."""
        slope = -self._at(self.slope, seen.places)
        unit = slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)
        return np.degrees(np.arccos(np.clip((unit * seen.normals).sum(axis=1), -1.0, 1.0)))

    def inside(self, seen: Seen) -> np.ndarray:
        """Lengths of instrument inward, px."""
        steps = (np.arange(int(REACH_PX * FINE)) + 0.5) / FINE
        line = self._at(self.mask, (seen.places[:, None] - steps[:, None] * seen.normals[:, None]).reshape(-1, 2))
        line = line.reshape(len(seen.places), -1) > 0
        line[:, :FINE] = True
        return np.where(line.all(axis=1), line.shape[1], line.argmin(axis=1)) / FINE


def measure(name: str, count: int) -> list[Row]:
    """Rows of one instrument."""
    camera = camera_from_fov(1280, 720, 55.0)
    model = Library.find().get(name)
    start = time.perf_counter()
    contour_model = ContourModel.of(model)
    built = time.perf_counter() - start
    poses = states(contour_model, count)

    def at_run_time(state: InstrumentState) -> Seen:
        contour = outer_contour(contour_model, state, camera, n_points=N_POINTS, reach_px=REACH_PX)
        return Seen(contour.places_px, contour.normals_px, contour.inside_px)

    bytes_held = sum(a.nbytes for a in (contour_model.vertices, contour_model.faces, contour_model.normals))
    methods: list[tuple[str, Callable[[InstrumentState], Seen], float, int]] = [
        ("at run time", at_run_time, built, bytes_held)
    ]
    for subdivisions in (3, 4):
        start = time.perf_counter()
        views = StoredViews(model, subdivisions)
        seconds = time.perf_counter() - start
        method = f"{len(views.directions)} stored views"
        methods.append((method, lambda s, v=views: v(s, camera), seconds, views.nbytes))  # type: ignore[misc]
    truths = [Truth(contour_model, state, camera) for state in poses]
    return [_row(name, *method, poses, truths) for method in methods]


def _row(
    name: str,
    method: str,
    see: Callable[[InstrumentState], Seen],
    built_s: float,
    nbytes: int,
    poses: list[InstrumentState],
    truths: list[Truth],
) -> Row:
    times, off, turned, inside = [], [], [], []
    see(poses[0])
    for state, truth in zip(poses, truths, strict=True):
        start = time.perf_counter()
        seen = see(state)
        times.append(time.perf_counter() - start)
        if len(seen.places) == 0:
            continue
        distance = truth.off(seen)
        good = distance < 2.0
        off.append(distance)
        turned.append(truth.turned(seen)[good])
        inside.append(np.abs(truth.inside(seen) - seen.inside)[good])
    all_off = np.concatenate(off)
    return Row(
        name,
        method,
        1000.0 * float(np.median(times)),
        built_s,
        nbytes / 1e6,
        float(all_off.mean()),
        float(np.quantile(all_off, 0.95)),
        float((all_off > 2.0).mean()),
        float(np.median(np.concatenate(turned))),
        float(np.median(np.concatenate(inside))),
    )


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = [
        "| instrument | contour | ms | built in s | MB | off mean px | off p95 px | false | normal ° | inside px |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for r in rows:
        figures = f"{r.frame_ms:.2f} | {r.built_s:.2f} | {r.memory_mb:.1f} | {r.off_mean_px:.2f} | {r.off_p95_px:.1f}"
        figures += f" | {r.false_share:.0%} | {r.normal_median_deg:.1f} | {r.inside_median_px:.2f}"
        lines.append(f"| `{r.instrument}` | {r.method} | {figures} |")
    return "\n".join(lines)


def main(arguments: Arguments) -> None:
    """Measures, prints, writes."""
    rows = [row for name in NAMES for row in measure(name, arguments.poses)]
    print(table(rows))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
