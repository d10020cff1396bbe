"""What a method of refinement offers so that it can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hoi_perception.synthesis.grasp_truth import Evidence, GraspEstimate


class Refiner(Protocol):
    """Makes hand and instrument out of what is seen. It may keep models and kernels, never what it saw before."""

    def refine_grasp(self, evidence: Evidence) -> GraspEstimate:
        """One frame by itself."""
        ...

    def refine_sequence(self, evidence: Sequence[Evidence]) -> list[GraspEstimate]:
        """Frames 1/30 s apart, in order and without a look ahead; one estimate each."""
        ...
