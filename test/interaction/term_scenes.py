"""Small scenes for the tests of terms: open hands before a camera, rods of known thickness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import trimesh
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import HandState
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.distance_field import FieldLimits
from hoi_perception.instruments.field_lookup import InstrumentFields
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.model import InstrumentModel, Link, LinkMesh, Primitive
from hoi_perception.interaction.bodies import Bodies, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.priors import Priors
from hoi_perception.interaction.solver import Solution, Term, solve
from hoi_perception.interaction.state import SceneState
from hoi_perception.types import Camera

Array = NDArray[np.float64]
CAMERA = Camera(np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]]), 640, 480)
PALM_TO_CAMERA = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
"""Turn of an open right hand: palm towards the camera, fingers to the right of the image."""


@cache
def rod(radius: float = 0.001, length: float = 0.12) -> InstrumentBody:
    """A round rod along x about the origin of its only link."""
    mesh = trimesh.creation.cylinder(radius, length, sections=24)
    return rigid("rod", np.asarray(mesh.vertices)[:, [2, 0, 1]], mesh.faces)


@cache
def plate(thickness: float = 0.0004, side: float = 0.04) -> InstrumentBody:
    """A square plate normal to z about the origin of its only link."""
    mesh = trimesh.creation.box((side, side, thickness))
    return rigid("plate", np.asarray(mesh.vertices), mesh.faces)


def rigid(name: str, vertices: Array, faces: NDArray[np.int64]) -> InstrumentBody:
    """An instrument of one link."""
    solid = LinkMesh(vertices, np.asarray(faces, dtype=np.int64), Primitive(name, ()))
    model = InstrumentModel(InstrumentDescription(name, name), (Link(name, (solid,)),), ())
    limits = FieldLimits(spacing=0.0005, margin=0.006, tolerance=0.00001)
    with TemporaryDirectory() as folder:
        return InstrumentBody.of(model, InstrumentFields.of(model, limits, Path(folder)), samples=600)


def open_hand(place: Sequence[float] = (0.0, 0.0, 0.5), turn: Array = PALM_TO_CAMERA) -> HandState:
    """An open hand with its wrist at `place`."""
    return HandState(np.array([place], dtype=float), turn[None].copy(), np.zeros((1, 45)))


def at(place: Array, turn: Array | None = None) -> InstrumentState:
    """A rigid instrument at `place`."""
    return InstrumentState(
        (np.eye(3) if turn is None else turn)[None], np.asarray(place, float)[None], np.zeros((1, 0))
    )


class Scene:
    """Bodies of mean shape with an engine for one problem."""

    def __init__(self, bodies: Bodies, posture: AnglePrior, capacity: int = 1024) -> None:
        self.bodies, self.posture = bodies, posture
        self.engine = Engine(bodies, [np.zeros(10)] * len(bodies.hands), 1, capacity)

    def geometry(self, state: SceneState, index: int = 0) -> Geometry:
        """Where everything is in a state, in round `index`."""
        self.engine.place(state, correct=True)
        return Geometry(Snapshot(self.engine, index), 0)

    def solve(
        self, terms: Sequence[Term], start: SceneState, held: Array, rounds: Sequence[int] = (6, 6, 6)
    ) -> Solution:
        """The terms with the start expected as firmly as `held` (1 / standard deviation of each coordinate) says."""
        return solve(self.engine, [list(terms)], Priors(self.posture, start, held[None]), start, rounds)

    def gradients_agree(self, terms: Sequence[Term], state: SceneState, size: float = 1e-6) -> float:
        """Largest difference of the cost's derivative from its finite difference, over the derivative's length."""
        blocks = [row for term in terms for row in term.rows(self.geometry(state))]
        self.engine.take_rows([blocks])
        self.engine.place(state)
        found = self.engine.evaluate()
        assert found.residual.shape[1] > 0
        analytic = (found.residual[0] @ found.jacobian[0]).copy()
        numeric = np.zeros_like(analytic)
        for i in range(len(analytic)):
            for sign in (1.0, -1.0):
                step = np.zeros((1, len(analytic)))
                step[0, i] = sign * size
                self.engine.place(self.bodies.moved(state, step))
                numeric[i] += sign * self.engine.evaluate().cost.sum() / (4.0 * size)
        return float(np.abs(numeric - analytic).max() / np.linalg.norm(analytic))


def held(bodies: Bodies, **sigmas: float) -> Array:
    """1 / standard deviation of each coordinate: `angles` (rad), `place`, `turn` of hands, `base` and `spin` of
    instruments; what is not named is not held."""
    out = np.zeros(bodies.n_columns)
    parts = {"place": slice(0, 3), "turn": slice(3, 6), "angles": slice(6, 51)}
    for h in range(len(bodies.hands)):
        for name, part in parts.items():
            if name in sigmas:
                out[bodies.columns(h)][part] = 1.0 / sigmas[name]
    for k in range(len(bodies.instruments)):
        own = out[bodies.columns(len(bodies.hands) + k)]
        for name, part in {"base": slice(0, 3), "spin": slice(3, 6)}.items():
            if name in sigmas:
                own[part] = 1.0 / sigmas[name]
    return out
