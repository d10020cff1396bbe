"""Pictures of synthetic scenes with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Float64, Int32, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import project
from hoi_perception.hands.joints import FINGER_JOINTS, OPENPOSE_FROM_21, PARENTS, TIP_ROWS
from hoi_perception.kernels import openness as openness_kernels
from hoi_perception.kernels import shade as kernels
from hoi_perception.rendering import Window, fill_zbuffer, project_to_screen
from hoi_perception.synthesis.camera_effects import expose
from hoi_perception.synthesis.ensemble import Ensemble, gather, gather_vertices
from hoi_perception.synthesis.look import Part
from hoi_perception.synthesis.scene import Rendered, Scene
from hoi_perception.synthesis.stage import Stage
from hoi_perception.types import Camera

Array = NDArray[np.float64]
SAMPLES = 2
_OPENNESS_REACH_M = 0.014
_JOINT_WINDOW_PX = 3


class SceneRenderer:
    """Renders scenes; what does not move is kept for the next picture of the same place. Not for several threads."""

    def __init__(self, hand_model: str = "") -> None:
        self._hand_model = hand_model
        self._stage: Stage | None = None

    def render(self, scene: Scene, earlier: Scene | None = None) -> Rendered:
        """The picture of a scene; bodies smear from where they are half the shutter's time toward the `earlier` one.

        The earlier scene has the same bodies in the same order, and is one frame's time before. The same scenes give
        the same bytes.
        """
        if self._stage is None or not self._stage.serves(scene):
            self._stage = Stage.build(scene)
        stage = self._stage
        bodies = gather(scene, self._hand_model)
        before = None if earlier is None else gather_vertices(earlier, self._hand_model)
        seen = _Painting.of(scene, stage, bodies, before)
        sensor = scene.look.sensor
        moving = seen.flow if before is not None and np.abs(seen.flow).max() > 0.6 else None
        image = expose(seen.linear, moving, seen.depth, scene.camera, sensor)
        return _with_truth(scene, bodies, seen, image)


@dataclass(frozen=True, eq=False)
class _Painting:
    """The linear picture and what is seen in each pixel."""

    linear: Float32[NDArray[np.float32], "h w 3"]
    depth: Float32[NDArray[np.float32], "h w"]
    face_id: Int32[NDArray[np.int32], "h w"]
    flow: Float32[NDArray[np.float32], "h w 2"]

    @staticmethod
    def of(scene: Scene, stage: Stage, bodies: Ensemble, before: Float64[Array, "n 3"] | None) -> _Painting:
        camera = scene.camera
        height, width = camera.height, camera.width
        screen = project_to_screen(bodies.vertices, camera)
        buffer = fill_zbuffer(screen, bodies.faces, Window(0, 0, width, height), samples=SAMPLES, device="cpu")
        openness = _openness(buffer.keys, stage, camera)
        shift = np.zeros((len(screen), 2), dtype=np.float32)
        if before is not None:
            shift = (screen[:, :2] - project_to_screen(before, camera)[:, :2]) * np.float32(scene.look.sensor.shutter)
            shift = np.nan_to_num(np.clip(shift, -40.0, 40.0))
        shadow = stage.shadow_map(bodies)
        linear, pixels = _ground(buffer.keys, stage, shadow, openness)
        flow = np.zeros((height, width, 2), dtype=np.float32)
        depth = stage.depth.numpy().copy()
        face_id = np.full((height, width), -1, dtype=np.int32)
        targets = ((linear, wp.vec3), (depth, wp.float32), (face_id, wp.int32), (flow, wp.vec2))
        inputs = [
            bodies.on_device(buffer.screen, buffer.faces, shift),
            stage.room(shadow),
            buffer.keys,
            SAMPLES,
            wp.array(pixels, dtype=wp.int32, device="cpu"),
            openness,
        ]
        outputs = [wp.array(a, dtype=kind, device="cpu", copy=False) for a, kind in targets]
        wp.launch(kernels.paint, dim=len(pixels), inputs=inputs, outputs=outputs, device="cpu")
        return _Painting(linear, depth, face_id, flow)


def _ground(
    keys: wp.array, stage: Stage, shadow: Float32[NDArray[np.float32], "s s"], openness: wp.array
) -> tuple[Float32[NDArray[np.float32], "h w 3"], Int32[NDArray[np.int32], " p"]]:
    """The ground's linear picture, and the pixels (row by row) over which bodies are to be painted."""
    shape = (stage.camera.height, stage.camera.width)
    linear, covered = np.empty((*shape, 3), dtype=np.float32), np.empty(shape, dtype=np.uint8)
    fall, near = (wp.array(a, dtype=wp.float32, device="cpu", copy=False) for a in stage.ground_shadows(shadow))
    inputs = [keys, SAMPLES, stage.lit, stage.unlit, fall, near, openness]
    outputs = [
        wp.array(linear, dtype=wp.vec3, device="cpu", copy=False),
        wp.array(covered, dtype=wp.uint8, device="cpu", copy=False),
    ]
    wp.launch(kernels.lay_ground, dim=shape, inputs=inputs, outputs=outputs, device="cpu")
    return linear, np.flatnonzero(covered).astype(np.int32)


def _openness(keys: wp.array, stage: Stage, camera: Camera) -> Any:
    """Openness of each pixel, found at half the picture's size."""
    size = (camera.height // 2, camera.width // 2)
    depth = wp.empty(size, dtype=wp.float32, device="cpu")
    inputs = [keys, 2 * SAMPLES, stage.depth]
    wp.launch(openness_kernels.coarse_depth, dim=size, inputs=inputs, outputs=[depth], device="cpu")
    turns = np.arange(5) * np.pi / 5.0 + 0.3
    reach = np.array([1.0, 0.45, 0.75, 0.3, 0.6])[:, None]
    directions = (reach * np.stack([np.cos(turns), np.sin(turns)], axis=1)).astype(np.float32)
    out = wp.empty(size, dtype=wp.float32, device="cpu")
    inputs = [
        depth,
        wp.array(directions, dtype=wp.vec2, device="cpu"),
        0.5 * camera.focal_px,
        _OPENNESS_REACH_M,
    ]
    wp.launch(openness_kernels.find_openness, dim=size, inputs=inputs, outputs=[out], device="cpu")
    soft = cv2.GaussianBlur(out.numpy(), (0, 0), 1.1)
    full = cv2.resize(soft, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
    return wp.array(full, dtype=wp.float32, device="cpu", copy=False)


def _with_truth(scene: Scene, bodies: Ensemble, seen: _Painting, image: UInt8[NDArray[np.uint8], "h w 3"]) -> Rendered:
    face = seen.face_id
    shown = face >= 0
    parts = np.where(shown, bodies.part[face], np.uint8(Part.GROUND))
    instances = np.where(shown, bodies.instance[face], np.uint8(0))
    joints = bodies.joints
    px = np.asarray(project(joints, scene.camera), dtype=np.float64)
    depth = np.where(np.isfinite(seen.depth), seen.depth, np.float32(np.nan))
    visible = np.array([_visible(scene, bodies, face, k, px[k]) for k in range(len(px))], dtype=bool).reshape(-1, 21)
    return Rendered(image, depth, parts, instances, joints, px, visible, scene)


def _visible(
    scene: Scene, bodies: Ensemble, face: Int32[NDArray[np.int32], "h w"], hand: int, px: Float64[Array, "21 2"]
) -> Bool[NDArray[np.bool_], "21"]:
    """Whether near each joint's pixel the hand's surface over one of the joint's own bones is seen."""
    height, width = face.shape
    camera, disc = scene.camera, scene.look.sensor.disc
    out = np.zeros(21, dtype=bool)
    for joint, (x, y) in enumerate(px):
        if not (0 <= x < width and 0 <= y < height):
            continue
        if disc > 0.0 and np.hypot(x - camera.K[0, 2], y - camera.K[1, 2]) > disc * 0.5 * height:
            continue
        r = _JOINT_WINDOW_PX
        x0, y0 = round(float(x)), round(float(y))
        near = face[max(y0 - r, 0) : y0 + r + 1, max(x0 - r, 0) : x0 + r + 1]
        near = near[near >= 0]
        near = near[bodies.instance[near] == hand + 1]
        out[joint] = bool(_AROUND[joint, bodies.bone[near]].any())
    return out


def _bones_round_joints() -> Bool[NDArray[np.bool_], "21 17"]:
    """Whether a bone's surface lies round a joint (OpenPose's order); the last column is for what is no hand."""
    out = np.zeros((21, 17), dtype=bool)
    out[0, 0] = True
    for row in range(1, 16):
        out[row, [row, max(int(PARENTS[row]), 0)]] = True
    for finger, row in TIP_ROWS.items():
        out[row, FINGER_JOINTS[finger][2]] = True
    return out[OPENPOSE_FROM_21]


_AROUND = _bones_round_joints()
