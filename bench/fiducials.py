"""How well a marker on an instrument tells its pose, over distance and tilt, and what it costs.

Drawn pictures of an AprilTag 36h11: blurred by a Gaussian, with noise; turns about the line of sight and places in the
picture by lot. Times are of the processor.

    python bench/fiducials.py [--size 0.012] [--width 1280] [--fov 60] [--draws 30] [--blur 0.8] [--noise 3]
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from hoi_perception.camera import camera_from_fov, project
from hoi_perception.fiducials.borders import sharp_corners
from hoi_perception.fiducials.detection import MarkerFinder
from hoi_perception.fiducials.drawing import with_marker
from hoi_perception.fiducials.reader import marker_pose
from hoi_perception.fiducials.square_pose import square
from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Camera

Array = NDArray[np.float64]
TAG = "DICT_APRILTAG_36h11"
DISTANCES, TILTS = (0.15, 0.25, 0.4, 0.6), (0.0, 30.0, 60.0)


def placed(distance: float, tilt: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """A marker at a distance (m), tilted by so much (rad) out of the image plane, in the middle part of the picture."""
    azimuth = rng.uniform(0.0, 2.0 * np.pi)
    turns = np.array([[0.0, 0.0, rng.uniform(-np.pi, np.pi)], [tilt * np.cos(azimuth), tilt * np.sin(azimuth), 0.0]])
    spin, lean = np.asarray(rotation_from_axis_angle(turns), dtype=np.float64)
    t = distance * np.array([rng.uniform(-0.3, 0.3), rng.uniform(-0.15, 0.15), 1.0])
    return lean @ np.diag([1.0, -1.0, -1.0]) @ spin, t


def filmed(
    camera: Camera, size: float, R: Array, t: Array, blur: float, noise: float, rng: np.random.Generator
) -> UInt8[NDArray[np.uint8], "h w"]:
    """The grey picture of a marker on a grey ground."""
    ground = np.full((camera.height, camera.width, 3), 110, dtype=np.uint8)
    image = with_marker(ground, camera, (TAG, 7, size), R, t)[..., 0].astype(np.float64)
    image = cv2.GaussianBlur(image, (0, 0), blur) + rng.normal(0.0, noise, image.shape)
    return np.clip(np.round(image), 0.0, 255.0).astype(np.uint8)


def row(camera: Camera, args: argparse.Namespace, distance: float, tilt_deg: float, seed: int) -> str:
    """A row of the table."""
    rng, finder = np.random.default_rng(seed), MarkerFinder([TAG])
    errors: list[Float64[Array, "6"]] = []
    squared, corners, doubts, find_s, pose_s = [], [], [], [], []
    for _ in range(args.draws):
        R, t = placed(distance, np.radians(tilt_deg), rng)
        grey = filmed(camera, args.size, R, t, args.blur, args.noise, rng)
        start = time.process_time()
        seen = finder.found(grey)
        find_s.append(time.process_time() - start)
        if len(seen) != 1:
            continue
        start = time.process_time()
        pose = marker_pose(grey, camera, seen[0], args.size)
        pose_s.append(time.process_time() - start)
        rays = sharp_corners(grey, seen[0].corners_px, camera)
        if pose is None or rays is None:
            continue
        px = np.asarray(project(np.column_stack([rays, np.ones(4)]), camera))
        corners.append(px - np.asarray(project(square(args.size) @ R.T + t, camera)))
        errors.append(np.concatenate([t - pose.t, axis_angle_from_rotation(R @ pose.R.T)]))
        squared.append(float(errors[-1] @ np.linalg.solve(pose.covariance, errors[-1])))
        doubts.append(pose.doubt)
    side = args.size * camera.focal_px / distance
    head = f"| {distance:.2f} | {side:.0f} | {tilt_deg:.0f} | {100.0 * len(errors) / args.draws:.0f} |"
    if not errors:
        return head + " – | – | – | – | – | – | – |"
    off = np.array(errors)
    across, along = 1e3 * np.linalg.norm(off[:, :2], axis=1), 1e3 * np.abs(off[:, 2])
    turn = np.degrees(np.linalg.norm(off[:, 3:], axis=1))
    rms = float(np.sqrt(np.mean(np.square(corners))))
    return (
        f"{head} {rms:.2f} | {np.median(across):.2f} | {np.median(along):.2f} | {np.median(turn):.1f} | "
        f"{np.mean(doubts):.2f} | {np.mean(squared):.1f} | "
        f"{1e3 * np.median(find_s):.1f} + {1e3 * np.median(pose_s):.1f} |"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--size", type=float, default=0.012, help="side of the black square, m")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--fov", type=float, default=60.0, help="horizontal field of view, deg")
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--blur", type=float, default=0.8, help="standard deviation, px")
    parser.add_argument("--noise", type=float, default=3.0, help="standard deviation, of 255")
    args = parser.parse_args()
    camera = camera_from_fov(args.width, args.width * 9 // 16, args.fov, assumed=False)
    print(
        "| distance, m | side, px | tilt, ° | found, % | corner, px | across, mm | along, mm | turn, ° | doubt "
        "| NEES of 6 | find + pose, ms |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for k, (distance, tilt) in enumerate((d, a) for d in DISTANCES for a in TILTS):
        print(row(camera, args, distance, tilt, k))


if __name__ == "__main__":
    main()
