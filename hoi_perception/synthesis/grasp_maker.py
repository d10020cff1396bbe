"""Making truth grasps of one instrument: a random start, closing or another placer, checks, a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.anatomy import pose_from_angles
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.mirroring import mirror_axis_angle
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.field_cache import cached_field
from hoi_perception.instruments.field_lookup import InstrumentFields
from hoi_perception.instruments.model import InstrumentModel
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.intersection import iv_exact_cm3
from hoi_perception.synthesis.grasp_checks import fingers_overlap, opposed
from hoi_perception.synthesis.grasp_closing import ClosedGrasp, Closer
from hoi_perception.synthesis.grasp_starts import Start, UsualGrasp, Variation, draw_start, usual_grasps
from hoi_perception.synthesis.grasp_truth import GraspTruth, MadeBy
from hoi_perception.synthesis.grasp_views import View, draw_view
from hoi_perception.synthesis.hand_lookup import TOUCH_M, HandLookup
from hoi_perception.synthesis.hand_samples import SampledHand, sample_hand
from hoi_perception.synthesis.instrument_mesh import InstrumentMesh
from hoi_perception.transforms import axis_angle_from_rotation
from hoi_perception.types import HandParameters, Side

Array = NDArray[np.float64]
MAX_INTERSECTION_CM3 = 0.005
"""5 mm³: what the float16 distance fields let through."""
_HOLLOW = ("cup", "mug")


class Placer(Protocol):
    """Another way than closing to bring the fingers of a start to an instrument."""

    def place(
        self, hand: SampledHand, side: Side, start: Start, usual: UsualGrasp, rng: np.random.Generator
    ) -> ClosedGrasp | None:
        """The grasp near a start, in the frame of the wrist; None where there is none."""


@dataclass(frozen=True, eq=False)
class Found:
    """A closed grasp that passed all checks, before any camera: in the frame of the wrist."""

    side: Side
    shape: Float64[Array, "10"]
    closed: ClosedGrasp
    usual: UsualGrasp
    hand_vertices: Float64[Array, "778 3"]
    body_vertices: Float64[Array, "n 3"]


class GraspMaker:
    """Makes grasps of one instrument; holds its fields and the hand's samples."""

    def __init__(
        self, model: InstrumentModel, variation: Variation | None = None, placer: Placer | None = None
    ) -> None:
        if not model.description.grasps:
            raise InstrumentError(f"{model.name} has no usual grasp: choose an instrument that a hand holds")
        self.model, self.variation, self._placer = model, variation or Variation(), placer
        self.mesh = InstrumentMesh.of(model)
        self.hands = {side: HandModel.load(None, side) for side in Side}
        self.samples = sample_hand(self.hands[Side.RIGHT])
        fields = InstrumentFields.of(model)
        hollow = model.description.instrument_class in _HOLLOW
        self.closer = Closer(self.samples, _hulls(model, fields) if hollow else fields)
        self._exact = HandLookup(self.samples, fields) if hollow else self.closer.lookup
        self.usual = usual_grasps(self.samples, model, fields)
        self._owner = self.samples.model.skin_weights.argmax(axis=1)

    def attempt(self, rng: np.random.Generator, made_by: MadeBy = MadeBy.CLOSING) -> Found | None:
        """One grasp from a random start, by closing or by the placer; None where it does not end in a grasp."""
        usual = self.usual[int(rng.integers(len(self.usual)))]
        side = Side(int(rng.integers(2)))
        start = draw_start(self.samples, self.model, self.mesh.joint_limits, usual, side, self.variation, rng)
        hand = self.samples.with_shape(start.shape)
        if made_by is MadeBy.SOLVER and self._placer is not None:
            closed = self._placer.place(hand, side, start, usual, rng)
        else:
            closed = self.closer.close(hand, side, start.angles, start.held, usual.fingers, usual.palm, rng)
        return None if closed is None else self.checked(hand, side, usual, closed)

    def checked(self, hand: SampledHand, side: Side, usual: UsualGrasp, closed: ClosedGrasp) -> Found | None:
        """The grasp if it is one: gripped from opposed sides, fingers apart, no intersection by exact booleans."""
        if "thumb" in usual.fingers and "thumb" not in closed.touching:
            return None
        if not opposed(*self._contacts(hand, side, closed)):
            return None
        faces = self.hands[side].faces
        vertices = hand.vertices(closed.angles[None], side)[0]
        if fingers_overlap(vertices, faces, self._owner):
            return None
        held = closed.held
        body = self.mesh.vertices(held.R, held.t, held.joint_positions)
        volume = iv_exact_cm3(ClosedMesh.of_hand(vertices, faces), ClosedMesh(body, self.mesh.faces))
        if volume >= MAX_INTERSECTION_CM3:
            return None
        return Found(side, hand.shape, closed, usual, vertices, body)

    def _contacts(
        self, hand: SampledHand, side: Side, closed: ClosedGrasp
    ) -> tuple[Float64[Array, "n 3"], NDArray[np.int64]]:
        """The instrument's normals where the hand touches it, and the bones that touch."""
        normals, bones = [], []
        for name, part in hand.parts.items():
            distance, gradient = self._exact.look(name, hand.pose(name, closed.angles[None], side)[0], closed.held)
            touching = distance < TOUCH_M
            normals.append(gradient[touching].astype(np.float64))
            bones.append(part.bone[touching])
        return np.concatenate(normals), np.concatenate(bones)

    def seen(self, found: Found, rng: np.random.Generator, made_by: MadeBy = MadeBy.CLOSING) -> GraspTruth | None:
        """The grasp before a random camera; None where no view shows both."""
        faces = self.hands[found.side].faces
        view = draw_view(found.hand_vertices, faces, found.body_vertices, self.mesh.faces, rng)
        if view is None:
            return None
        return placed(found, self.model.name, view, self.samples.frames, made_by)


def placed(
    found: Found, instrument: str, view: View, frames: Float64[Array, "15 3 3"], made_by: MadeBy = MadeBy.CLOSING
) -> GraspTruth:
    """A grasp in the camera frame of a view; `frames` are those of the anatomical angles."""
    articulation = pose_from_angles(found.closed.angles, frames).reshape(15, 3)
    if found.side is Side.LEFT:
        articulation = np.asarray(mirror_axis_angle(articulation))
    pose = np.concatenate([axis_angle_from_rotation(view.R)[None], articulation])
    held = found.closed.held
    return GraspTruth(
        instrument=instrument,
        side=found.side,
        hand=HandParameters(pose, found.shape, view.t),
        R_camera_instrument=view.R @ held.R,
        t_camera_instrument=view.R @ held.t + view.t,
        joint_positions=held.joint_positions,
        camera=view.camera,
        made_by=made_by,
        grasp=found.usual.name,
    )


def _hulls(model: InstrumentModel, fields: InstrumentFields) -> InstrumentFields:
    """Fields of the links' convex hulls."""
    import manifold3d

    hulls = []
    for link in model.links:
        mesh = manifold3d.Manifold.hull_points(link.surface()[0] * 1000.0).to_mesh()
        vertices = np.asarray(mesh.vert_properties[:, :3], dtype=np.float64) / 1000.0
        hulls.append(cached_field(vertices, np.asarray(mesh.tri_verts).astype(np.int64)))
    return InstrumentFields(fields.tree, tuple(hulls))
