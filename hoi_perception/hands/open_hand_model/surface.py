"""The whole mesh at rest: digits and palm joined and numbered so that the published tip vertices are fingertips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.hands.joints import TIP_NAMES, Fingertips
from hoi_perception.hands.open_hand_model import digit_mesh, flesh, palm_mesh, remesh
from hoi_perception.hands.open_hand_model.digit_mesh import RING, DigitMesh
from hoi_perception.hands.open_hand_model.masses import Hand, build_hand, digit_frames, web_place
from hoi_perception.hands.open_hand_model.palm_mesh import PalmRim
from hoi_perception.hands.open_hand_model.proportions import FINGERS, rest_joints, thumb_joints

Array = NDArray[np.float64]
VERTEX_COUNT = 778
WRIST_RING_X_MM = 14.0
PALM = "palm"


@dataclass(frozen=True)
class Surface:
    """Mesh in millimetres relative to the wrist joint; `digit` names the digit (or the palm) that owns each vertex.

    `nails` lists the vertices of the nail plates, `wrist_ring` the 16 of the open end.
    """

    vertices: Float[Array, "778 3"]
    faces: Int[NDArray[np.int64], "1538 3"]
    digit: NDArray[Any]
    nails: Int[NDArray[np.int64], "k"]
    wrist_ring: Int[NDArray[np.int64], "16"]


def build_surface() -> Surface:
    """The mean hand's mesh."""
    hand = build_hand()
    corners = _web_corners(hand)
    digits = [_finger(hand, i, corners) for i in range(4)] + [_thumb(hand)]
    rim, base_index = _rim(hand, corners, digits)
    inner = sum(len(digit.vertices) - RING for digit in digits)
    palm_count = VERTEX_COUNT - inner
    vertices, faces = palm_mesh.triangulate(hand.distance, rim)
    vertices, faces = remesh.remesh(vertices, faces, len(rim.points), palm_count, hand.distance, _edge_length)
    return _numbered(*_joined(vertices, faces, digits, base_index, rim.wrist))


def _edge_length(points: Float[Array, "n 3"]) -> Float[Array, "n"]:
    """Wanted edge lengths: finest on the backs of the knuckles, fine round thumb and borders, else wider."""
    rest = rest_joints() * 1000.0 - rest_joints()[0] * 1000.0
    knuckles = rest[[1, 4, 7, 10]] + [0.0, 9.0, 0.0]
    borders = np.array([[-50.0, -8.0, -46.0], [-60.0, -9.0, 34.0]])
    others = np.vstack([rest[[13, 14]], borders])
    fine = 6.2 + 7.0 * _ramp(points, knuckles, 9.0, 40.0)
    medium = 7.8 + 5.4 * _ramp(points, others, 12.0, 38.0)
    return np.asarray(np.minimum(fine, medium))


def _ramp(points: Float[Array, "n 3"], centres: Float[Array, "c 3"], start: float, stop: float) -> Float[Array, "n"]:
    """From 0 to 1 with the distance to the nearest centre."""
    near = np.linalg.norm(points[:, None] - centres[None], axis=2).min(axis=1)
    return np.asarray(np.clip((near - start) / (stop - start), 0.0, 1.0))


def _web_corners(hand: Hand) -> Float[Array, "5 2 3"]:
    """Back and palm vertex of the five lines between and beside the finger bases, radial to ulnar."""
    corners = np.empty((5, 2, 3))
    for line in range(5):
        beside = [i for i in (line - 1, line) if 0 <= i < 4]
        points = [FINGERS[i].joints[0] + web_place(FINGERS[i]) * FINGERS[i].direction for i in beside]
        frame = np.mean([hand.fingers[i].frames[0] for i in beside], axis=0)
        if len(beside) == 2:
            start = np.mean(points, axis=0) - 6.0 * frame[:, 2] - 2.0 * frame[:, 1]
            toward = [0.45 * frame[:, 2] + frame[:, 1], 0.75 * frame[:, 2] - frame[:, 1]]
        else:
            outward = frame[:, 0] * (1.0 if line == 0 else -1.0)
            start = points[0] - 3.0 * frame[:, 2]
            toward = [outward + 0.45 * frame[:, 1], outward - 0.45 * frame[:, 1]]
        rays = np.array(toward) / np.linalg.norm(toward, axis=1, keepdims=True)
        corners[line] = flesh.cast(hand.distance, np.repeat(start[None], 2, axis=0), rays)
    return corners


def _finger(hand: Hand, number: int, corners: Float[Array, "5 2 3"]) -> DigitMesh:
    tube, digit = hand.fingers[number], FINGERS[number]
    place = web_place(digit)
    base = digit_mesh.ring_vertices(
        tube, hand.distance, digit_mesh.RingPlan(place - 1.0, slant=3.5, slant_at_deg=270.0)
    )
    base[[0, 9]] = corners[number]
    base[[4, 5]] = corners[number + 1]
    return digit_mesh.build_digit(tube, hand.distance, base, digit_mesh.finger_plan(digit.links, place))


def _thumb(hand: Hand) -> DigitMesh:
    one, two, three = (float(v) for v in np.linalg.norm(np.diff(thumb_joints(), axis=0), axis=1))
    plans = digit_mesh.thumb_plan((one, two, three))
    base = digit_mesh.ring_vertices(hand.thumb, hand.distance, plans[0])
    return digit_mesh.build_digit(hand.thumb, hand.distance, base, plans[1:])


def _rim(hand: Hand, corners: Float[Array, "5 2 3"], digits: list[DigitMesh]) -> tuple[PalmRim, list[list[int]]]:
    """Fixed vertices of the palm and, for each digit, where its base ring lies among them."""
    angles = np.radians(22.5 * np.arange(16))
    rays = np.column_stack([np.zeros(16), np.sin(angles), np.cos(angles)])
    wrist = flesh.cast(hand.distance, np.tile([WRIST_RING_X_MM, -1.5, -1.0], (16, 1)), rays)
    points, base_index = [wrist, corners.reshape(10, 3)], []
    for number in range(4):
        start = sum(len(p) for p in points)
        points.append(digits[number].vertices[[1, 2, 3, 6, 7, 8]])
        near, far = 16 + 2 * number, 18 + 2 * number
        base_index.append([near, start, start + 1, start + 2, far, far + 1, start + 3, start + 4, start + 5, near + 1])
    start = sum(len(p) for p in points)
    points.append(digits[4].vertices[:RING])
    base_index.append(list(range(start, start + RING)))
    thumb = base_index[4]
    back, front = [16], [17]
    for ring in base_index[:4]:
        back += ring[1:5]
        front += [ring[8], ring[7], ring[6], ring[5]]
    rim = PalmRim(np.vstack(points), list(range(16)), thumb[1:7], [thumb[i] for i in (1, 0, 9, 8, 7, 6)], back, front)
    return rim, base_index


def _joined(
    palm: Array, palm_faces: NDArray[np.int64], digits: list[DigitMesh], base_index: list[list[int]], wrist: list[int]
) -> tuple[Surface, dict[str, int]]:
    """Palm and digits in one mesh, with the vertex at each digit's tip."""
    vertices, faces = [palm], [palm_faces]
    owner, nails, tips = [PALM] * len(palm), [], {}
    for name, mesh, base in zip(("index", "middle", "ring", "pinky", "thumb"), digits, base_index, strict=True):
        start = len(owner)
        number = np.concatenate([base, start + np.arange(len(mesh.vertices) - RING)])
        vertices.append(mesh.vertices[RING:])
        faces.append(number[mesh.faces])
        owner += [name] * (len(mesh.vertices) - RING)
        nails += [int(number[i]) for i in mesh.nail]
        tips[name] = int(number[mesh.tip])
    surface = Surface(np.vstack(vertices), np.vstack(faces), np.array(owner), np.array(nails), np.array(wrist))
    return surface, tips


def _numbered(surface: Surface, tips: dict[str, int]) -> Surface:
    """The same mesh, numbered so that the four published sets of tip vertices lie on the right tips."""
    taken = _tip_places(surface, tips)
    order = np.full(VERTEX_COUNT, -1, dtype=np.int64)
    order[list(taken.values())] = list(taken)
    left = iter([v for v in _reading_order(surface) if v not in taken])
    for place in range(VERTEX_COUNT):
        if order[place] < 0:
            order[place] = next(left)
    new = np.empty(VERTEX_COUNT, dtype=np.int64)
    new[order] = np.arange(VERTEX_COUNT)
    faces = new[surface.faces]
    faces = np.array([np.roll(face, -int(face.argmin())) for face in faces])
    faces = faces[np.lexsort(faces.T[::-1])]
    return Surface(surface.vertices[order], faces, surface.digit[order], new[surface.nails], new[surface.wrist_ring])


def _tip_places(surface: Surface, tips: dict[str, int]) -> dict[int, int]:
    """Published number of vertices at the tips: the tip itself takes the commonest, its neighbours the others."""
    joined = remesh.neighbours(surface.faces)
    sets = np.array([tip_set.value for tip_set in Fingertips])  # (4 sets, 5 tips)
    places: dict[int, int] = {}
    for column, name in enumerate(TIP_NAMES):
        wanted = list(dict.fromkeys(sets[:, column].tolist()))
        pad = -digit_frames(name)[2][:, 1]
        around = sorted(joined[tips[name]], key=lambda v: float(-surface.vertices[v] @ pad))
        places |= dict(zip([tips[name], *around], wanted, strict=False))
    return places


def _reading_order(surface: Surface) -> list[int]:
    """Vertices by digit, each from the wrist outward, so that the numbering is smooth in space."""
    rank = {name: i for i, name in enumerate((PALM, "index", "middle", "ring", "pinky", "thumb"))}
    keys = [(rank[str(surface.digit[v])], -float(surface.vertices[v, 0]), v) for v in range(VERTEX_COUNT)]
    return [v for *_, v in sorted(keys)]
