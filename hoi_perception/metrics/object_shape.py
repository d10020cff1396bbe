"""Errors of an object's surface and of its points. Metres in; the unit of the answer ends the name.

Surfaces are given by points on them, such as `surface_points(vertices, faces, 30_000)`. ValueError for point sets that
are empty or not finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from hoi_perception.metrics.nearest import NearestPoints, f_of_distances, f_score, nearest_both_ways
from hoi_perception.metrics.sampling import surface_points
from hoi_perception.metrics.scaled_icp import align_scaled

Points = Float[NDArray[np.floating], "_ 3"]
Faces = Int[NDArray[np.integer], "_ 3"]
MM, CM = 1000.0, 100.0
FINE_M, COARSE_M = 0.005, 0.010
EASYHOI_SAMPLES = 30_000


def cd_cm(predicted: Points, truth: Points) -> float:
    """Chamfer distance: mean distance to the nearest true point plus mean distance to the nearest predicted one, cm."""
    to_truth, to_predicted = nearest_both_ways(predicted, truth)
    return float(to_truth.mean() + to_predicted.mean()) * CM


def cd_cm2(predicted: Points, truth: Points) -> float:
    """The same with squared distances, cm² (HOLD, Fan et al., CVPR 2024)."""
    to_truth, to_predicted = nearest_both_ways(predicted, truth)
    return float((to_truth**2).mean() + (to_predicted**2).mean()) * CM**2


@dataclass(frozen=True)
class ShapeScores:
    """`cd_cm`, `f5_obj` and `f10_obj` of the same points."""

    cd_cm: float
    f5_obj: float
    f10_obj: float


def shape_scores(predicted: Points, truth: Points) -> ShapeScores:
    """All three, with the nearest points looked for once."""
    ways = nearest_both_ways(predicted, truth)
    distance = float(ways[0].mean() + ways[1].mean()) * CM
    return ShapeScores(distance, f_of_distances(*ways, FINE_M), f_of_distances(*ways, COARSE_M))


def f5_obj(predicted: Points, truth: Points) -> float:
    """F-score at 5 mm."""
    return f_score(predicted, truth, FINE_M)


def f10_obj(predicted: Points, truth: Points) -> float:
    """F-score at 10 mm."""
    return f_score(predicted, truth, COARSE_M)


@dataclass(frozen=True)
class EasyHoiScores:
    """Figures of EasyHOI's script: of the shape alone, after alignment of place and size."""

    cd_easyhoi: float
    f5_easyhoi: float
    f10_easyhoi: float


def easyhoi_scores(
    predicted_vertices: Points, predicted_faces: Faces, truth_vertices: Points, truth_faces: Faces
) -> EasyHoiScores:
    """Scores of two meshes after scaled ICP, 30 000 samples each; the distance is its mean squared cm² terms over 10.

    Our samples are the same ones every time; the script (Liu et al., EasyHOI, CVPR 2025) draws them at random.
    """
    predicted = surface_points(predicted_vertices, predicted_faces, EASYHOI_SAMPLES)
    truth = surface_points(truth_vertices, truth_faces, EASYHOI_SAMPLES)
    placed = align_scaled(predicted, truth)
    return EasyHoiScores(cd_cm2(placed, truth) / 10.0, f5_obj(placed, truth), f10_obj(placed, truth))


def cd_easyhoi(predicted_vertices: Points, predicted_faces: Faces, truth_vertices: Points, truth_faces: Faces) -> float:
    """The distance of `easyhoi_scores`."""
    return easyhoi_scores(predicted_vertices, predicted_faces, truth_vertices, truth_faces).cd_easyhoi


def f5_easyhoi(predicted_vertices: Points, predicted_faces: Faces, truth_vertices: Points, truth_faces: Faces) -> float:
    """The F-score at 5 mm of `easyhoi_scores`."""
    return easyhoi_scores(predicted_vertices, predicted_faces, truth_vertices, truth_faces).f5_easyhoi


def f10_easyhoi(
    predicted_vertices: Points, predicted_faces: Faces, truth_vertices: Points, truth_faces: Faces
) -> float:
    """The F-score at 10 mm of `easyhoi_scores`."""
    return easyhoi_scores(predicted_vertices, predicted_faces, truth_vertices, truth_faces).f10_easyhoi


def add_mm(predicted: Points, truth: Points) -> float:
    """ADD: mean distance of corresponding model points in both poses (Hinterstoisser et al., ACCV 2012)."""
    if predicted.shape != truth.shape or len(truth) == 0:
        raise ValueError(f"model points in both poses need equal shapes: {predicted.shape}, {truth.shape}")
    return float(np.linalg.norm(predicted - truth, axis=1).mean() * MM)


def adds_mm(predicted: Points, truth: Points) -> float:
    """ADD-S: mean distance of the model points in the true pose to the nearest one in the predicted pose."""
    if len(truth) == 0:
        raise ValueError("there are no model points")
    return float(NearestPoints(predicted)(truth)[0].mean() * MM)
