"""Our head on the landmark network beside that network, on rendered hands unseen: python bench/gloved_landmarks.py

Both look at the true region of each hand, then at the region of what they found. Errors are mean distances of the
landmarks that are seen, over the longer side of the hand's box; a side counts where there is a hand for the network.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from hoi_perception.evaluation.refinement import Trial, truth_grasps
from hoi_perception.hands.landmarks import Colours, LandmarkNetwork, region_from_landmarks
from hoi_perception.networks.own_landmarks import DOUBTED, OwnLandmarks, in_image
from hoi_perception.synthesis.hand_patches import HandPatch, PatchMaker
from hoi_perception.types import HandLandmarks, HandRegion, Side

Look = Callable[[HandPatch, HandRegion], HandLandmarks]
SEED, ACCEPTED = 900, 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=80)
    parser.add_argument("--weights", type=Path, help="other weights than those of the package")
    options = parser.parse_args()
    grasps, _ = truth_grasps(Trial(grasps=48, seed=0))
    maker = PatchMaker(grasps, SEED)
    patches = [patch for number in range(options.scenes) for patch in maker.of_scene(number)]
    usual, own = LandmarkNetwork(), OwnLandmarks(options.weights)
    looks: dict[str, Look] = {
        "usual": lambda p, r: usual.run(p.image_bgr, r),
        "usual, tinted": lambda p, r: usual.run(p.image_bgr, r, Colours.TINTED),
        "our own": lambda p, r: own.run(p.image_bgr, r),
    }
    print("| hands | network | number | found | error, median | error, 90 % | side right |")
    print("|---|---|---|---|---|---|---|")
    for name, chosen in parts(patches):
        for network, look in looks.items():
            print(f"| {name} | {network} | {figures(chosen, look)} |")
    print("\n| spread of a landmark | error, RMS | seen |\n|---|---|---|")
    for row in spreads([patch for patch in patches if patch.present], own):
        print(row)


def parts(patches: list[HandPatch]) -> Iterator[tuple[str, list[HandPatch]]]:
    """Bare and gloved hands, and places without one."""
    for name, gloved in (("bare", False), ("gloved", True)):
        for much, low, high in ("mostly seen", 0.6, 1.01), ("half hidden", 0.2, 0.6):
            chosen = [p for p in patches if p.present and p.gloved == gloved and low <= p.visible.mean() < high]
            yield f"{name}, {much}", chosen
    yield "no hand", [p for p in patches if not p.present]


def spreads(patches: list[HandPatch], own: OwnLandmarks) -> Iterator[str]:
    """Errors of our own landmarks, by eighths of how unsure they are; both over the side of the crop."""
    spread, off, visible = [], [], []
    for patch in patches:
        found = own.run(patch.image_bgr, patch.region)
        seen = region_from_landmarks(found)
        hand = own.look(patch.image_bgr, seen)
        points = in_image(hand, seen).points_px
        spread.append(hand.spread)
        off.append(np.linalg.norm(points - patch.points_px, axis=1) / seen.size_px)
        visible.append(patch.visible)
    s, e, v = (np.concatenate(a) for a in (spread, off, visible))
    edges = np.quantile(s, np.linspace(0.0, 1.0, 9))
    for low, high in pairwise(edges):
        here = (s >= low) & (s <= high)
        yield f"| {low:.3f} to {high:.3f} | {np.sqrt((e[here] ** 2).mean()):.3f} | {v[here].mean():.0%} |"
    yield f"| mean of a hand below {DOUBTED} | {np.mean([one.mean() < DOUBTED for one in spread]):.0%} of hands | |"


def figures(patches: list[HandPatch], look: Look) -> str:
    """Share found, errors, share of right sides."""
    errors, sides = [], []
    for patch in patches:
        first = look(patch, patch.region)
        found = look(patch, region_from_landmarks(first))
        if min(first.presence, found.presence) < ACCEPTED:
            continue
        sides.append((found.right_score > 0.5) == (patch.side is Side.RIGHT))
        size = float(np.ptp(patch.points_px, axis=0).max())
        off = np.linalg.norm(found.points_px - patch.points_px, axis=1)[patch.visible]
        if len(off):
            errors.append(float(off.mean()) / size)
    share = f"{len(patches)} | {len(sides) / max(len(patches), 1):.0%}"
    if not errors:
        return f"{share} | | |"
    return f"{share} | {np.median(errors):.1%} | {np.quantile(errors, 0.9):.1%} | {np.mean(sides):.0%}"


if __name__ == "__main__":
    main()
