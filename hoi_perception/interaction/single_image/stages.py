"""A hand and the instrument that it holds from the masks of one image: setup, alignment, refinement in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from hoi_perception.hands.contact_zones import palmar_faces
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.model import InstrumentModel, joined
from hoi_perception.interaction.bodies import Bodies, HandBody, InstrumentBody
from hoi_perception.interaction.single_image.camera_setup import CameraSetup, SetupSettings, set_up_camera
from hoi_perception.interaction.single_image.contact_alignment import (
    ContactAlignment,
    ContactPixels,
    Surface,
    align_contact,
)
from hoi_perception.interaction.single_image.refinement import Energies, HandMasks, RefinementSettings, Refiner
from hoi_perception.interaction.single_image.silhouette import MeshPose, RigidMesh
from hoi_perception.interaction.state import SceneState
from hoi_perception.rendering import rasterise
from hoi_perception.types import N_VERTICES, Camera

Array = NDArray[np.float64]
Mask = Bool[NDArray[np.bool_], "h w"]


@dataclass(frozen=True, eq=False)
class ImageMasks:
    """What is seen of hand and instrument, and where known the instrument's whole mask as if no hand covered it."""

    camera: Camera
    hand: Mask
    instrument: Mask
    complete_instrument: Mask | None = None


@dataclass(frozen=True, eq=False)
class HeldInstrument:
    """A hand of known shape and the instrument that it holds; the hand's points are made of `right_form`."""

    right_form: HandModel
    hand: HandBody
    model: InstrumentModel
    instrument: InstrumentBody
    shape: Float64[Array, "10"]
    posture: AnglePrior


@dataclass(frozen=True)
class SingleImageSettings:
    """How the three stages run; alignment takes turns with fitting the hand to its mask, `alignments` times."""

    setup: SetupSettings = field(default_factory=SetupSettings)
    alignments: int = 3
    refinement: RefinementSettings = field(default_factory=RefinementSettings)


@dataclass(frozen=True)
class SingleImageFit:
    """Hand and instrument (batch of 1) after refinement, and what the stages before gave."""

    state: SceneState
    setup: CameraSetup
    set_up: SceneState
    alignments: tuple[ContactAlignment, ...]
    aligned: SceneState
    energies: tuple[Energies, Energies, Energies]
    """After setup, alignment and refinement."""


def refine_single_image(
    masks: ImageMasks, held: HeldInstrument, start: SceneState, settings: SingleImageSettings | None = None
) -> SingleImageFit:
    """Hand and instrument from rough ones (batch of 1).

    The instrument's pose comes from its mask; then the hand is brought to it in depth, and refined. ValueError for an
    instrument whose mask is empty or all hidden, or that starts behind the camera.
    """
    own = settings or SingleImageSettings()
    mesh = _rigid(held.model, start.joints[0])
    setup = _set_up(mesh, masks, start, own.setup)
    set_up = replace(start, base=setup.pose.t[None, None], base_turn=setup.pose.R[None, None])
    seen = HandMasks(masks.camera, masks.hand, masks.instrument)
    refiner = Refiner(Bodies((held.hand,), (held.instrument,)), held.shape, held.posture)
    body = Surface(setup.pose.place(mesh.vertices), mesh.faces)
    aligned, alignments = _align(refiner, seen, _complete(masks, body), body, held, set_up, own.alignments)
    state = refiner.refine(seen, aligned, own.refinement)
    first, second, last = (refiner.energies(seen, s, start, own.refinement) for s in (set_up, aligned, state))
    return SingleImageFit(state, setup, set_up, alignments, aligned, (first, second, last))


def _rigid(model: InstrumentModel, angles: Float64[Array, " j"]) -> RigidMesh:
    """The instrument with its joints still, in the frame of its base link."""
    surfaces = [link.surface() for link in model.links]
    state = InstrumentState(np.eye(3)[None], np.zeros((1, 3)), angles[None])
    posed = pose_links(joint_tree(model), state)
    placed = [(v @ R.T + t, f) for (v, f), R, t in zip(surfaces, posed.R[0], posed.t[0], strict=True)]
    return RigidMesh(*joined(placed))


def _set_up(mesh: RigidMesh, masks: ImageMasks, start: SceneState, settings: SetupSettings) -> CameraSetup:
    pose = MeshPose(start.base_turn[0, 0], start.base[0, 0])
    settings = replace(settings, scale_free=False)
    if masks.complete_instrument is not None:
        return set_up_camera(mesh, masks.complete_instrument, masks.camera, pose, None, settings)
    return set_up_camera(mesh, masks.instrument, masks.camera, pose, masks.hand, settings)


def _complete(masks: ImageMasks, body: Surface) -> Mask:
    """The instrument's whole mask; where it is not given, that of the pose found."""
    if masks.complete_instrument is not None:
        return masks.complete_instrument
    return rasterise(body.vertices, body.faces, masks.camera).mask | masks.instrument


def _align(
    refiner: Refiner,
    seen: HandMasks,
    complete: Mask,
    body: Surface,
    held: HeldInstrument,
    state: SceneState,
    times: int,
) -> tuple[SceneState, tuple[ContactAlignment, ...]]:
    """Contact alignment and the hand's mask in turn."""
    palmar, faces, found = palmar_faces(held.right_form), held.hand.faces, []
    for _ in range(times):
        vertices = refiner.geometry(state).hand_points(0)[:N_VERTICES]
        whole = rasterise(vertices, faces, seen.camera).mask | seen.hand
        pixels = ContactPixels.of(seen.instrument, complete, seen.hand, whole, seen.camera)
        found.append(align_contact(Surface(vertices, faces, palmar), body, pixels))
        mirror = np.array([held.hand.sign, 1.0, 1.0])
        state = refiner.fit_mask(seen, replace(state, wrist=state.wrist + found[-1].shift * mirror))
    return state, tuple(found)
