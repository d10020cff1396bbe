"""What takes part in a joint problem: hands of known side and shape, instruments of the library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import warp as wp
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.hands.kinematics import N_STATE, HandState
from hoi_perception.instruments.distance_field import interpolate
from hoi_perception.instruments.field_lookup import InstrumentFields, device_grids
from hoi_perception.instruments.kinematics import InstrumentState, pose_links
from hoi_perception.instruments.model import InstrumentModel, joined
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.interaction.outline import Edges
from hoi_perception.interaction.state import SceneState
from hoi_perception.interaction.surface_samples import sampled_surface
from hoi_perception.types import Side

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HandBody:
    """One hand: its side and its points."""

    side: Side
    points: HandPoints

    @property
    def sign(self) -> float:
        """-1 for a left hand, which is kept mirrored."""
        return -1.0 if self.side is Side.LEFT else 1.0

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles of the mesh in the camera frame, wound outward as in the `HandModel` of that side."""
        return self.points.faces if self.side is Side.RIGHT else self.points.faces[:, [0, 2, 1]]


@dataclass(frozen=True, eq=False)
class InstrumentBody:
    """One instrument: joint tree with distance fields, samples of its surface, and the surface itself.

    `samples` are places on the surface in the frames of `sample_links` (m), `sample_normals` point outward. `surface`
    has vertices in the frame of the link of each (m), these links, and triangles.
    """

    name: str
    fields: InstrumentFields
    samples: Float64[Array, "s 3"]
    sample_normals: Float64[Array, "s 3"]
    sample_links: NDArray[np.int64]
    edges: Edges
    surface: tuple[Float64[Array, "v 3"], NDArray[np.int64], NDArray[np.int64]]

    @staticmethod
    def of(model: InstrumentModel, fields: InstrumentFields | None = None, samples: int = 400) -> InstrumentBody:
        """An instrument of the library with about `samples` samples of its surface, spread evenly.

        Raises ValueError where `fields` are those of another instrument.
        """
        places, normals, links = sampled_surface(model, samples)
        if fields is not None:
            _check_fields(model, fields)
        fields = fields or InstrumentFields.of(model)
        return InstrumentBody(model.name, fields, places, normals, links, Edges.of(model), _surface(model))

    @cached_property
    def middle(self) -> Float64[Array, "3"]:
        """Middle of the box round the surface with all angles at zero, m, in the frame of the base link.

        Errors of a rough pose are least there: those of the origin, at an end of a long instrument, hang on the turn.
        """
        places = self.placed_samples(InstrumentState(np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, self.n_joints))))
        return np.asarray(0.5 * (places.min(axis=0) + places.max(axis=0)))

    def placed_samples(self, state: InstrumentState) -> Float64[Array, "s 3"]:
        """Samples of the surface of an instrument in a state (batch of one), m, camera frame."""
        links = pose_links(self.fields.tree, state)
        R, t = links.R[0, self.sample_links], links.t[0, self.sample_links]
        return np.asarray((R @ self.samples[..., None])[..., 0] + t)

    def grids_on(self, device: str) -> tuple[wp.array, wp.array, wp.array, wp.array]:
        """The distance fields as the kernels read them, on a device: made once, shared by all engines there."""
        if device not in self._grids:
            with wp.ScopedDevice(device):
                self._grids[device] = device_grids([self.fields.fields])
        return self._grids[device]

    @cached_property
    def _grids(self) -> dict[str, tuple[wp.array, wp.array, wp.array, wp.array]]:
        return {}

    @cached_property
    def samples_of_links(self) -> list[tuple[int, slice | NDArray[np.intp], Array, Array]]:
        """Which samples are on each link that has some, with their places and normals."""
        links = np.unique(self.sample_links)
        own: list[slice | NDArray[np.intp]] = [slice(None)]
        if len(links) > 1:
            own = [np.flatnonzero(self.sample_links == link) for link in links]
        of_links = zip(links, own, strict=True)
        return [(int(link), index, self.samples[index], self.sample_normals[index]) for link, index in of_links]

    @property
    def n_joints(self) -> int:
        """Angles of a state."""
        return self.fields.tree.n_joints


def _surface(model: InstrumentModel) -> tuple[Float64[Array, "v 3"], NDArray[np.int64], NDArray[np.int64]]:
    parts = [link.surface() for link in model.links]
    links = np.repeat(np.arange(len(parts)), [len(vertices) for vertices, _ in parts])
    vertices, faces = joined(parts)
    return np.asarray(vertices, dtype=np.float64), links, np.asarray(faces, dtype=np.int64)


def _check_fields(model: InstrumentModel, fields: InstrumentFields) -> None:
    """Raises ValueError unless there is a field round each link with a mesh, and the joints are the model's."""
    remedy = f"make them with InstrumentFields.of for {model.name!r}"
    if len(fields.fields) != len(model.links) or fields.tree.n_joints != len(model.joint_names):
        held = f"{len(fields.fields)} links and {fields.tree.n_joints} joint angles"
        wanted = f"{len(model.links)} and {len(model.joint_names)}"
        raise ValueError(f"distance fields of {held} do not fit {model.name!r} with {wanted}: {remedy}")
    for link, own in zip(model.links, fields.fields, strict=True):
        vertices, faces = link.surface()
        if (own is None) != (len(faces) == 0):
            raise ValueError(f"the distance field of link {link.name!r} is missing or one too many: {remedy}")
        if own is not None:
            at = np.clip((vertices - own.origin) / own.spacing, 0.0, np.array(own.nodes.shape) - 1.0)
            off = 1e-3 * interpolate(own.nodes, at)
            within = bool((vertices >= own.origin).all() and (vertices <= own.origin + own.size).all())
            # Vertices may lie inside, where a link has several solids; interpolation errs by less than two cells.
            if not within or np.median(np.abs(off)) > own.spacing or off.max() > 2.0 * own.spacing:
                raise ValueError(f"the distance field of link {link.name!r} lies round another shape: {remedy}")


@dataclass(frozen=True, eq=False)
class Bodies:
    """Hands first, then instruments: the number of a body is its place in that order."""

    hands: tuple[HandBody, ...]
    instruments: tuple[InstrumentBody, ...] = ()

    @cached_property
    def first_columns(self) -> tuple[int, ...]:
        """Where the tangent of each body begins; the last entry is the number of coordinates."""
        sizes = [N_STATE] * len(self.hands) + [6 + body.n_joints for body in self.instruments]
        return tuple(int(n) for n in np.concatenate([[0], np.cumsum(sizes)]))

    @property
    def n_columns(self) -> int:
        """Coordinates of the tangent."""
        return self.first_columns[-1]

    def columns(self, body: int) -> slice:
        """Coordinates of a body."""
        return slice(self.first_columns[body], self.first_columns[body + 1])

    def joints(self, k: int) -> slice:
        """Where the joint angles of instrument `k` are among those of all instruments."""
        first = sum(body.n_joints for body in self.instruments[:k])
        return slice(first, first + self.instruments[k].n_joints)

    def moved(self, state: SceneState, step: Float64[Array, "b n"]) -> SceneState:
        """A state moved along a tangent vector."""
        hands = [state.hand(h).plus(step[:, self.columns(h)]) for h in range(len(self.hands))]
        first = len(self.hands)
        instruments = [
            state.instrument(k, self.joints(k)).plus(step[:, self.columns(first + k)])
            for k in range(len(self.instruments))
        ]
        return SceneState.of(hands, instruments)

    def states(self, state: SceneState) -> tuple[list[HandState], list[InstrumentState]]:
        """The states of all bodies one by one."""
        hands = [state.hand(h) for h in range(len(self.hands))]
        return hands, [state.instrument(k, self.joints(k)) for k in range(len(self.instruments))]
