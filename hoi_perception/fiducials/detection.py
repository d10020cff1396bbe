"""Square markers in an image, found and read by OpenCV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SeenMarker:
    """A marker: its dictionary by OpenCV's name, its number, its corners and how many cells, black border included, it
    is wide.

    Corners (px, centres of pixels at whole numbers) go clockwise from the upper left one of the marker as OpenCV draws
    it. They are those of black pixels, half a pixel or so inside of the border.
    """

    dictionary: str
    number: int
    corners_px: Float64[Array, "4 2"]
    cells: int


class MarkerFinder:
    """Finds markers of given dictionaries; one detector each."""

    def __init__(self, dictionaries: Iterable[str]) -> None:
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE
        drawn = {
            name: cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name)) for name in sorted(set(dictionaries))
        }
        self._detectors = {name: cv2.aruco.ArucoDetector(one, parameters) for name, one in drawn.items()}
        self._cells = {name: int(one.markerSize) + 2 for name, one in drawn.items()}

    def found(self, grey: UInt8[NDArray[np.uint8], "h w"]) -> tuple[SeenMarker, ...]:
        """All markers of an image; the same one as often as it is seen."""
        out = []
        for name, detector in self._detectors.items():
            corners, numbers, _ = detector.detectMarkers(grey)
            for quad, number in zip(corners, () if numbers is None else np.ravel(numbers), strict=True):
                px = np.asarray(quad, dtype=np.float64).reshape(4, 2)
                out.append(SeenMarker(name, int(number), px, self._cells[name]))
        return tuple(out)
