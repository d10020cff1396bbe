"""What each metric costs: `python bench/metrics.py [--json FILE]`.

One hand (778 vertices) that holds an instrument of the library; times are medians of warm calls on one core.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import tyro

from hoi_perception.hands.hand_model import HandModel
from hoi_perception.instruments.kinematics import InstrumentState, joint_tree, pose_links
from hoi_perception.instruments.library import Library
from hoi_perception.instruments.model import InstrumentModel, joined
from hoi_perception.metrics import interaction
from hoi_perception.metrics.closed_mesh import ClosedMesh
from hoi_perception.metrics.grasp_frame import GraspFrame
from hoi_perception.metrics.instrument import instrument_errors
from hoi_perception.metrics.keys import METRICS
from hoi_perception.metrics.sampling import SurfaceSamples, surface_points
from hoi_perception.metrics.simulation import convex_parts, sim_disp_cm

Calls = dict[str, Callable[[], object]]
FRAMES = 8


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    instrument: str = "kelly_haemostat"
    """Name in the library."""
    json: Path | None = None
    """File for the times."""


def main(arguments: Arguments) -> None:
    """Prints a table of milliseconds."""
    rng = np.random.default_rng(0)
    model, instrument = HandModel.load(), Library.find().get(arguments.instrument)
    truth = np.asarray(model.template).reshape(-1, 3) + [0.0, 0.0, 0.5]
    predicted = truth + rng.normal(scale=0.001, size=(1, 3))
    state, vertices, faces = posed(instrument, truth.mean(axis=0))
    hand, body = ClosedMesh.of_hand(predicted, model.faces), ClosedMesh(vertices, faces)
    samples = SurfaceSamples.apart(vertices, faces)
    calls: Calls = {
        **of_hands(predicted, truth),
        **of_objects(vertices + 0.002, vertices, faces),
        "rot_deg … artic_deg": lambda: instrument_errors(instrument, state, state),
        "mesh of a hand": lambda: ClosedMesh.of_hand(predicted, model.faces),
        "mesh of the object": lambda: ClosedMesh(vertices, faces),
        "hand placed anew": lambda: hand.place(predicted),
        **of_interaction(hand, body, samples),
    }
    times = {name: median_ms(call) for name, call in calls.items()} | simulated(hand, body)
    print(f"{instrument.name}: {len(faces)} faces, {len(samples.corners)} samples\n")
    for name, ms in times.items():
        print(f"{name:28s} {ms:10.3f} ms")
    if arguments.json:
        arguments.json.write_text(json.dumps({"instrument": instrument.name, "ms": times}, indent=1) + "\n")


def posed(model: InstrumentModel, middle: np.ndarray) -> tuple[InstrumentState, np.ndarray, np.ndarray]:
    """The instrument half open through the middle of the palm, as one mesh."""
    tree = joint_tree(model)
    state = InstrumentState(np.eye(3)[None], middle[None], 0.5 * (tree.lower + tree.upper)[None])
    links = pose_links(tree, state)
    meshes = [link.surface() for link in model.links]
    placed = [(v @ R.T + t, f) for (v, f), R, t in zip(meshes, links.R[0], links.t[0], strict=True)]
    vertices, faces = joined(placed)
    shift = middle - vertices.mean(axis=0)
    return InstrumentState(state.R, state.t + shift, state.angles), vertices + shift, faces


def of_hands(predicted: np.ndarray, truth: np.ndarray) -> Calls:
    """Metrics of the hand's table; joints are some of the vertices."""
    joints = predicted[::37][:21], truth[::37][:21]
    wrists = predicted[0], truth[0]
    sequences = tuple(np.repeat(j[None], FRAMES, axis=0) for j in joints)
    roots = np.zeros((FRAMES, 3))
    given: dict[str, tuple[Any, ...]] = {
        **{key: joints for key in METRICS if "mpjpe" in key},
        "p2d_px": tuple(j[:, :2] for j in joints),
        **dict.fromkeys(("pve_mm", "pve_xy_mm", "pve_z_mm"), (predicted, truth, *wrists)),
        **dict.fromkeys(("pve_xyz_mm", "pa_pve_mm", "pa_pve_reflect_mm", "f5", "pa_f5"), (predicted, truth)),
        f"auc_j ({FRAMES} frames)": sequences,
        f"pa_auc_j ({FRAMES} frames)": sequences,
        f"mrrpe_mm ({FRAMES} frames)": (roots, roots, roots, roots),
        f"accel_mm_s2 ({FRAMES} frames)": (*sequences, 30.0),
        f"jitter_mm ({FRAMES} frames)": sequences[:1],
    }
    return {name: bound(name, values) for name, values in given.items()}


def of_objects(predicted: np.ndarray, truth: np.ndarray, faces: np.ndarray) -> Calls:
    """Metrics of an object's shape, on 30 000 samples."""
    points = surface_points(predicted, faces, 30_000), surface_points(truth, faces, 30_000)
    given: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(("cd_cm", "cd_cm2", "f5_obj", "f10_obj"), points),
        "cd_easyhoi": (predicted, faces, truth, faces),
        **dict.fromkeys(("add_mm", "adds_mm"), (predicted, truth)),
    }
    return {name: bound(name, values) for name, values in given.items()}


def of_interaction(hand: ClosedMesh, body: ClosedMesh, samples: SurfaceSamples) -> Calls:
    """Metrics of the interaction's table, and the distances on which they rest."""
    frame = GraspFrame.of(hand, body, samples)
    pairs = frame.hand_vertices, frame.object_samples, frame.hand_vertices, frame.object_samples
    sequence = np.repeat(frame.hand_vertices[None], FRAMES, axis=0), np.repeat(body.vertices[None], FRAMES, axis=0)
    volumes = ("iv_cm3@5mm", "iv_cm3@1mm", "iv_surface_cm3@5mm", "iv_exact_cm3")
    return {
        **{key: bound(key, (hand, body)) for key in volumes},
        "vertices to object": lambda: body.signed_distance(frame.hand_vertices),
        "samples to hand": lambda: hand.depth(frame.object_samples),
        "pd_max_mm, pd_mean_mm": lambda: (interaction.pd_max_mm(frame.signed), interaction.pd_mean_mm(frame.signed)),
        "pd_tool_max_mm": bound("pd_tool_max_mm", (frame.depths,)),
        "pd_tool_mean_mm": bound("pd_tool_mean_mm", (frame.depths,)),
        "proximity_mm": bound("proximity_mm", (frame.signed, frame.signed)),
        "contact_f1": bound("contact_f1", (frame.signed, frame.signed)),
        "contact_dev_mm": bound("contact_dev_mm", pairs),
        f"ho_motion_mm2 ({FRAMES} frames)": bound("ho_motion_mm2", sequence),
    }


def simulated(hand: ClosedMesh, body: ClosedMesh) -> dict[str, float]:
    """Times of one simulation and of its preparation; none where PyBullet is not installed."""
    try:
        start = time.perf_counter()
        parts = convex_parts(body.vertices, body.faces)
        middle = time.perf_counter()
        sim_disp_cm(hand, body, parts)
    except ModuleNotFoundError as error:
        print(error)
        return {}
    return {"convex parts": 1000.0 * (middle - start), "sim_disp_cm": 1000.0 * (time.perf_counter() - middle)}


def bound(name: str, values: tuple[Any, ...]) -> Callable[[], object]:
    """A call of the metric whose key begins the name."""
    function = METRICS[name.split(" ")[0]].function
    return lambda: function(*values)


def median_ms(call: Callable[[], object], seconds: float = 0.5) -> float:
    """Median time of calls, at least three."""
    call()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000.0 * float(np.median(times))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
