"""A second look at a scene from a place where no camera stands, so that a person sees depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

from hoi_perception.annotation import Plate, draw_axes, draw_caption, draw_plate, draw_segments, label_anchor
from hoi_perception.camera import camera_from_fov, project, undistort
from hoi_perception.instruments.surfaces import Surfaces
from hoi_perception.overlay import HandFaces, bodies_of, draw_mesh, mesh_of
from hoi_perception.palette import SIDE_COLOURS_BGR
from hoi_perception.rendering import NEAR_M, rasterise
from hoi_perception.types import Camera, Scene

Image = UInt8[NDArray[np.uint8], "h w 3"]
Vec3 = Float[NDArray[np.floating], "3"]

GRID_CELL_M = 0.05
GRID_CELLS = 16
_FOV_DEG = 36.0
_SKY_BGR = (58, 50, 44)
_GROUND_BGR = (30, 25, 22)
_LINE_BGR = (128, 116, 106)


@dataclass(frozen=True)
class View:
    """A virtual pinhole camera with its pose, all in the frame of the real camera, and the floor it shows.

    `center` is what it looks at (m); azimuth 0 looks along the real camera's axis, 90 from its right side; elevation is
    seen from above. `floor_y` is the height (y down) of the grid.
    """

    center: Vec3
    distance: float
    floor_y: float
    azimuth_deg: float = 40.0
    elevation_deg: float = 30.0

    @property
    def R_view_camera(self) -> Float[NDArray[np.floating], "3 3"]:
        """Rotation from the real camera's frame to the view's optical frame."""
        az, el = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        forward = np.array([-np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])
        right = np.array([np.cos(az), 0.0, np.sin(az)])
        return np.stack([right, np.cross(forward, right), forward])

    @property
    def t_view_camera(self) -> Vec3:
        """Translation that goes with `R_view_camera`, in metres."""
        return np.array([0.0, 0.0, self.distance]) - self.R_view_camera @ self.center


def view_of_scene(scene: Scene, previous: View | None = None, *, follow: float = 0.08) -> View:
    """A view with all hands in it; with a previous view it moves there by the fraction `follow`.

    It jumps only where the previous view would not show the middle of the hands.
    """
    if not scene.hands:
        return previous or View(center=np.array([0.0, 0.0, 0.5]), distance=0.75, floor_y=0.12)
    points = np.concatenate([hand.vertices_camera for hand in scene.hands]).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    radius = max(0.5 * float(np.linalg.norm(high - low)), 0.12)
    wanted = View(0.5 * (low + high), radius / np.tan(np.radians(_FOV_DEG / 2.0)) * 1.12, float(high[1]) + 0.04)
    if previous is None or not _shows(previous, wanted.center):
        return wanted
    return replace(
        previous,
        center=previous.center + follow * (wanted.center - previous.center),
        distance=previous.distance + follow * (wanted.distance - previous.distance),
        floor_y=previous.floor_y + follow * (wanted.floor_y - previous.floor_y),
    )


def _shows(view: View, point: Vec3) -> bool:
    """Whether a point (camera frame) lies inside the circle that fits into the view's square."""
    x, y, z = view.R_view_camera @ point + view.t_view_camera
    return bool(z > NEAR_M and np.hypot(x, y) < z * np.tan(np.radians(_FOV_DEG / 2.0)))


def virtual_view(
    scene: Scene,
    faces: HandFaces,
    view: View | None = None,
    size: tuple[int, int] = (640, 720),
    *,
    device: str = "cpu",
    surfaces: Surfaces | None = None,
) -> Image:
    """Picture (width, height) of hands, and of instruments whose `surfaces` are given, from the side above a floor
    grid, with axes and the camera's outline."""
    view = view or view_of_scene(scene)
    width, height = size
    fov = np.degrees(2.0 * np.arctan(np.tan(np.radians(_FOV_DEG / 2.0)) * width / min(width, height)))
    camera = camera_from_fov(width, height, float(fov), assumed=False)
    image = _backdrop(width, height)
    _draw_floor_shadow(image, scene, faces, view, camera)
    _draw_grid(image, view, camera)
    _draw_camera_outline(image, scene.camera, view, camera)
    bodies = bodies_of(scene, faces, surfaces)
    if bodies:
        mesh = mesh_of(bodies, view.R_view_camera, view.t_view_camera)
        draw_mesh(image, replace(mesh, colours=_firm(mesh.colours)), camera, device=device)
    plates: list[Plate] = []
    for hand in scene.hands:
        anchor = label_anchor(project(_to_view(hand.vertices_camera.astype(np.float64), view), camera), image)
        if anchor is not None:
            depth = f"{100.0 * hand.parameters.wrist_camera[2]:.0f} cm away"
            colour = SIDE_COLOURS_BGR[hand.side]
            plates.append(draw_plate(image, hand.side.label.capitalize(), depth, anchor, colour, plates))
    draw_axes(image, view.R_view_camera)
    draw_caption(image, f"view from the side, grid of {100 * GRID_CELL_M:.0f} cm")
    return image


def side_by_side(left: Image, right: UInt8[NDArray[np.uint8], "h2 w2 3"]) -> UInt8[NDArray[np.uint8], "h w3 3"]:
    """Two pictures in one frame: the right one is scaled to the left one's height; a dark line stands between."""
    height = left.shape[0]
    if right.shape[0] != height:
        width = max(round(right.shape[1] * height / right.shape[0]), 1)
        right = np.asarray(cv2.resize(right, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    gap = np.full((height, 2 + (left.shape[1] + right.shape[1]) % 2, 3), 16, dtype=np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _firm(colours: Float[NDArray[np.floating], "m 4"]) -> NDArray[np.float32]:
    """Colours with opacity raised: nothing that matters lies behind the hands here."""
    firm = colours.astype(np.float32)
    firm[:, 3] = np.minimum(0.45 + 0.8 * firm[:, 3], 0.96)
    return firm


def _to_view(points: Float[NDArray[np.floating], "... 3"], view: View) -> NDArray[np.float64]:
    return np.asarray(points @ view.R_view_camera.T + view.t_view_camera)


def _backdrop(width: int, height: int) -> Image:
    ramp = np.linspace(0.0, 1.0, height)[:, None, None] ** 0.8
    column = np.array(_SKY_BGR) * (1.0 - ramp) + np.array(_GROUND_BGR) * ramp
    return np.repeat(np.round(column).astype(np.uint8), width, axis=1)


def _draw_floor_shadow(image: Image, scene: Scene, faces: HandFaces, view: View, camera: Camera) -> None:
    """Darken the floor straight below the hands, in place (at a quarter of the resolution, then blurred)."""
    shade = np.zeros((camera.height // 4, camera.width // 4), dtype=np.float32)
    for hand in scene.hands:
        fallen = hand.vertices_camera.astype(np.float64)
        fallen[:, 1] = view.floor_y
        size = (shade.shape[1], shade.shape[0])
        shade = np.maximum(shade, rasterise(_to_view(fallen, view), faces[hand.side], camera, size).mask)
    if not shade.any():
        return
    soft = cv2.resize(cv2.GaussianBlur(shade, (0, 0), 2.0), (camera.width, camera.height))
    image[:] = (image * (1.0 - 0.6 * soft[:, :, None])).astype(np.uint8)


def _draw_grid(image: Image, view: View, camera: Camera) -> None:
    """Floor grid that fades away from the centre, in place."""
    half = 0.5 * GRID_CELLS * GRID_CELL_M
    ticks = np.linspace(-half, half, GRID_CELLS + 1)
    origin = np.array([*(np.round(view.center[[0, 2]] / GRID_CELL_M) * GRID_CELL_M), view.floor_y])[[0, 2, 1]]
    a, b = np.meshgrid(ticks, ticks[:-1], indexing="ij")
    zero, step = np.zeros_like(a), GRID_CELL_M
    starts = np.concatenate([np.stack([a, zero, b], -1).reshape(-1, 3), np.stack([b, zero, a], -1).reshape(-1, 3)])
    along = np.repeat([[0.0, 0.0, step], [step, 0.0, 0.0]], a.size, axis=0)
    fade = np.clip(1.15 - np.linalg.norm(starts + 0.5 * along, axis=1) / half, 0.0, 1.0)
    segments = project(_to_view(np.stack([starts, starts + along], axis=1) + origin, view), camera)
    draw_segments(image, segments, np.array(_LINE_BGR), fade * 0.55)


def _draw_camera_outline(image: Image, real: Camera, view: View, camera: Camera) -> None:
    """Edges of what the real camera sees, from its centre to the hands' depth, where they are in the view."""
    corners = np.array([[0, 0], [real.width - 1, 0], [real.width - 1, real.height - 1], [0, real.height - 1]], float)
    rays = np.concatenate([undistort(corners, real), np.ones((4, 1))], axis=1)
    reach = np.linspace(0.0, max(float(view.center[2]), 0.1), 25)
    points = _to_view(rays[:, None] * reach[:, None], view)  # (4, 25, 3)
    px = np.where(points[..., 2:] > NEAR_M, project(points, camera), np.nan)
    segments = np.stack([px[:, :-1], px[:, 1:]], axis=2).reshape(-1, 2, 2)
    draw_segments(image, segments, np.array(_LINE_BGR), np.full(len(segments), 0.35))
