"""Hands and instruments of a scene drawn over the picture they were found in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import warp as wp
from jaxtyping import Float, Float32, Int, UInt8
from numpy.typing import NDArray

from hoi_perception.annotation import Plate, draw_caption, draw_plate, draw_skeleton, label_anchor
from hoi_perception.camera import camera_of_size, project
from hoi_perception.instruments.surfaces import Surfaces
from hoi_perception.kernels import raster as kernels
from hoi_perception.palette import INSTRUMENT_COLOUR_BGR, SIDE_COLOURS_BGR, STATE_OPACITY
from hoi_perception.rendering import (
    Window,
    fill_zbuffer,
    project_to_screen,
    vertex_normals,
    visible_window,
)
from hoi_perception.types import Camera, Scene, Side

Image = UInt8[NDArray[np.uint8], "h w 3"]
HandFaces = Mapping[Side, Int[NDArray[np.integer], "1538 3"]]

TO_LIGHT = (-0.42, -0.72, -0.55)
"""From the surface to the lamp, in the optical frame of the view: above, a little left, on the viewer's side."""


@dataclass(frozen=True)
class ShadedMesh:
    """Triangles in the frame of the camera that looks at them, with a colour (BGR and opacity, 0 to 1) for each."""

    vertices: Float32[NDArray[np.float32], "n 3"]
    normals: Float32[NDArray[np.float32], "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]
    colours: Float32[NDArray[np.float32], "m 4"]


def draw_overlay(
    image_bgr: Image,
    scene: Scene,
    faces: HandFaces,
    *,
    landmarks: bool = False,
    labels: bool = True,
    samples: int = 2,
    device: str = "cpu",
    surfaces: Surfaces | None = None,
) -> Image:
    """A copy of the image with shaded, half-transparent bodies, their labels and what is assumed of the camera.

    Instruments are drawn where their `surfaces` are given. `samples` = 1 leaves edges stepped and takes about two
    thirds of the time.
    """
    camera = camera_of_size(scene.camera, image_bgr.shape[1], image_bgr.shape[0])
    image = image_bgr.copy()
    bodies = bodies_of(scene, faces, surfaces)
    if bodies:
        draw_mesh(image, mesh_of(bodies), camera, samples=samples, device=device)
    plates: list[Plate] = []
    for hand in scene.hands:
        colour = SIDE_COLOURS_BGR[hand.side]
        if landmarks:
            draw_skeleton(image, project(hand.joints_camera, camera), colour)
        anchor = label_anchor(project(hand.vertices_camera.astype(np.float64), camera), image) if labels else None
        if anchor is not None:
            title = f"{hand.side.label.capitalize()} {hand.track_id}"
            plates.append(draw_plate(image, title, hand.state.name.lower(), anchor, colour, plates))
    for instrument in scene.instruments if labels else ():
        tips = instrument.tips_camera if len(instrument.tips_camera) else instrument.t_camera_instrument[None]
        anchor = label_anchor(project(tips, camera), image)
        if anchor is not None:
            title = f"{instrument.name} {instrument.track_id}"
            plates.append(
                draw_plate(image, title, instrument.state.name.lower(), anchor, INSTRUMENT_COLOUR_BGR, plates)
            )
    if labels and camera.assumed:
        draw_caption(image, camera.assumed)
    return image


def at_most_rows(image: Image, rows: int) -> UInt8[NDArray[np.uint8], "h2 w2 3"]:
    """The image, scaled down where it is higher than that."""
    height, width = image.shape[:2]
    if height <= rows:
        return image
    size = (max(1, round(width * rows / height)), rows)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class DrawnBody:
    """A hand or an instrument to be drawn: camera frame (m), colour and opacity (BGRA, 0 to 1)."""

    vertices: Float32[NDArray[np.float32], "n 3"]
    faces: Int[NDArray[np.integer], "m 3"]
    colour: tuple[float, float, float, float]


def bodies_of(scene: Scene, faces: HandFaces, surfaces: Surfaces | None = None) -> list[DrawnBody]:
    """Hands of a scene, and its instruments where their surfaces are given."""
    bodies = [
        DrawnBody(hand.vertices_camera, faces[hand.side], (*SIDE_COLOURS_BGR[hand.side], STATE_OPACITY[hand.state]))
        for hand in scene.hands
    ]
    for instrument in scene.instruments if surfaces is not None else ():
        assert surfaces is not None
        vertices, triangles = surfaces.of(instrument)
        colour = (*INSTRUMENT_COLOUR_BGR, STATE_OPACITY[instrument.state])
        bodies.append(DrawnBody(vertices.astype(np.float32), triangles, colour))
    return bodies


def mesh_of(
    bodies: Sequence[DrawnBody],
    R_view_camera: Float[NDArray[np.floating], "3 3"] | None = None,
    t_view_camera: Float[NDArray[np.floating], "3"] | None = None,
) -> ShadedMesh:
    """All bodies as one mesh in the frame of a view, the camera's own by default."""
    vertices, normals, triangles, colours = [], [], [], []
    first = 0
    for body in bodies:
        points = body.vertices
        if R_view_camera is not None and t_view_camera is not None:
            points = (points @ R_view_camera.T + t_view_camera).astype(np.float32)
        vertices.append(points)
        normals.append(vertex_normals(points, body.faces))
        triangles.append(body.faces + first)
        colours.append(np.repeat(np.array([body.colour], dtype=np.float32), len(body.faces), axis=0))
        first += len(points)
    return ShadedMesh(
        np.concatenate(vertices), np.concatenate(normals), np.concatenate(triangles), np.concatenate(colours)
    )


def draw_mesh(image: Image, mesh: ShadedMesh, camera: Camera, *, samples: int = 2, device: str = "cpu") -> Window:
    """Blend a shaded mesh into the image in place; answers the rectangle that was touched.

    Edges are smoothed by `samples` x `samples` samples a pixel.
    """
    screen = project_to_screen(mesh.vertices, camera)
    window = visible_window(screen, camera.width, camera.height)
    if window.width == 0:
        return window
    buffer = fill_zbuffer(screen, mesh.faces, window, samples=samples, device=device, front_only=True)
    target = wp.array(image, dtype=wp.uint8, device=device, copy=False)
    light = np.array(TO_LIGHT) / np.linalg.norm(TO_LIGHT)
    inputs = [
        buffer.screen,
        buffer.faces,
        wp.array(mesh.vertices, dtype=wp.vec3, device=device),
        wp.array(mesh.normals, dtype=wp.vec3, device=device),
        wp.array(mesh.colours, dtype=wp.vec4, device=device),
        wp.vec3(*light),
        buffer.keys,
        samples,
        window.x,
        window.y,
    ]
    wp.launch(kernels.blend, dim=(window.height, window.width), inputs=inputs, outputs=[target], device=device)
    if device != "cpu":
        image[:] = target.numpy()
    return window
