"""A joint problem in plain torch: the readable, differentiable reference of the Warp kernels that `engine` runs.

Needs the extra [torch]. All is in double precision, one problem at a time. A state is a base state and a step along its
tangent, so that autograd along the step at zero gives the kernels' Jacobian column by column. Conventions are those of
`kernels.bodies`, `kernels.residuals` and `kernels.priors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from numpy.typing import NDArray

from hoi_perception.hands.joints import PARENTS
from hoi_perception.instruments.kinematics import JointTree
from hoi_perception.interaction.bodies import Bodies, HandBody
from hoi_perception.interaction.priors import INSTRUMENT_LIMIT_SIGMA, Priors
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as error:
    raise ImportError(
        "hoi_perception.interaction.reference needs torch: pip install 'hoi_perception[torch]'"
    ) from error

from hoi_perception.hands.torch_model import rotation_from_axis_angle
from hoi_perception.instruments.torch_lookup import TorchField, union_distance

Array = NDArray[np.float64]
NEAREST_M = 0.03
REFUSED = 1e30


@dataclass(frozen=True)
class PlacedHand:
    """Bones of a hand, mirrored as its state is: a point at rest x that follows bone j goes to R[j] x + offsets[j]."""

    R: Float[Tensor, "16 3 3"]
    offsets: Float[Tensor, "16 3"]
    rest: Float[Tensor, "p 3"]
    skin: Float[Tensor, "p 16"]
    sign: float

    def points(self, i: Int[Tensor, " n"]) -> Float[Tensor, "n 3"]:
        """Points `i` in the camera frame, m."""
        blended = torch.einsum("nj,jab->nab", self.skin[i], self.R)
        x = (blended @ self.rest[i][..., None])[..., 0] + self.skin[i] @ self.offsets
        return x * torch.tensor([self.sign, 1.0, 1.0])


@dataclass(frozen=True)
class Placed:
    """Hands, and link frames of each instrument; camera frame, m."""

    hands: list[PlacedHand]
    links: list[tuple[Float[Tensor, "_ 3 3"], Float[Tensor, "_ 3"]]]


@dataclass(frozen=True)
class Values:
    """Whitened residuals after hinge and robust weight, and what each adds to the cost."""

    residual: Float[Tensor, " m"]
    cost: Float[Tensor, " m"]


class Reference:
    """The terms of a problem as functions of a step; `views` are further cameras as in `Engine`."""

    def __init__(
        self,
        bodies: Bodies,
        shapes: Sequence[Float64[Array, "10"]],
        views: Sequence[tuple[Float64[Array, "3 3"], Float64[Array, "3"]]] = (),
    ) -> None:
        self.bodies, self.shapes = bodies, shapes
        self.views = [(np.eye(3), np.zeros(3)), *views]
        self._fields = [
            [None if field is None else TorchField(field) for field in body.fields.fields]
            for body in bodies.instruments
        ]

    def place(self, base: SceneState, step: Float[Tensor, " n"]) -> Placed:
        """Forward kinematics of the state `step` away from `base` (batch of 1), whose pose's corrections stay."""
        hands, links = [], []
        for h, (body, shape) in enumerate(zip(self.bodies.hands, self.shapes, strict=True)):
            d = step[self.bodies.columns(h)]
            wrist, turn = _t(base.wrist[0, h]) + d[:3], rotation_from_axis_angle(d[3:6]) @ _t(base.turn[0, h])
            rest, joints = body.points.shaped(shape)
            rest[: body.points.n_surface] += body.points.pose_correction(base.angles[0, h])
            angles = _t(base.angles[0, h]) + d[6:]
            hands.append(_placed_hand(body, _t(rest), _t(joints), wrist, turn, angles.reshape(15, 3)))
        for k, instrument in enumerate(self.bodies.instruments):
            d = step[self.bodies.columns(len(hands) + k)]
            R, t = rotation_from_axis_angle(d[3:6]) @ _t(base.base_turn[0, k]), _t(base.base[0, k]) + d[:3]
            angles = _t(base.joints[0, self.bodies.joints(k)]) + d[6:]
            links.append(_link_frames(instrument.fields.tree, R, t, angles))
        return Placed(hands, links)

    def rows(self, base: SceneState, step: Float[Tensor, " n"], blocks: Sequence[RowBlock]) -> Values:
        """All rows in the order of their blocks. The robust weight counts as constant in the residual's derivative."""
        placed = self.place(base, step)
        values = [self._block(placed, block) for block in blocks]
        return Values(torch.cat([v.residual for v in values]), torch.cat([v.cost for v in values]))

    def priors(self, base: SceneState, step: Float[Tensor, " n"], priors: Priors) -> dict[str, Float[Tensor, " m"]]:
        """Residuals of the priors by name; `priors` are those of the same single problem."""
        terms: dict[str, list[Tensor]] = {"posture": [], "limits": [], "motion": [], "instrument limits": []}
        prior, expected = priors.posture, priors.expected
        for h in range(len(self.bodies.hands)):
            columns = self.bodies.columns(h)
            angles = _t(base.angles[0, h]) + step[columns][6:]
            terms["posture"].append(_t(prior.sqrt_information) @ (angles - _t(prior.mean)))
            terms["limits"].append(_beyond(angles, prior.lower, prior.upper) * prior.limit_weight)
            own = (base.wrist[0, h], base.turn[0, h], base.angles[0, h])
            other = (expected.wrist[0, h], expected.turn[0, h], expected.angles[0, h])
            terms["motion"].append(_difference(own, other, step[columns]) * _t(priors.weight[0, columns]))
        for k, body in enumerate(self.bodies.instruments):
            columns, joints = self.bodies.columns(len(self.bodies.hands) + k), self.bodies.joints(k)
            angles = _t(base.joints[0, joints]) + step[columns][6:]
            excess = _beyond(angles, body.fields.tree.lower, body.fields.tree.upper)
            terms["instrument limits"].append(excess / INSTRUMENT_LIMIT_SIGMA)
            own = (base.base[0, k], base.base_turn[0, k], base.joints[0, joints])
            other = (expected.base[0, k], expected.base_turn[0, k], expected.joints[0, joints])
            terms["motion"].append(_difference(own, other, step[columns], body.middle) * _t(priors.weight[0, columns]))
        return {name: torch.cat([torch.zeros(0).double(), *parts]) for name, parts in terms.items()}

    def cost(
        self, base: SceneState, step: Float[Tensor, " n"], blocks: Sequence[RowBlock], priors: Priors
    ) -> Float[Tensor, ""]:
        """The sum that the solver makes small."""
        parts = [p.square().sum() for p in self.priors(base, step, priors).values()]
        return torch.stack([self.rows(base, step, blocks).cost.sum(), *parts]).sum()

    def _block(self, placed: Placed, block: RowBlock) -> Values:
        w, none = _t(block.weight), torch.zeros(len(block), 3).double()
        n = none if block.direction is None else _t(block.direction)
        m = none if block.target is None else _t(block.target)
        turn, shift = (_t(a) for a in self.views[block.view])
        p = self._where(placed, block.p)
        q = none if block.q is None else self._where(placed, block.q)
        refused = torch.zeros(len(block), dtype=torch.bool)
        s: Tensor | None = None
        match block.kind:
            case Kind.LANDMARK | Kind.IMAGE:
                uv, refused = _projected(p @ turn.T + shift)
                off = uv - m[:, :2]
                r = w * (n[:, :2] * off).sum(-1)
                s = w * w * off.square().sum(-1) if block.kind is Kind.LANDMARK else None
            case Kind.DEPTH:
                seen, behind = p @ turn.T + shift, q @ turn.T + shift
                refused = (seen[:, 2] < NEAREST_M) | (behind[:, 2] < NEAREST_M)
                z = torch.where(refused, 1.0, behind[:, 2])
                r = w * (((seen - behind) * n).sum(-1) / z - m[:, 0])
            case Kind.PLANE:
                r = w * ((n * (p - q)).sum(-1) - m[:, 0])
            case Kind.FIELD:
                assert block.q is not None, "a row of a distance field names the instrument by its second point"
                r = w * (self._distances(placed, p, block.q) - m[:, 0])
        keep = ~refused & ((r * block.hinge > 0.0) | torch.tensor(block.hinge == 0))
        root = torch.ones_like(r)
        if block.robust > 0.0:
            root = block.robust**2 / (block.robust**2 + (r * r if s is None else s))
        residual, cost = torch.where(keep, r * root.detach(), 0.0), torch.where(keep, r * r * root, 0.0)
        return Values(residual, torch.where(refused, REFUSED, cost))

    def _where(self, placed: Placed, points: Points) -> Float[Tensor, "n 3"]:
        local, at = _t(points.local), torch.as_tensor(np.array(points.point, dtype=np.int64))
        body, out = torch.as_tensor(np.array(points.body)), local
        for h, own in enumerate(placed.hands):
            mine = body == h
            out = torch.where(mine[:, None], own.points(torch.where(mine, at, 0)), out)
        for k, (R, t) in enumerate(placed.links):
            mine = body == len(placed.hands) + k
            link = torch.where(mine, at, 0)
            out = torch.where(mine[:, None], t[link] + (R[link] @ local[..., None])[..., 0], out)
        return out

    def _distances(self, placed: Placed, p: Float[Tensor, "n 3"], q: Points) -> Float[Tensor, " n"]:
        out = torch.zeros(len(p)).double()
        for k, (R, t) in enumerate(placed.links):
            mine = torch.as_tensor(np.array(q.body == len(placed.hands) + k))
            out = torch.where(mine, union_distance(self._fields[k], R, t, p)[0], out)
        return out


def logarithm(R: Float[Tensor, "3 3"]) -> Float[Tensor, "3"]:
    """Axis-angle vector of a rotation, for angles up to 3.1: beyond, its axis is ill-conditioned here."""
    v = 0.5 * torch.stack([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    sine2, cosine = v.square().sum(), 0.5 * (R.diagonal().sum() - 1.0)
    small = (sine2 < 1e-12) & (cosine > 0.0)
    sine = torch.where(small, 1.0, sine2).sqrt()
    return v * torch.where(small, 1.0 + sine2 / 6.0, torch.atan2(sine, cosine) / sine)


def _t(array: NDArray[np.generic]) -> Tensor:
    return torch.as_tensor(np.array(array, dtype=np.float64))


def _placed_hand(
    body: HandBody,
    rest: Float[Tensor, "p 3"],
    joints: Float[Tensor, "16 3"],
    wrist: Float[Tensor, "3"],
    turn: Float[Tensor, "3 3"],
    angles: Float[Tensor, "15 3"],
) -> PlacedHand:
    points = body.points
    skin = torch.zeros(len(points), 16, dtype=torch.float64)
    skin[np.repeat(np.arange(len(points)), np.diff(points.first)), points.bones] = _t(points.weights)
    F, axes = _t(points.landmark_model.frames), torch.eye(3).double()
    x, y, z = (rotation_from_axis_angle(angles[:, a, None] * axes[a]) for a in range(3))
    local = F @ x @ y @ z @ F.transpose(1, 2)
    R, place = [turn], [wrist]
    for joint in range(1, 16):
        parent = int(PARENTS[joint])
        R.append(R[parent] @ local[joint - 1])
        place.append(place[parent] + R[parent] @ (joints[joint] - joints[parent]))
    bones = torch.stack(R)
    offsets = torch.stack(place) - (bones @ joints[..., None])[..., 0]
    return PlacedHand(bones, offsets, rest, skin, body.sign)


def _link_frames(
    tree: JointTree, R: Float[Tensor, "3 3"], t: Float[Tensor, "3"], angles: Float[Tensor, " j"]
) -> tuple[Float[Tensor, "l 3 3"], Float[Tensor, "l 3"]]:
    turns, places = [R], [t]
    for k, parent in enumerate(tree.parents):
        angle = _t(tree.multipliers[k]) @ angles + float(tree.offsets[k])
        turned = _t(tree.R_parent_child[k]) @ rotation_from_axis_angle(_t(tree.axes[k]) * angle)
        turns.append(turns[parent] @ turned)
        places.append(places[parent] + turns[parent] @ _t(tree.t_parent_child[k]))
    return torch.stack(turns), torch.stack(places)


def _projected(seen: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 2"], Bool[Tensor, " n"]]:
    refused = seen[:, 2] < NEAREST_M
    return seen[:, :2] / torch.where(refused, 1.0, seen[:, 2])[:, None], refused


def _beyond(
    angles: Float[Tensor, " n"], lower: Float64[Array, " n"], upper: Float64[Array, " n"]
) -> Float[Tensor, " n"]:
    """How far angles are above (+) or below (-) their limits."""
    return torch.relu(angles - _t(upper)) - torch.relu(_t(lower) - angles)


def _difference(
    own: tuple[Array, Array, Array],
    expected: tuple[Array, Array, Array],
    step: Float[Tensor, " n"],
    point: Float64[Array, "3"] | None = None,
) -> Float[Tensor, " n"]:
    """Place of a point of the body (its origin unless told), turn and angles a step from `own`, less those expected."""
    c, moved = np.zeros(3) if point is None else point, rotation_from_axis_angle(step[3:6])
    place = _t(own[0]) + step[:3] + moved @ _t(own[1] @ c) - _t(expected[0] + expected[1] @ c)
    turn = moved @ _t(own[1] @ expected[1].T)
    return torch.cat([place, logarithm(turn), _t(own[2] - expected[2]) + step[6:]])
