"""The joint problem on a device: geometry placed and rows evaluated by the Warp kernels, arrays allocated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float64, Int32, Int64
from numpy.typing import NDArray

from hoi_perception.hands.joints import PARENTS
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.field_lookup import device_grids
from hoi_perception.interaction.bodies import Bodies
from hoi_perception.interaction.device_descent import DeviceDescent, Sweep
from hoi_perception.interaction.hand_mesh import HandMesh, NearestOnHand
from hoi_perception.interaction.launches import Shared
from hoi_perception.interaction.outline_lookup import OutlineLookup
from hoi_perception.interaction.priors import INSTRUMENT_LIMIT_SIGMA, NormalEquations, Priors
from hoi_perception.interaction.products import Products
from hoi_perception.interaction.rows import RowBlock, RowTable
from hoi_perception.interaction.state import SceneState
from hoi_perception.kernels import bodies as moving
from hoi_perception.kernels import priors as prior_kernels
from hoi_perception.kernels import residuals
from hoi_perception.kernels.hand_mesh import vertex_normals
from hoi_perception.types import N_VERTICES

Array = NDArray[np.float64]
EVERYWHERE = 1e30
"""Distance that everything is nearer than, m."""
_STATES = {
    "wrist": wp.vec3d, "turn": wp.mat33d, "angles": wp.float64,
    "base": wp.vec3d, "base_turn": wp.mat33d, "joints": wp.float64,
}  # fmt: skip
_ROWS: dict[str, Any] = {
    "kind": wp.int32, "view": wp.int32, "body_p": wp.int32, "point_p": wp.int32, "local_p": wp.vec3d,
    "body_q": wp.int32, "point_q": wp.int32, "local_q": wp.vec3d, "direction": wp.vec3d, "target": wp.vec3d,
    "weight": wp.float64, "robust": wp.float64, "hinge": wp.int32,
}  # fmt: skip


def strands_on(device: Any) -> int:
    """Threads that share the rows or points of one problem: a CPU has one, which loops fastest."""
    return 1 if device.is_cpu else 256


@dataclass(frozen=True)
class Evaluation:
    """Rows at a state: whitened residuals, derivatives along the tangent, costs. Written over by the next one."""

    residual: Float64[Array, "b m"]
    jacobian: Float64[Array, "b m n"]
    cost: Float64[Array, "b m"]


class Engine:
    """Evaluates `batch` problems or hypotheses of the same bodies at a time, up to `capacity` rows each.

    `views` are further cameras (turn, shift) with p_view = turn p + shift; view 0 is the camera of the problem itself.
    """

    def __init__(
        self,
        bodies: Bodies,
        shapes: Sequence[Float64[Array, "10"]],
        batch: int = 1,
        capacity: int = 2048,
        views: Sequence[tuple[Float64[Array, "3 3"], Float64[Array, "3"]]] = (),
        device: str = "cpu",
    ) -> None:
        self.bodies, self.shapes, self.batch, self.device = bodies, tuple(shapes), batch, wp.get_device(device)
        n_hands, n = len(bodies.hands), bodies.n_columns
        self._meshes: dict[int, HandMesh] = {}
        self.found_before: dict[tuple[int, int, int], tuple[Array, NearestOnHand]] = {}
        """Of hand, instrument and problem: how both lay to each other (`relation`) when it was looked last where the
        instrument's samples are on the hand, and where they were."""
        with wp.ScopedDevice(self.device):
            n_points = max([len(body.points) for body in bodies.hands], default=1)
            self._skin_rest = Shared((batch, n_hands, n_points), wp.vec3d, self.device)
            self._rest = np.zeros((batch, n_hands, n_points, 3))
            self._corrected = np.zeros(0)
            rest = self._hand_rest()
            for h, (body, shape) in enumerate(zip(bodies.hands, shapes, strict=True)):
                self.take_rest(h, *body.points.shaped(shape), body.points.landmark_model.frames)
            skin = self._skin()
            trees, n_links = self._trees()
            fields = self._fields()
            placed = self._room(n_links)
            self._state, state = self._states()
            self._kept, kept = self._states()
            self._step = Shared((batch, n), wp.float64, self.device)
            self.table = RowTable(batch, capacity)
            rows = self._rows()
            self._active = Shared((batch,), wp.int32, self.device)
            self._active.host[:] = 1
            self._active.push()
            self._strands = strands = strands_on(self.device)
            view = _views(views)
            self._out = {
                "residual": Shared((batch, capacity), wp.float64, self.device),
                "jacobian": Shared((batch, capacity, n), wp.float64, self.device),
                "cost": Shared((batch, capacity), wp.float64, self.device),
            }
            self._row_sums = sums = residuals.Sums()
            for name, array in self._out.items():
                setattr(sums, name, array.device)
            self._points = Shared((batch, n_hands, n_points), wp.vec3d, self.device)
            self._better = Shared((batch,), wp.int32, self.device)
            each = batch, n_hands + len(bodies.instruments)
            self._keep = wp.launch(
                moving.keep, dim=each, inputs=[state, self._better.device, trees, kept], record_cmd=True
            )
            self._move = wp.launch(
                moving.move, dim=each, inputs=[kept, self._step.device, trees, state], record_cmd=True
            )
            self._place = wp.launch(moving.place, dim=each, inputs=[rest, trees, state, placed], record_cmd=True)
            self._skin_points = wp.launch(
                residuals.skin_points,
                dim=(batch, n_hands, n_points),
                inputs=[rest, skin, placed, self._points.device],
                record_cmd=True,
            )
            self._evaluate = wp.launch(
                residuals.evaluate,
                dim=(batch, strands),
                inputs=[rest, skin, trees, fields, placed, view, rows, self._active.device, strands, sums],
                record_cmd=True,
            )
            self._posture = _posture()
            self._posture_of: AnglePrior | None = None
            self._expected, expected = self._states()
            self._weight = Shared((batch, n), wp.float64, self.device)
            sizes: dict[str, tuple[int, ...]] = {"cost": (batch,), "gradient": (batch, n), "matrix": (batch, n, n)}
            self._sums = {name: Shared(shape, wp.float64, self.device) for name, shape in sizes.items()}
            self._equations = equations = prior_kernels.Equations()
            for name, array in self._sums.items():
                setattr(equations, name, array.device)
            self._add_priors = wp.launch(
                prior_kernels.add_priors,
                dim=(batch, strands),
                inputs=[
                    self._posture,
                    self._limits(),
                    trees,
                    self._middles(),
                    expected,
                    self._weight.device,
                    state,
                    self._active.device,
                    strands,
                    wp.zeros((batch, n), dtype=wp.float64),
                    equations,
                ],
                record_cmd=True,
                block_dim=strands,
            )
        self._normals: tuple[Any, Shared] | None = None
        self._lookups: dict[tuple[int, tuple[int, ...], float], tuple[Any, list[Shared]]] = {}
        self._outlines: dict[int, OutlineLookup] = {}
        self._for_distances = trees, fields, placed
        self._descent: DeviceDescent | None = None

    @property
    def descent(self) -> DeviceDescent:
        """The descent that stays on the device, made when it is first asked for."""
        if self._descent is None:
            self._descent = DeviceDescent(self.sweep(), self._strands)
        return self._descent

    def take_descent(self, descent: DeviceDescent) -> None:
        """Another descent than that, made of this engine's `sweep`."""
        self._descent = descent

    def sweep(self) -> Sweep:
        """What a descent launches and the arrays that it shares with this engine."""
        return Sweep(
            device=self.device,
            move=(self._move, self._place),
            evaluate=self._evaluate,
            add_priors=self._add_priors,
            keep=self._keep,
            step=self._step.device,
            active=self._active.device,
            better=self._better.device,
            row_count=self._row_arrays["count"].device,
            rows=self._row_sums,
            trial=self._equations,
        )

    @property
    def used_rows(self) -> int:
        """The largest number of rows of a problem."""
        return self._used

    def take_rest(
        self,
        h: int,
        points: Float64[Array, "*b p 3"],
        joints: Float64[Array, "*b 16 3"],
        frames: Float64[Array, "*b 15 3 3"],
    ) -> None:
        """Rest geometry of hand `h` from the next corrected `place` on: one for all problems, or one for each.

        Points are without the pose's correction (m), `frames` are those of the joints 1-15.
        """
        self._rest[:, h, : points.shape[-2]] = points
        self._corrected = np.zeros(0)
        self.found_before.clear()
        self._rest_joints.host[:, h], self._rest_frames.host[:, h] = joints, frames
        self._rest_joints.push()
        self._rest_frames.push()

    def place(self, state: SceneState, *, correct: bool = False) -> None:
        """Put all bodies where a state has them; `correct` brings the pose's corrections up to date with it."""
        for name, array in self._state.items():
            array.host[...] = getattr(state, name).reshape(array.host.shape)
            array.push()
        self._place.launch()
        if correct:
            self._correct(state)

    def keep(self, better: NDArray[np.bool_]) -> None:
        """Remember where the bodies are now as the place from which `advance` goes on, in the problems named."""
        self._better.host[:] = better
        self._better.push()
        self._keep.launch()

    def advance(self, step: Float64[Array, "b n"]) -> None:
        """Put all bodies a step away from where they were kept last."""
        self._step.host[...] = step
        self._step.push()
        self._move.launch()
        self._place.launch()

    def kept(self) -> SceneState:
        """The state that was kept last."""
        return SceneState(**{name: array.pull().copy() for name, array in self._kept.items()})

    def placed_state(self) -> SceneState:
        """The state in which the bodies are. Written over by the next one."""
        return SceneState(**{name: array.pull() for name, array in self._state.items()})

    def _correct(self, state: SceneState) -> None:
        """Bring the pose's corrections up to date with the angles of a state at which the bodies are placed."""
        if np.array_equal(state.angles, self._corrected):
            return
        self._corrected = state.angles.copy()
        features = self._pose.pull().astype(np.float32)
        for h, body in enumerate(self.bodies.hands):
            n = body.points.n_surface
            self._skin_rest.host[:, h] = self._rest[:, h]
            for b in range(self.batch if n > 0 else 0):  # one by one: a problem's solution is the same in any batch
                self._skin_rest.host[b, h, :n] += (features[b, h] @ body.points.pose_matrix).reshape(n, 3)
        self._skin_rest.push()

    def take_rows(self, blocks: Sequence[Sequence[RowBlock]]) -> None:
        """The rows of each problem from now on."""
        self.table.fill(blocks)
        for array in self._row_arrays.values():
            array.push()
        self._used = int(self.table.arrays["count"].max(initial=0))
        self._out["jacobian"].clear(np.s_[:, : self._used])
        self._products = [Products.of(self.bodies, of_one) for of_one in blocks]

    def evaluate(self) -> Evaluation:
        """All rows where the bodies were placed last."""
        self._active.host[:] = 1
        self._active.push()
        self._evaluate.launch()
        used = slice(0, self._used)
        out = {name: array.pull()[:, used] for name, array in self._out.items()}
        counts = self._row_arrays["count"].host
        for b in np.flatnonzero(counts < self._used):
            for values in out.values():
                values[b, counts[b] :] = 0.0
        return Evaluation(**out)

    def row_costs(self) -> Float64[Array, "b m"]:
        """Costs of the rows of each problem as evaluated last. Written over by the next ones."""
        return self._out["cost"].host[:, : self._used]

    def expect(self, priors: Priors) -> None:
        """The priors from now on."""
        posture, own = priors.posture, self._posture
        if posture is not self._posture_of:
            for name in ("mean", "lower", "upper"):
                getattr(own, name).assign(getattr(posture, name))
            own.root.assign(posture.sqrt_information)
            own.information.assign(posture.information)
            own.weight, self._posture_of = posture.limit_weight, posture
            self._add_priors.set_param_by_name("posture", own)
            if self._descent is not None:
                self._descent.forget()
        for name, array in self._expected.items():
            array.host[...] = getattr(priors.expected, name)
            array.push()
        self._weight.host[...] = priors.weight
        self._weight.push()

    def normal_equations(self, active: NDArray[np.bool_] | None = None, *, copied: bool = True) -> NormalEquations:
        """Rows and priors summed up where the bodies were placed last; anything for problems that are not `active`.

        If not `copied`, it is written over by the next one.
        """
        self._active.host[:] = 1 if active is None else active
        self._active.push()
        self._evaluate.launch()
        residual, J, row_cost = (array.pull() for array in self._out.values())
        sums = self._sums
        cost, gradient, matrix = (sums[name].host for name in ("cost", "gradient", "matrix"))
        for b, count in enumerate(self._row_arrays["count"].host.tolist()):
            used = count if self._active.host[b] else 0
            cost[b] = row_cost[b, :used].sum()
            np.matmul(residual[b, :used], J[b, :used], out=gradient[b])
            self._products[b].sum_up(J[b, :used], matrix[b])
        for array in sums.values():
            array.push()
        self._add_priors.launch()
        found = {name: array.pull() for name, array in sums.items()}
        return NormalEquations(**{name: values.copy() if copied else values for name, values in found.items()})

    def hand_points(self) -> Float64[Array, "b h p 3"]:
        """All points of all hands in the camera frame, m. Written over by the next call."""
        if self.bodies.hands:
            self._skin_points.launch()
        return np.asarray(self._points.pull())

    def hand_normals(self) -> Float64[Array, "b h 778 3"]:
        """Unit normals of all hands' vertices where `hand_points` found them last. Written over by the next call."""
        if self._normals is None:
            with wp.ScopedDevice(self.device):
                self._normals = self._normals_launch()
        launch, out = self._normals
        launch.launch()
        return np.asarray(out.pull())

    def mesh(self, h: int) -> HandMesh:
        """The closed mesh of a hand, for queries."""
        if h not in self._meshes:
            body = self.bodies.hands[h]
            self._meshes[h] = HandMesh(body.points.rest[:N_VERTICES], body.faces, str(self.device))
        return self._meshes[h]

    def links(self, k: int) -> tuple[Float64[Array, "b l 3 3"], Float64[Array, "b l 3"]]:
        """Rotations and origins (m) of an instrument's links in the camera frame. Written over by the next `place`."""
        first = self._first_link[k], self._first_link[k + 1]
        turn, place = self._link_turn.pull(), self._link.pull()
        return turn[:, first[0] : first[1]], place[:, first[0] : first[1]]

    def relation(self, h: int, k: int, b: int) -> Float64[Array, " n"]:
        """How a hand and an instrument lie to each other where they are placed, with all angles: what does not change
        when both are moved as one body."""
        state = {name: array.pull()[b] for name, array in self._state.items()}
        mirror = np.array([self.bodies.hands[h].sign, 1.0, 1.0])
        across = np.empty((3, 4))
        across[:, 0], across[:, 1:] = state["base"][k], state["base_turn"][k]
        across *= mirror[:, None]
        across[:, 0] -= state["wrist"][h]
        corrected = self._corrected[b, h] if len(self._corrected) else np.zeros(0)
        joints = state["joints"][self.bodies.joints(k)]
        return np.concatenate([state["angles"][h], corrected, joints, (state["turn"][h].T @ across).ravel()])

    def distances(
        self, k: int, points: Float64[Array, "b n 3"], within: float = EVERYWHERE
    ) -> tuple[Float64[Array, "b n"], Float64[Array, "b n 3"], Int32[NDArray[np.int32], "b n"]]:
        """Signed distances (m) of points to instrument `k`, gradients (camera frame), indices of the nearest links.

        Of points that are not nearer than `within` only that is told, which takes less time.
        """
        key = k, points.shape[:2], within
        if key not in self._lookups:
            types = (wp.vec3d, wp.float64, wp.vec3d, wp.int32)
            arrays = [Shared(points.shape[:2], dtype, self.device) for dtype in types]
            at, *out = (array.device for array in arrays)
            inputs = [*self._for_distances, k, within, at, self._strands, *out]
            with wp.ScopedDevice(self.device):
                launch = wp.launch(residuals.distances, (self.batch, self._strands), inputs, record_cmd=True)
            self._lookups[key] = launch, arrays
        launch, (at, *out) = self._lookups[key]
        at.host[...] = points
        at.push()
        launch.launch()
        distance, gradient, link = (array.pull().copy() for array in out)
        return distance, gradient, link

    def outlines(self, k: int) -> list[tuple[Int64[NDArray[np.int64], " m"], Float64[Array, "m 2"]]]:
        """Of each problem the places on the outline of instrument `k` (inner ones too) in front of the camera: indices
        into its `Edges`, and where they are on the plane z = 1."""
        if k not in self._outlines:
            edges, placed = self.bodies.instruments[k].edges, (self._link_turn, self._link)
            self._outlines[k] = OutlineLookup(edges, placed, self._first_link[k], self._strands, self.device)
        return self._outlines[k].look()

    def _normals_launch(self) -> tuple[Any, Shared]:
        faces = np.stack([body.faces for body in self.bodies.hands])
        order = np.argsort(faces.reshape(len(faces), -1), axis=1, kind="stable")
        corners = np.take_along_axis(faces.reshape(len(faces), -1), order, axis=1)
        first = np.stack([np.searchsorted(of_one, np.arange(N_VERTICES + 1)) for of_one in corners])
        out = Shared((self.batch, len(faces), N_VERTICES), wp.vec3d, self.device)
        inputs = [
            self._points.device,
            wp.array(faces, dtype=wp.vec3i),
            wp.array(first.astype(np.int32), dtype=wp.int32),
            wp.array((order // 3).astype(np.int32), dtype=wp.int32),
            out.device,
        ]
        return wp.launch(vertex_normals, out.host.shape[:3], inputs, record_cmd=True), out

    def _hand_rest(self) -> Any:
        hands = self.bodies.hands
        self._rest_joints = Shared((self.batch, len(hands), 16), wp.vec3d, self.device)
        self._rest_frames = Shared((self.batch, len(hands), 15), wp.mat33d, self.device)
        rest = moving.HandRest()
        rest.joints, rest.frames = self._rest_joints.device, self._rest_frames.device
        rest.sign = wp.array(np.array([body.sign for body in hands]), dtype=wp.float64)
        rest.parents = wp.array(np.array(PARENTS, dtype=np.int32), dtype=wp.int32)
        return rest

    def _skin(self) -> Any:
        skin = residuals.Skin()
        points = [body.points for body in self.bodies.hands]
        width = self._skin_rest.host.shape[2] + 1
        first = np.zeros((max(len(points), 1), width), dtype=np.int32)
        start = 0
        for m, own in enumerate(points):
            first[m, : len(own.first)] = own.first + start
            first[m, len(own.first) :] = own.first[-1] + start
            start += len(own.bones)
        skin.rest = self._skin_rest.device
        skin.model = wp.array(np.arange(max(len(points), 1), dtype=np.int32), dtype=wp.int32)
        skin.first = wp.array(first, dtype=wp.int32)
        skin.bones = wp.array(np.concatenate([p.bones for p in points]) if points else np.zeros(1), dtype=wp.int32)
        skin.weights = wp.array(
            np.concatenate([p.weights for p in points]) if points else np.zeros(1), dtype=wp.float64
        )
        return skin

    def _trees(self) -> tuple[Any, int]:
        trees = moving.Trees()
        of = [body.fields.tree for body in self.bodies.instruments]
        counts = [len(tree.parents) + 1 for tree in of]
        self._first_link = [int(n) for n in np.concatenate([[0], np.cumsum(counts)])]
        n, most = self._first_link[-1], max([tree.n_joints for tree in of], default=0)
        parents, offsets = np.zeros(n, dtype=np.int32), np.zeros(n)
        R, t, axes = np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 3)), np.zeros((n, 3))
        multipliers = np.zeros((n, max(most, 1)))
        for first, tree in zip(self._first_link, of, strict=False):
            own = slice(first + 1, first + 1 + len(tree.parents))
            parents[own], offsets[own] = tree.parents, tree.offsets
            R[own], t[own], axes[own] = tree.R_parent_child, tree.t_parent_child, tree.axes
            multipliers[own, : tree.n_joints] = tree.multipliers
        angles = np.concatenate([[0], np.cumsum([tree.n_joints for tree in of])]).astype(np.int32)
        columns = np.array(self.bodies.first_columns[len(self.bodies.hands) :], dtype=np.int32)
        trees.first_link = wp.array(np.array(self._first_link, dtype=np.int32), dtype=wp.int32)
        trees.first_angle, trees.first_column = wp.array(angles, dtype=wp.int32), wp.array(columns, dtype=wp.int32)
        trees.parents, trees.offsets = wp.array(parents, dtype=wp.int32), wp.array(offsets, dtype=wp.float64)
        trees.R, trees.t = wp.array(R, dtype=wp.mat33d), wp.array(t, dtype=wp.vec3d)
        trees.axes, trees.multipliers = wp.array(axes, dtype=wp.vec3d), wp.array(multipliers, dtype=wp.float64)
        return trees, n

    def _fields(self) -> Any:
        fields = residuals.Fields()
        present = [body.fields.fields for body in self.bodies.instruments]
        counts = [sum(field is not None for field in own) for own in present]
        fields.first_grid = wp.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), dtype=wp.int32)
        if present:
            # one instrument's grids are shared by all engines, several have to be joined
            one = self.bodies.instruments[0] if len(present) == 1 else None
            grids = device_grids(present) if one is None else one.grids_on(str(self.device))
            fields.grids, fields.nodes, fields.blocks, fields.bricks = grids
        return fields

    def _limits(self) -> Any:
        limits = prior_kernels.JointLimits()
        trees = [body.fields.tree for body in self.bodies.instruments]
        limits.lower = wp.array(np.concatenate([np.zeros(0), *(tree.lower for tree in trees)]), dtype=wp.float64)
        limits.upper = wp.array(np.concatenate([np.zeros(0), *(tree.upper for tree in trees)]), dtype=wp.float64)
        limits.weight = 1.0 / INSTRUMENT_LIMIT_SIGMA
        return limits

    def _middles(self) -> Any:
        return wp.array([body.middle for body in self.bodies.instruments], dtype=wp.vec3d)

    def _room(self, n_links: int) -> Any:
        placed = moving.Placed()
        b, h = self.batch, len(self.bodies.hands)
        placed.bone_turn, placed.bone = wp.zeros((b, h, 16), wp.mat33d), wp.zeros((b, h, 16), wp.vec3d)
        placed.angle_axis = wp.zeros((b, h, 45), wp.vec3d)
        self._pose = Shared((b, h, 135), wp.float64, self.device)
        self._link_turn = Shared((b, n_links), wp.mat33d, self.device)
        self._link = Shared((b, n_links), wp.vec3d, self.device)
        placed.pose, placed.link_turn, placed.link = self._pose.device, self._link_turn.device, self._link.device
        placed.joint_axis = wp.zeros((b, n_links), wp.vec3d)
        return placed

    def _states(self) -> tuple[dict[str, Shared], Any]:
        b, h, k = self.batch, len(self.bodies.hands), len(self.bodies.instruments)
        j = sum(body.n_joints for body in self.bodies.instruments)
        shapes = {
            "wrist": (b, h), "turn": (b, h), "angles": (b, h, 45),
            "base": (b, k), "base_turn": (b, k), "joints": (b, j),
        }  # fmt: skip
        arrays = {name: Shared(shapes[name], dtype, self.device) for name, dtype in _STATES.items()}
        struct = moving.States()
        for name, array in arrays.items():
            setattr(struct, name, array.device)
        return arrays, struct

    def _rows(self) -> Any:
        rows = residuals.Rows()
        shape = (self.batch, self.table.capacity)
        self._row_arrays = {name: Shared(shape, dtype, self.device) for name, dtype in _ROWS.items()}
        self._row_arrays["count"] = Shared((self.batch,), wp.int32, self.device)
        for name, array in self._row_arrays.items():
            setattr(rows, name, array.device)
            self.table.arrays[name] = array.host
        self._used = 0
        self._products = [Products.of(self.bodies, [])] * self.batch
        return rows


def _posture() -> Any:
    posture = prior_kernels.Posture()
    for name in ("mean", "lower", "upper"):
        setattr(posture, name, wp.zeros(45, dtype=wp.float64))
    posture.root, posture.information = wp.zeros((45, 45), wp.float64), wp.zeros((45, 45), wp.float64)
    posture.weight = 0.0
    return posture


def _views(views: Sequence[tuple[Float64[Array, "3 3"], Float64[Array, "3"]]]) -> Any:
    out = residuals.Views()
    turns = [np.eye(3), *(turn for turn, _ in views)]
    shifts = [np.zeros(3), *(shift for _, shift in views)]
    out.turn, out.shift = wp.array(np.array(turns), dtype=wp.mat33d), wp.array(np.array(shifts), dtype=wp.vec3d)
    return out
