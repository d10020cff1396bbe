"""The generated instruments against published lengths, exact volumes and the geometry of their joints."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from hoi_perception.instruments.design import InstrumentDesign, LinkDesign, Solid, link_poses

manifold3d = pytest.importorskip("manifold3d", reason="generating instruments needs the extra [instruments]")

from hoi_perception.instruments.catalogue import everyday, laparoscopic, syringe  # noqa: E402
from hoi_perception.instruments.catalogue.designs import DESIGNS  # noqa: E402
from hoi_perception.instruments.catalogue.holding import hand_points  # noqa: E402

LENGTHS_MM = {
    "adson_forceps": 120.0,
    "debakey_forceps": 200.0,
    "metzenbaum_scissors": 180.0,
    "mayo_scissors": 170.0,
    "iris_scissors": 115.0,
    "mayo_hegar_needle_holder": 160.0,
    "kelly_haemostat": 140.0,
    "mosquito_haemostat": 125.0,
    "allis_clamp": 155.0,
    "senn_retractor": 160.0,
    "army_navy_retractor": 220.0,
    "bone_curette": 170.0,
    "micro_tweezers": 110.0,
    "microsurgical_forceps": 120.0,
    "cup_16oz": 120.0,
    "mug": 95.0,
    "cube": 50.0,
}
OPENINGS_DEG = {
    "metzenbaum_scissors": 60.0,
    "mayo_scissors": 60.0,
    "iris_scissors": 60.0,
    "mayo_hegar_needle_holder": 40.0,
    "kelly_haemostat": 50.0,
    "mosquito_haemostat": 50.0,
    "allis_clamp": 36.0,
    "laparoscopic_grasper": 60.0,
    "large_needle_driver": 60.0,
}
WITH_JAWS = [*OPENINGS_DEG, "adson_forceps", "debakey_forceps", "micro_tweezers", "microsurgical_forceps"]


@cache
def made(name: str) -> InstrumentDesign:
    return DESIGNS[name]()


@cache
def bodies(name: str) -> dict[str, object]:
    """Each link as one manifold3d body in mm."""
    return {link.name: _body(link) for link in made(name).links}


def _body(link: LinkDesign) -> object:
    parts = [
        manifold3d.Manifold(manifold3d.Mesh((1000.0 * p.solid.vertices).astype("f4"), p.solid.faces.astype("u4")))
        for p in link.parts
    ]
    return manifold3d.Manifold.batch_boolean(parts, manifold3d.OpType.Add)


def overlap_mm3(name: str, **positions: float) -> float:
    """Largest volume that two links share."""
    poses = link_poses(made(name), positions)
    placed = []
    for link, body in bodies(name).items():
        pose = poses[link][:3].copy()
        pose[:, 3] *= 1000.0
        placed.append(body.transform(pose))  # type: ignore[attr-defined]
    return max((a ^ b).volume() for i, a in enumerate(placed) for b in placed[:i])


def points(design: InstrumentDesign, **positions: float) -> NDArray[np.float64]:
    """All vertices in the base link, mm."""
    poses = link_poses(design, positions)
    return np.concatenate(
        [
            1000.0 * (part.solid.vertices @ poses[link.name][:3, :3].T + poses[link.name][:3, 3])
            for link in design.links
            for part in link.parts
        ]
    )


def samples(design: InstrumentDesign, **positions: float) -> NDArray[np.float64]:
    """Points spread over the surface, in the base link, mm."""
    poses = link_poses(design, positions)
    spread = []
    for link in design.links:
        for part in link.parts:
            mesh = trimesh.Trimesh(part.solid.vertices, part.solid.faces)
            local = np.asarray(trimesh.sample.sample_surface(mesh, 3000, seed=0)[0])
            spread.append(1000.0 * (local @ poses[link.name][:3, :3].T + poses[link.name][:3, 3]))
    return np.concatenate(spread)


def tips(design: InstrumentDesign, **positions: float) -> dict[str, NDArray[np.float64]]:
    """Places of the tips in the base link, mm."""
    poses = link_poses(design, positions)
    return {
        frame.name: 1000.0 * (poses[frame.link][:3, :3] @ frame.pose.t + poses[frame.link][:3, 3])
        for frame in design.description.tips
    }


def handles(solid: Solid) -> int:
    """Genus: how many holes go through a connected solid, by Euler's formula."""
    edges = np.unique(np.sort(solid.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    return (2 - (len(solid.vertices) - len(edges) + len(solid.faces))) // 2


@pytest.mark.parametrize("name", DESIGNS)
def test_every_mesh_is_closed_and_outside_out(name: str) -> None:
    for link in made(name).links:
        for part in link.parts:
            mesh = trimesh.Trimesh(part.solid.vertices, part.solid.faces, process=True)
            assert mesh.is_watertight and mesh.is_winding_consistent, part.name
            assert mesh.volume > 0.0 and mesh.body_count == 1, part.name
            single = part.solid.vertices.astype(np.float32)
            assert len(np.unique(single, axis=0)) == len(single), "corners fall together in single precision"
        for solid in link.collision:
            mesh = trimesh.Trimesh(solid.vertices, solid.faces, process=True)
            assert mesh.is_watertight and mesh.volume > 0.0
            assert all(piece.volume > 0.999 * piece.convex_hull.volume for piece in mesh.split())


@pytest.mark.parametrize(("name", "length"), LENGTHS_MM.items())
def test_length_is_the_published_one(name: str, length: float) -> None:
    assert np.ptp(points(made(name))[:, 0]) == pytest.approx(length, rel=0.01)


def test_lengths_of_shafts_and_needles() -> None:
    driver = made("large_needle_driver")
    assert tips(driver)["tip_left"][0] == pytest.approx(9.1 + 10.2, abs=0.01)
    shaft = next(p for link in driver.links for p in link.parts if p.name == "shaft")
    radii = np.linalg.norm(shaft.solid.vertices[:, 1:], axis=1)
    assert 2000.0 * radii.max() == pytest.approx(8.0, abs=0.05)
    grasper = next(p for p in made("laparoscopic_grasper").links[0].parts if p.name == "shaft")
    assert laparoscopic.SHAFT_LENGTH == 330.0 and 2000.0 * np.abs(grasper.solid.vertices[-1, 1:]).max() <= 25.0
    needle = next(p for p in made("syringe").links[0].parts if p.name == "needle")
    assert np.ptp(needle.solid.vertices[:, 1]) * 1000.0 == pytest.approx(0.82, abs=0.03)
    assert tips(made("syringe"))["tip"][0] == pytest.approx(points(made("syringe"))[:, 0].max(), abs=0.05)


def test_cube_has_the_mass_and_inertia_of_a_cube() -> None:
    cube = made("cube").links[0].mass_properties()
    mass, edge = 720.0 * 0.05**3, 0.05
    assert cube.mass == pytest.approx(mass, rel=1e-9)
    np.testing.assert_allclose(cube.center, 0.0, atol=1e-12)
    np.testing.assert_allclose(cube.inertia, mass * edge**2 / 6.0 * np.eye(3), rtol=1e-9, atol=1e-12)


def test_mass_properties_of_two_parts_follow_steiner() -> None:
    link = made("mayo_hegar_needle_holder").links[1]
    whole = link.mass_properties()
    reference = [trimesh.Trimesh(p.solid.vertices, p.solid.faces) for p in link.parts]
    for mesh, part in zip(reference, link.parts, strict=True):
        mesh.density = part.material.density
    masses = np.array([mesh.mass for mesh in reference])
    centers = np.array([mesh.center_mass for mesh in reference])
    center = masses @ centers / masses.sum()
    inertia = sum(
        mesh.moment_inertia + m * ((d @ d) * np.eye(3) - np.outer(d, d))
        for mesh, m, d in zip(reference, masses, centers - center, strict=True)
    )
    assert whole.mass == pytest.approx(masses.sum(), rel=1e-6)
    np.testing.assert_allclose(whole.center, center, atol=1e-8)
    np.testing.assert_allclose(whole.inertia, inertia, atol=1e-11)


def test_cup_holds_a_pint_and_weighs_a_few_grams() -> None:
    top, foot = everyday.CUP_TOP - everyday.CUP_WALL, everyday.CUP_FOOT - everyday.CUP_WALL
    depth = everyday.CUP_HEIGHT - 2.0 - everyday.CUP_WALL
    inside_ml = np.pi * depth * (top**2 + top * foot + foot**2) / 3.0 / 1000.0
    assert inside_ml >= 473.0
    assert 0.008 < made("cup_16oz").mass < 0.030


def test_plunger_leaves_four_millilitres() -> None:
    design = made("syringe")
    front = next(p for p in design.links[1].parts if p.name == "rod")
    assert front.solid.vertices[:, 0].max() < 0.0
    seat = design.joints[0].xyz[0] * 1000.0
    assert (syringe.BARREL - 2.0 - seat) * np.pi * syringe.BORE**2 / 1000.0 == pytest.approx(4.0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "grams"),
    [
        ("scalpel_10", (20, 30)),
        ("adson_forceps", (13, 24)),
        ("debakey_forceps", (22, 40)),
        ("kelly_haemostat", (26, 42)),
        ("mosquito_haemostat", (16, 28)),
        ("metzenbaum_scissors", (26, 48)),
        ("mayo_hegar_needle_holder", (45, 75)),
    ],
)
def test_steel_instruments_weigh_what_such_instruments_weigh(name: str, grams: tuple[int, int]) -> None:
    """Typical of the trade; half as much or twice as much would be a wrong thickness."""
    assert grams[0] < 1000.0 * made(name).mass < grams[1]


@pytest.mark.parametrize(("name", "opening"), OPENINGS_DEG.items())
def test_opening_angle(name: str, opening: float) -> None:
    design = made(name)
    driver = next(j for j in design.joints if j.name == "jaw")
    poses = link_poses(design, {"jaw": driver.upper})
    left, right = poses["jaw_left"][:3, 0], poses["jaw_right"][:3, 0]
    assert np.degrees(np.arccos(left @ right)) == pytest.approx(opening, abs=1e-6)


@pytest.mark.parametrize("name", WITH_JAWS)
def test_tips_part_by_the_chord_of_the_opening_angle(name: str) -> None:
    """Each tip runs on a circle about its hinge, at the same height and in the mirror image of the other."""
    design = made(name)
    driver = next(j for j in design.joints if j.name == "jaw")
    closed, opened = tips(design), tips(design, jaw=driver.upper)
    hinge = 1000.0 * link_poses(design)[driver.child][:3, 3]
    reach = np.linalg.norm((closed["tip_left"] - hinge)[:2])
    moved = np.linalg.norm(opened["tip_left"] - closed["tip_left"])
    assert moved == pytest.approx(2.0 * reach * np.sin(0.5 * driver.upper), rel=1e-9)
    np.testing.assert_allclose(opened["tip_left"] * [1, -1, 1], opened["tip_right"], atol=1e-9)
    assert opened["tip_left"][1] > closed["tip_left"][1]


@pytest.mark.parametrize(
    ("name", "apart"),
    [("adson_forceps", 10.0), ("debakey_forceps", 16.0), ("micro_tweezers", 8.0), ("microsurgical_forceps", 8.0)],
)
def test_tips_of_forceps_at_rest_are_apart_as_stated(name: str, apart: float) -> None:
    design = made(name)
    rest = tips(design, jaw=next(j.upper for j in design.joints if j.name == "jaw"))
    assert np.linalg.norm(rest["tip_left"] - rest["tip_right"]) == pytest.approx(apart, abs=0.4)
    together = tips(design)
    assert np.linalg.norm(together["tip_left"] - together["tip_right"]) < 0.01


@pytest.mark.parametrize("name", WITH_JAWS)
def test_tips_are_the_ends_of_the_jaws(name: str) -> None:
    design = made(name)
    everything = points(design)
    for tip in tips(design).values():
        assert np.linalg.norm(everything - tip, axis=1).min() < 1.6
        assert tip[0] == pytest.approx(everything[:, 0].max(), abs=0.12)


@pytest.mark.parametrize("name", WITH_JAWS)
def test_links_do_not_share_space_closed_or_open(name: str) -> None:
    upper = next(j.upper for j in made(name).joints if j.name == "jaw")
    for position in (0.0, 0.6 * upper, upper):
        assert overlap_mm3(name, jaw=position) < 1e-3, position


@pytest.mark.parametrize("name", ["kelly_haemostat", "mosquito_haemostat", "mayo_hegar_needle_holder", "allis_clamp"])
def test_ratchets_reach_into_each_other_when_closed(name: str) -> None:
    left, right = (bodies(name)[f"jaw_{side}"].bounding_box() for side in ("left", "right"))  # type: ignore[attr-defined]
    assert left[4] > 1.0 and right[1] < -1.0


@pytest.mark.parametrize("name", ["kelly_haemostat", "mosquito_haemostat", "mayo_hegar_needle_holder", "allis_clamp"])
def test_half_locked_only_the_teeth_of_the_ratchet_share_space(name: str) -> None:
    """Real shanks bend to let the teeth pass; rigid ones cut into each other there, less than 0.7 mm deep."""
    design = made(name)
    for angle in np.radians([0.5, 1.0, 2.0, 3.0, 5.0]):
        poses = link_poses(design, {"jaw": float(angle)})
        left, right = (bodies(name)[f"jaw_{s}"].transform(poses[f"jaw_{s}"][:3]) for s in ("left", "right"))  # type: ignore[attr-defined]
        shared = left ^ right
        if shared.volume() > 1e-3:
            x0, y0, z0, x1, y1, z1 = shared.bounding_box()
            assert x1 - x0 < 6.5 and x1 < -40.0
            assert max(abs(y0), abs(y1)) < 8.0 and max(abs(z0), abs(z1)) < 0.75


@pytest.mark.parametrize("name", ["mayo_scissors", "iris_scissors", "micro_tweezers", "microsurgical_forceps"])
def test_right_half_is_the_left_one_turned_over(name: str) -> None:
    left, right = made(name).links[1:3]
    a, b = (1000.0 * link.parts[0].solid.vertices for link in (left, right))
    turned = a * [1.0, -1.0, -1.0]
    distances = np.linalg.norm(turned[:, None] - b[None], axis=2).min(axis=1)
    assert np.quantile(distances, 0.99) < 0.05


@pytest.mark.parametrize("name", [n for n in DESIGNS if n in ("cup_16oz", "cube", "trocar", "large_needle_driver")])
def test_symmetries_that_are_stated_hold_for_the_moments(name: str) -> None:
    design = made(name)
    assert design.description.symmetries
    for symmetry in design.description.symmetries:
        link = next(one for one in design.links if one.name == symmetry.link)
        mass = link.mass_properties()
        axis = np.array(symmetry.axis)
        offset = mass.center - np.array(symmetry.point)
        assert np.linalg.norm(offset - axis * (offset @ axis)) < 5e-5
        angle = 2.0 * np.pi / symmetry.order if symmetry.order else 1.0
        K = np.cross(np.eye(3), axis)
        R = np.eye(3) + np.sin(angle) * K + (1.0 - np.cos(angle)) * K @ K
        np.testing.assert_allclose(R @ mass.inertia @ R.T, mass.inertia, atol=5e-3 * np.trace(mass.inertia))


@pytest.mark.parametrize(
    ("name", "part", "holes"),
    [
        ("frazier_suction", "tube", 2),  # the bore, and the finger cut-off into it
        ("yankauer_suction", "tube", 5),  # six openings of one cavity
        ("mug", "mug", 1),
        ("cup_16oz", "cup", 0),
        ("army_navy_retractor", "retractor", 3),
        ("mayo_scissors", "blade_left", 2),  # ring and screw
        ("syringe", "needle", 1),
        ("scalpel_10", "blade", 1),
    ],
)
def test_holes_go_through(name: str, part: str, holes: int) -> None:
    solid = next(p.solid for link in made(name).links for p in link.parts if p.name == part)
    assert handles(solid) == holes


@pytest.mark.parametrize("name", [n for n in DESIGNS if n not in ("large_needle_driver", "microsurgical_forceps")])
def test_grasps_put_the_thumb_where_it_belongs(name: str) -> None:
    """The thumb's pad, in a fist the middle finger's, is within 25 mm of the instrument's surface."""
    design = made(name)
    assert design.description.grasps
    for grasp in design.description.grasps:
        pose = grasp.T_hand_instrument
        thumb = (
            1000.0
            * pose.R.T
            @ (hand_points(grasp.hand or "fist")["thumb_pad" if grasp.hand else "middle_pad"] - pose.t)
        )
        distances = np.linalg.norm(samples(design, **dict(grasp.joint_positions)) - thumb, axis=1)
        assert distances.min() < 25.0, grasp.name


@pytest.mark.parametrize("name", DESIGNS)
def test_every_instrument_says_where_its_dimensions_come_from(name: str) -> None:
    description = made(name).description
    assert description.name == name and description.sources and description.aliases
    assert description.tips or name in ("cup_16oz", "mug", "cube")
    assert all(m.density > 100.0 for m in description.materials)
