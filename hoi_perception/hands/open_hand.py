"""Makes the open hand: a free, procedural hand model with MANO's interface.

`python -m hoi_perception.hands.open_hand --out FILE` writes the file that ships with the package. The generator needs
scipy; reading the file needs numpy alone. The result is the same in every run.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import FINGERS, PARENTS, joint_frames
from hoi_perception.hands.open_hand_model.correctives import pose_directions
from hoi_perception.hands.open_hand_model.masses import build_hand
from hoi_perception.hands.open_hand_model.poses import pose_space
from hoi_perception.hands.open_hand_model.proportions import WRIST_IN_MODEL_MM, rest_joints
from hoi_perception.hands.open_hand_model.regressor import joint_regressor
from hoi_perception.hands.open_hand_model.shapes import SHAPE_NAMES, shape_directions
from hoi_perception.hands.open_hand_model.skinning import skin
from hoi_perception.hands.open_hand_model.surface import PALM, Surface, build_surface

OPEN_HAND_FILE = Path(__file__).with_name("open_hand.npz")
ROOT_PARENT = 4294967295
"""Parent of the wrist in MANO's kinematic table: −1 as unsigned 32 bits."""

Arrays = dict[str, NDArray[np.generic]]


def build() -> Arrays:
    """All arrays of the file, named and shaped as in MANO; metres and radians, right hand."""
    surface, hand = build_surface(), build_hand()
    rest = rest_joints()
    joints_mm = rest[:16] * 1000.0 - WRIST_IN_MODEL_MM
    frames = joint_frames(rest)
    weights = skin(surface, hand)
    directions, joint_directions = shape_directions(surface, weights, joints_mm, frames, hand)
    regressor = joint_regressor(surface.vertices, directions, joints_mm, joint_directions, _owners(surface))
    space = pose_space(frames)
    template = (surface.vertices + WRIST_IN_MODEL_MM) / 1000.0
    parents = np.where(PARENTS < 0, ROOT_PARENT, PARENTS)
    return {
        "v_template": template,
        "shapedirs": directions / 1000.0,
        "posedirs": pose_directions(surface.vertices, surface.faces, weights, joints_mm, frames) / 1000.0,
        "J_regressor": regressor,
        "J": regressor @ template,
        "weights": weights,
        "kintree_table": np.stack([parents, np.arange(16)]).astype(np.int64),
        "f": surface.faces.astype(np.uint32),
        "hands_components": space.components,
        "hands_mean": space.mean,
        "pose_covariance": space.covariance,
        "bs_type": np.array("lrotmin"),
        "bs_style": np.array("lbs"),
        "shape_names": np.array(SHAPE_NAMES),
        "nail_vertices": surface.nails.astype(np.int64),
    }


def _owners(surface: Surface) -> list[NDArray[np.bool_]]:
    """For each joint the vertices that may carry it: the digit's own, for joints near the palm also the palm's."""
    palm = surface.digit == PALM
    owners = [palm]
    for name in FINGERS:
        own = surface.digit == name
        owners += [own | palm, own | palm if name == "thumb" else own, own]
    return owners


def save(arrays: Arrays, path: Path) -> None:
    """Write a compressed npz whose bytes depend on the arrays alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, buffer.getvalue())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make the open hand model.")
    parser.add_argument("--out", type=Path, default=OPEN_HAND_FILE, help="npz file to write")
    save(build(), parser.parse_args().out)


if __name__ == "__main__":
    main()
