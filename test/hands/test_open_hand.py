"""The open hand: interface, surface, proportions, skinning, correctives, shapes and poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from penetration import distance_to_triangles, self_penetration, winding_number

from hoi_perception.hands.anatomy import (
    FINGER_JOINTS,
    JOINT_LIMITS,
    PARENTS,
    TIP_NAMES,
    Fingertips,
    gesture_angles,
    grasp_angles,
    joint_frames,
    rotations_from_angles,
)
from hoi_perception.hands.open_hand import OPEN_HAND_FILE, ROOT_PARENT, build, save
from hoi_perception.hands.open_hand_model.correctives import boundary_edges, enclosed_volume
from hoi_perception.hands.open_hand_model.proportions import (
    CREASE_TO_WRIST_MM,
    FINGERS,
    HAND_BREADTH_MM,
    HAND_LENGTH_MM,
)

Array = NDArray[np.float64]
POSES = {**grasp_angles(), **gesture_angles()}

MANO_REST = {
    0: (0.0957, 0.0064, 0.0062),
    1: (0.0076, 0.0012, 0.0269), 2: (-0.0251, 0.0052, 0.0291), 3: (-0.0473, 0.0039, 0.0290),
    4: (0.0010, 0.0049, 0.0028), 5: (-0.0302, 0.0068, -0.0028), 6: (-0.0531, 0.0055, -0.0067),
    7: (0.0269, -0.0036, -0.0370), 8: (0.0099, -0.0035, -0.0495), 9: (-0.0060, -0.0042, -0.0599),
    10: (0.0139, 0.0024, -0.0205), 11: (-0.0144, 0.0045, -0.0256), 12: (-0.0379, 0.0028, -0.0332),
    13: (0.0716, -0.0091, 0.0320), 14: (0.0519, -0.0082, 0.0557), 15: (0.0297, -0.0137, 0.0702),
    17: (-0.0705, 0.0046, 0.0330), 18: (-0.0790, 0.0061, -0.0120),
    20: (-0.0219, -0.0016, -0.0701), 19: (-0.0608, 0.0073, -0.0402),
}  # fmt: skip
"""Widely quoted places of joints and tips (16 to 20, thumb to little finger): a tolerance, not a source."""


class Hand:
    """The shipped file, posed by a few lines of its own so that the tests depend on nothing else."""

    def __init__(self) -> None:
        with np.load(OPEN_HAND_FILE, allow_pickle=False) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.template: Array = self.arrays["v_template"]
        self.faces = self.arrays["f"].astype(np.int64)
        self.weights: Array = self.arrays["weights"]
        self.joints: Array = self.arrays["J_regressor"] @ self.template
        self.rest21 = np.vstack([self.joints, self.template[Fingertips.SMPLX.vertices]])
        self.frames = joint_frames(self.rest21)

    def shaped(self, component: int, amount: float) -> tuple[Array, Array]:
        """Vertices and joints with one shape component."""
        vertices = self.template + amount * self.arrays["shapedirs"][..., component]
        return vertices, self.arrays["J_regressor"] @ vertices

    def posed(self, angles: Array, *, corrected: bool = True) -> Array:
        """Vertices in a pose given by anatomical angles."""
        rotations = np.concatenate([np.eye(3)[None], rotations_from_angles(angles, self.frames)])
        vertices = self.template
        if corrected:
            vertices = vertices + self.arrays["posedirs"] @ (rotations[1:] - np.eye(3)).reshape(135)
        places, turns = np.zeros((16, 3)), np.zeros((16, 3, 3))
        for joint, parent in enumerate(PARENTS):
            if joint == 0:
                places[0], turns[0] = self.joints[0], np.eye(3)
                continue
            turns[joint] = turns[parent] @ rotations[joint]
            places[joint] = places[parent] + turns[parent] @ (self.joints[joint] - self.joints[parent])
        per_bone = np.einsum("jab,vjb->vja", turns, vertices[:, None] - self.joints) + places
        return np.asarray(np.einsum("vj,vja->va", self.weights, per_bone))


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand()


def closed(hand: Hand, vertices: Array) -> Array:
    """Triangles with the wrist closed by a fan."""
    loop = boundary_edges(hand.faces)
    middle = vertices[loop[:, 0]].mean(axis=0)
    fan = np.stack([vertices[loop[:, 1]], vertices[loop[:, 0]], np.broadcast_to(middle, (len(loop), 3))], axis=1)
    return np.concatenate([vertices[hand.faces], fan])


# Interface


def test_arrays_are_named_shaped_and_typed_as_in_mano(hand: Hand) -> None:
    expected = {
        "v_template": ((778, 3), "float64"),
        "shapedirs": ((778, 3, 10), "float64"),
        "posedirs": ((778, 3, 135), "float64"),
        "J_regressor": ((16, 778), "float64"),
        "J": ((16, 3), "float64"),
        "weights": ((778, 16), "float64"),
        "kintree_table": ((2, 16), "int64"),
        "f": ((1538, 3), "uint32"),
        "hands_components": ((45, 45), "float64"),
        "hands_mean": ((45,), "float64"),
        "pose_covariance": ((45, 45), "float64"),
    }
    assert {name: (hand.arrays[name].shape, str(hand.arrays[name].dtype)) for name in expected} == expected
    assert str(hand.arrays["bs_type"]) == "lrotmin"
    assert str(hand.arrays["bs_style"]) == "lbs"
    parents = hand.arrays["kintree_table"][0].tolist()
    assert parents == [ROOT_PARENT, *PARENTS[1:].tolist()]
    assert all(np.isfinite(a).all() for a in hand.arrays.values() if a.dtype.kind == "f")


def test_generator_makes_the_shipped_file(hand: Hand, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    made = build()
    assert set(made) == set(hand.arrays)
    for name, array in made.items():
        if array.dtype.kind != "f":
            np.testing.assert_array_equal(array, hand.arrays[name], err_msg=name)
        else:
            np.testing.assert_allclose(array, hand.arrays[name], atol=1e-6, err_msg=name)
    for copy in ("a", "b"):
        save(made, tmp_path / copy)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert OPEN_HAND_FILE.stat().st_size < 1_500_000


# Surface


def test_one_surface_with_one_open_ring_of_sixteen(hand: Hand) -> None:
    directed = np.concatenate([hand.faces[:, [0, 1]], hand.faces[:, [1, 2]], hand.faces[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)  # manifold and consistently wound
    edges = np.unique(np.sort(directed, axis=1), axis=0)
    assert 778 - len(edges) + 1538 == 1  # Euler characteristic of a disc
    ring = boundary_edges(hand.faces)
    follow = dict(ring.tolist())
    seen, vertex = [], int(ring[0, 0])
    while vertex not in seen:
        seen.append(vertex)
        vertex = follow[vertex]
    assert len(seen) == len(ring) == 16
    assert hand.template[seen, 0].min() > hand.joints[0, 0]  # on the forearm's side of the wrist
    assert set(np.unique(hand.faces)) == set(range(778))


def test_faces_look_outward_and_are_well_shaped(hand: Hand) -> None:
    assert 200e-6 < enclosed_volume(hand.template, hand.faces) < 450e-6  # m³: adult hands by water displacement
    corners = hand.template[hand.faces]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    assert (4.0 * area / np.sqrt(3.0) / longest**2).min() > 0.1


def test_rest_pose_does_not_cross_itself(hand: Hand) -> None:
    middles = hand.template[hand.faces].mean(axis=1)
    normals = np.cross(*(hand.template[hand.faces[:, i]] - hand.template[hand.faces[:, 0]] for i in (1, 2)))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    triangles = closed(hand, hand.template)
    np.testing.assert_allclose(winding_number(middles + 2e-4 * normals, triangles), 0.0, atol=0.02)
    np.testing.assert_allclose(winding_number(middles - 2e-4 * normals, triangles), 1.0, atol=0.02)


@pytest.mark.parametrize("tips", list(Fingertips))
def test_published_tip_vertices_lie_on_their_tips(hand: Hand, tips: Fingertips) -> None:
    for name, vertex in zip(TIP_NAMES, tips.vertices, strict=True):
        last = FINGER_JOINTS[name][2]
        own = hand.weights[:, last] > 0.99
        bone = hand.frames[last - 1][:, 2]
        along = (hand.template - hand.joints[last]) @ bone
        assert own[vertex], (tips, name)
        assert along[own].max() - along[vertex] < 0.005, (tips, name)


# Proportions


def test_hand_length_and_breadth(hand: Hand) -> None:
    length = hand.joints[0, 0] - hand.template[:, 0].min() + CREASE_TO_WRIST_MM / 1000.0
    assert length * 1000.0 == pytest.approx(HAND_LENGTH_MM, abs=1.5)
    across = hand.joints[1] - hand.joints[7]
    across[1] = 0.0
    across /= np.linalg.norm(across)
    along = np.array([across[2], 0.0, -across[0]])
    near = np.abs((hand.template - 0.5 * (hand.joints[1] + hand.joints[7])) @ along) < 0.007
    near &= hand.weights[:, 14:].sum(axis=1) == 0.0  # without the thumb
    breadth = np.ptp(hand.template[near] @ across)
    assert breadth * 1000.0 == pytest.approx(HAND_BREADTH_MM, abs=2.0)


@pytest.mark.parametrize("digit", FINGERS, ids=[d.name for d in FINGERS])
def test_finger_breadths_and_depths(hand: Hand, digit) -> None:  # type: ignore[no-untyped-def]
    for joint, breadth, depth in zip(FINGER_JOINTS[digit.name][1:], digit.breadth, digit.depth, strict=True):
        local = (hand.template - hand.joints[joint]) @ hand.frames[joint - 1]
        ring = (np.abs(local[:, 2]) < 0.0025) & (np.linalg.norm(local, axis=1) < 0.016)
        assert np.ptp(local[ring, 0]) * 1000.0 == pytest.approx(breadth, abs=1.0)
        assert np.ptp(local[ring, 1]) * 1000.0 == pytest.approx(depth, abs=1.0)


def test_joints_come_near_the_quoted_places(hand: Hand) -> None:
    quoted = {k: np.array(v) for k, v in MANO_REST.items()}
    ours = hand.rest21 - hand.rest21[0]
    scale = np.linalg.norm(quoted[18] - quoted[0]) / np.linalg.norm(ours[18])
    for row, place in quoted.items():
        assert np.linalg.norm(scale * ours[row] - (place - quoted[0])) < 0.0065, row


def test_joints_lie_inside_for_every_shape(hand: Hand) -> None:
    for component in range(10):
        for amount in (-2.0, 2.0):
            vertices, joints = hand.shaped(component, amount)
            assert (winding_number(joints, closed(hand, vertices)) > 0.9).all()
            depth = distance_to_triangles(joints[[1, 4, 7, 10, 2, 5, 8, 11]], vertices[hand.faces])
            assert depth.min() > 0.004


# Skinning and correctives


def test_weights(hand: Hand) -> None:
    np.testing.assert_allclose(hand.weights.sum(axis=1), 1.0)
    assert hand.weights.min() >= 0.0
    assert (hand.weights > 0.0).sum(axis=1).max() <= 4
    for name, chain in FINGER_JOINTS.items():
        others = [j for other, joints in FINGER_JOINTS.items() if other != name for j in joints]
        own = hand.weights[:, chain[1:]].sum(axis=1) > (0.25 if name == "thumb" else 0.01)  # the thumb's web is shared
        most = hand.weights[own][:, others].max()
        assert most <= (0.02 if name == "thumb" else 0.0), f"{name} is carried by another finger"


def test_regressor_is_sparse_and_convex(hand: Hand) -> None:
    regressor = hand.arrays["J_regressor"]
    np.testing.assert_allclose(regressor.sum(axis=1), 1.0)
    assert regressor.min() >= 0.0
    assert (regressor > 0.0).sum(axis=1).max() <= 60


@pytest.mark.parametrize("joint", range(1, 16))
def test_bent_joints_keep_their_volume(hand: Hand, joint: int) -> None:
    """At 45 and 90 degrees (or the joint's limit) within 0.7 % of the hand and better than without correctives."""
    rest = enclosed_volume(hand.template, hand.faces)
    for degrees in (45.0, 90.0):
        angles = np.zeros((15, 3))
        angles[joint - 1, 0] = min(np.radians(degrees), JOINT_LIMITS[joint - 1, 0, 1])
        with_, without = (
            enclosed_volume(hand.posed(angles, corrected=c), hand.faces) / rest - 1.0 for c in (True, False)
        )
        assert abs(with_) < 0.007
        assert abs(with_) < 0.6 * abs(without)


def test_correctives_are_local_and_vanish_at_rest(hand: Hand) -> None:
    blocks = np.abs(hand.arrays["posedirs"]).reshape(778, 3, 15, 9).max(axis=(1, 3))
    for joint in range(1, 16):
        moved = hand.weights[:, joint] > 0.0
        below = [j for j in range(joint + 1, 16) if PARENTS[j] == joint]
        related = moved | (hand.weights[:, below].sum(axis=1) > 0.0)
        assert blocks[~related, joint - 1].max() == 0.0
    np.testing.assert_allclose(hand.posed(np.zeros((15, 3))), hand.template, atol=1e-12)


@pytest.mark.parametrize("name", list(POSES))
def test_poses_do_not_sink_in(hand: Hand, name: str) -> None:
    assert self_penetration(hand.posed(POSES[name]), hand.faces, hand.weights) < 0.002


# Shapes and poses


def test_shape_components_do_what_they_are_called(hand: Hand) -> None:
    names = [str(name) for name in hand.arrays["shape_names"]]
    assert len(names) == len(set(names)) == 10

    def grown(name: str, measure) -> float:  # type: ignore[no-untyped-def]
        low, high = (measure(*hand.shaped(names.index(name), s)) for s in (-1.0, 1.0))
        return float((high - low) / (high + low))

    def bone(*pair: int):  # type: ignore[no-untyped-def]
        return lambda _, joints: np.linalg.norm(joints[pair[0]] - joints[pair[1]])

    tips = Fingertips.SMPLX.vertices
    assert grown("size", lambda v, j: np.linalg.norm(v[tips[2]] - j[0])) == pytest.approx(0.060, abs=0.003)
    assert grown("length", lambda v, _: np.ptp(v[:, 0])) == pytest.approx(0.025, abs=0.005)
    assert grown("breadth", lambda _, j: j[1, 2] - j[7, 2]) == pytest.approx(0.040, abs=0.005)
    assert grown("finger length", bone(4, 5)) == pytest.approx(0.040, abs=0.005)
    assert grown("finger length", bone(0, 4)) == pytest.approx(0.0, abs=0.003)
    assert grown("thickness", lambda v, _: enclosed_volume(v, hand.faces)) == pytest.approx(0.050, abs=0.01)
    assert grown("thumb length", bone(14, 15)) == pytest.approx(0.045, abs=0.005)
    assert grown("thumb length", bone(4, 5)) == pytest.approx(0.0, abs=0.002)
    assert grown("finger girth", lambda v, _: enclosed_volume(v, hand.faces)) > 0.01
    assert grown("index against ring finger", bone(1, 2)) == pytest.approx(0.0165, abs=0.003)
    assert grown("index against ring finger", bone(10, 11)) == pytest.approx(-0.0165, abs=0.003)
    assert grown("little finger length", bone(7, 8)) == pytest.approx(0.050, abs=0.005)
    assert grown("thenar and hypothenar muscle", lambda v, _: enclosed_volume(v, hand.faces)) > 0.005


def test_pose_components_are_orthonormal_and_span_the_covariance(hand: Hand) -> None:
    components, covariance = hand.arrays["hands_components"], hand.arrays["pose_covariance"]
    np.testing.assert_allclose(components @ components.T, np.eye(45), atol=1e-10)
    variance = np.diag(components @ covariance @ components.T)
    assert (np.diff(variance) <= 1e-5).all()
    assert np.linalg.eigvalsh(covariance).min() > 0.0
    assert variance[:6].sum() > 0.8 * variance.sum()


def test_it_is_a_right_hand(hand: Hand) -> None:
    """Wrist at larger x, fingers toward −x, thumb toward +z, nails (back of the hand) toward +y."""
    tips = hand.template[Fingertips.SMPLX.vertices]
    assert (tips[:, 0] < hand.joints[0, 0] - 0.08).all()
    assert tips[0, 2] == tips[:, 2].max()
    assert (np.diff(tips[1:, 2]) < 0.0).all()
    nails = hand.template[hand.arrays["nail_vertices"].reshape(5, 9)]  # index, middle, ring, little finger, thumb
    for row, joint in enumerate((3, 6, 12, 9)):
        assert nails[row, :, 1].mean() > hand.joints[joint, 1] + 0.003
    assert ((nails[4].mean(axis=0) - hand.joints[15]) @ hand.frames[14])[1] > 0.005
