"""Draws grasps: `python -m hoi_perception.evaluation.pictures --out FILE [--methods]`.

Each grasp is one row of tiles: the truth, with `--methods` also the unrefined start and the methods. A tile shows hand
and instrument from the side of the thumb and from the palm, both in the frame of the true wrist.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float64, Int, UInt8
from numpy.typing import NDArray

from hoi_perception.evaluation.figures import as_estimate
from hoi_perception.evaluation.refinement import TRUTH, Trial, truth_grasps
from hoi_perception.evaluation.refiner import Refiner
from hoi_perception.evaluation.start import Start
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.picture_sheet import shade
from hoi_perception.instruments.library import Library
from hoi_perception.rendering import rasterise
from hoi_perception.synthesis.grasp_evidence import EvidenceMaker
from hoi_perception.synthesis.grasp_truth import GraspEstimate, GraspTruth
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import rotation_from_axis_angle
from hoi_perception.types import Camera, Side

Array = NDArray[np.float64]
Image = UInt8[NDArray[np.uint8], "h w 3"]
TILE_PX, SAMPLES = 260, 2
WIDTH_M, DISTANCE_M = 0.22, 0.8
SKIN_BGR, STEEL_BGR = (0.34, 0.50, 0.78), (0.42, 0.24, 0.10)
LOOKS = ((0.5, 0.35, -1.0), (0.2, 1.0, -0.35))
"""Where a camera looks in the frame of a right hand's wrist: along these from thumb and index, and from the palm."""


def draw_row(truth: GraspTruth, estimates: Sequence[tuple[str, GraspEstimate]], mesh: InstrumentMesh) -> Image:
    """One grasp: a pair of views for each named estimate, all from the same places."""
    hand = HandModel.load(None, truth.side)
    R, t = rotation_from_axis_angle(truth.hand.pose[0]), truth.hand.wrist_camera
    middle = (hand.posed(truth.hand).vertices.mean(axis=0) - t) @ R
    tiles = []
    for name, estimate in estimates:
        body = mesh.vertices(estimate.R_camera_instrument, estimate.t_camera_instrument, estimate.joint_positions)
        points = (np.concatenate([hand.posed(estimate.hand).vertices, body]) - t) @ R
        faces = np.concatenate([hand.faces, mesh.faces + len(points) - len(body)])
        colours = np.repeat([SKIN_BGR, STEEL_BGR], [len(hand.faces), len(mesh.faces)], axis=0)
        for look in LOOKS:
            mirror = np.array([1.0 if truth.side is Side.RIGHT else -1.0, 1.0, 1.0])
            tiles.append(_tile(points - middle, faces, colours, np.array(look) * mirror, mirror))
        label = f"{truth.instrument}, {truth.side.label}: {name}"
        cv2.putText(tiles[-2], label, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1, cv2.LINE_AA)
    return np.hstack(tiles)


def _tile(
    points: Float64[Array, "n 3"],
    faces: Int[NDArray[np.integer], "m 3"],
    colours: Float64[Array, "m 3"],
    look: Float64[Array, "3"],
    mirror: Float64[Array, "3"],
) -> Image:
    forward = look / np.linalg.norm(look)
    down = np.array([0.0, -1.0, 0.0]) if abs(forward[1]) < 0.8 else np.array([1.0, 0.0, 0.0]) * mirror
    right = np.cross(down, forward)
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])
    seen = points @ R.T + [0.0, 0.0, DISTANCE_M]
    focal = TILE_PX * DISTANCE_M / WIDTH_M
    K = np.array([[focal, 0.0, TILE_PX / 2.0], [0.0, focal, TILE_PX / 2.0], [0.0, 0.0, 1.0]])
    size = TILE_PX * SAMPLES
    raster = rasterise(seen, faces, Camera(K, TILE_PX, TILE_PX), (size, size))
    picture = shade(raster, seen, faces, colours)
    return np.asarray(cv2.resize(picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def draw_grasps(truths: Sequence[GraspTruth], methods: dict[str, Refiner], columns: int, seed: int = 0) -> Image:
    """All grasps, `columns` of them side by side; with `methods` each also as they find it."""
    maker, library, rows = EvidenceMaker(), Library.find(), []
    for number, truth in enumerate(truths):
        model = library.get(truth.instrument)
        shown = [(TRUTH, as_estimate(truth))]
        evidence = maker.evidence([truth], model, (seed, 0, number))[0]
        shown += [(name, method.refine_grasp(evidence)) for name, method in methods.items()]
        rows.append(draw_row(truth, shown, InstrumentMesh.of(model)))
    blank = np.full_like(rows[0], 255)
    rows += [blank] * (-len(rows) % columns)
    return np.vstack([np.hstack(rows[i : i + columns]) for i in range(0, len(rows), columns)])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Draw simulated grasps.")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--grasps", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=0, help="grasps side by side; 4, or 1 with --methods")
    parser.add_argument("--methods", action="store_true", help="also draw the start and what the methods make of it")
    asked = parser.parse_args()
    methods: dict[str, Refiner] = {}
    if asked.methods:
        from hoi_perception.evaluation.methods import methods as constructors

        methods = {"start": Start(), **{name: make() for name, make in constructors().items()}}
    truths, _ = truth_grasps(Trial(grasps=asked.grasps, seed=asked.seed))
    picture = draw_grasps(truths, methods, asked.columns or (1 if methods else 4), asked.seed)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(asked.out), picture):
        raise OSError(f"{asked.out} could not be written: is its ending that of a picture format?")


if __name__ == "__main__":
    main()
