"""Where a solved hand and a solved instrument touch, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from hoi_perception.interaction.contact_places import Places, least_places
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.types import N_VERTICES, Contacts

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ContactSettings:
    """What is told as contact. Lengths in m.

    Surfaces touch when nearer than `touch`: skin gives way, meshes do not. `surface_sigma` is the error of both
    surfaces themselves, which a solve knows nothing of. `reach` and `apart` as in `contact_places.least_places`.
    """

    touch: float = 0.0025
    reach: float = 0.005
    apart: float = 0.015
    surface_sigma: float = 0.0005
    most: int = 24


@dataclass(frozen=True)
class Pair:
    """A hand and an instrument: numbers among the bodies, and track ids for those who read contacts."""

    hand: int = 0
    instrument: int = 0
    hand_track_id: int = 0
    instrument_track_id: int = 0


def contacts(
    engine: Engine,
    state: SceneState,
    covariance: Float64[Array, "n n"],
    pair: Pair | None = None,
    settings: ContactSettings | None = None,
) -> Contacts:
    """Contacts of a solution (batch of 1, for an engine of one problem), with the covariance of its tangent.

    The signed distance d has the variance gᵀ C g, g its derivative along the tangent, and the probability of touch is
    that of d < `touch` under a Gaussian. A contact point follows the hand along the surface and the instrument across
    it: J = (I - n nᵀ) J_hand + n nᵀ J_instrument, its covariance is J C Jᵀ. C is that of `tangent_covariance`, which is
    always finite. It should hold what was measured: rows that draw hand and instrument together make touch look surer
    than it is.
    """
    pair, settings = pair or Pair(), settings or ContactSettings()
    engine.place(state, correct=True)
    geometry = Geometry(Snapshot(engine, 0), 0)
    most = min(settings.most, engine.table.capacity // 12)
    found = least_places(geometry, pair.hand, pair.instrument, settings.reach, settings.apart).take(slice(most))
    by_hand, by_instrument = _derivatives(engine, geometry, pair, found)
    normal = found.normals
    slope = np.einsum("ca,can->cn", normal, by_hand - by_instrument)
    variance = np.einsum("cn,nm,cm->c", slope, covariance, slope) + settings.surface_sigma**2
    across = normal[:, :, None] * normal[:, None, :]
    J = by_hand + across @ (by_instrument - by_hand)
    score = (settings.touch - found.distances) / np.sqrt(np.maximum(variance, 1e-12))
    return Contacts(
        hand_track_id=pair.hand_track_id,
        instrument_track_id=pair.instrument_track_id,
        zones=found.zones,
        points_camera=found.points,
        normals_camera=normal,
        signed_distances=found.distances,
        confidences=np.array([0.5 * (1.0 + erf(s / sqrt(2.0))) for s in score]),
        faces=found.faces,
        barycentric=found.weights,
        links=found.links,
        covariances=J @ covariance @ np.swapaxes(J, 1, 2),
    )


def _derivatives(
    engine: Engine, geometry: Geometry, pair: Pair, found: Places
) -> tuple[Float64[Array, "c 3 n"], Float64[Array, "c 3 n"]]:
    """Derivatives along the tangent of the places on the hand and of those on the instrument. Takes the engine's rows.

    A place on a face moves as its corners do, by their barycentric weights.
    """
    n = len(found.faces)
    if n == 0:
        empty = np.zeros((0, 3, engine.bodies.n_columns))
        return empty, empty
    body = len(engine.bodies.hands) + pair.instrument
    R, t = geometry.links(pair.instrument)
    off = found.points - t[found.links]
    local = np.einsum("nji,nj->ni", R[found.links], off)
    corners = geometry.mesh(pair.hand).faces[found.faces]
    movers = [Points.of_hand(pair.hand, corners[:, c]) for c in range(3)]
    movers.append(Points.of_instrument(body, found.links, local))
    still, unit = Points.fixed(np.zeros((n, 3))), np.ones(n)
    blocks = [
        RowBlock("contact point", Kind.PLANE, mover, unit, np.broadcast_to(axis, (n, 3)), q=still)
        for mover in movers
        for axis in np.eye(3)
    ]
    engine.take_rows([blocks, *([[]] * (engine.batch - 1))])
    J = engine.evaluate().jacobian[0].reshape(4, 3, n, -1)
    return np.einsum("nc,canj->naj", found.weights, J[:3]), np.moveaxis(J[3], 1, 0).copy()


def place_on_hand(
    vertices: Float64[Array, "v 3"], faces: Int64[NDArray[np.int64], "f 3"], contacts: Contacts
) -> Float64[Array, "c 3"]:
    """Where contacts are on the hand's surface, for its vertices in the camera frame."""
    assert contacts.faces is not None and contacts.barycentric is not None, "these contacts have no place on a hand"
    return np.asarray(np.einsum("nc,nca->na", contacts.barycentric, vertices[:N_VERTICES][faces[contacts.faces]]))
