"""What is kept from sequence to sequence of a published data set: its objects as instruments, and who follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from hoi_perception.datasets.errors import ReadError
from hoi_perception.datasets.object_models import ObjectModel, cache_directory, fingerprint, mesh_files, object_model
from hoi_perception.datasets.sample import ObjectTruth
from hoi_perception.evaluation.bodies import Body
from hoi_perception.evaluation.synthetic_rows import JUDGED_EVERY
from hoi_perception.instrument_tracking.wanted import Wanted
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.metrics.intersection import iv_exact_cm3
from hoi_perception.types import Frame, Hand, Instrument

VERSION = 1
"""To be raised with every change of what is measured of objects, so that results of before are not taken."""


class Told(Protocol):
    """Instruments that are not lost, and hands as they were solved with what they hold."""

    @property
    def instruments(self) -> tuple[Instrument, ...]: ...

    @property
    def hands(self) -> tuple[Hand, ...]: ...


class Follower(Protocol):
    """Follows instruments: `hoi_perception.instrument_perception.InstrumentPerception`, or anything else that does."""

    def step(self, frame: Frame, hands: Sequence[Hand], wanted: Sequence[Wanted]) -> tuple[tuple[Wanted, ...], Told]:
        """The instruments of a frame, with the hands that the pipeline found in it."""
        ...


@dataclass(frozen=True)
class ObjectSettings:
    """What is measured. Bodies are measured against each other in every `every`-th frame of a sequence; in every other
    one of these also their exact volume, and the simulated slip if it is to be `slow`."""

    every: int = JUDGED_EVERY
    slow: bool = False

    @property
    def exact(self) -> bool:
        """Whether exact volumes can be had."""
        return find_spec("manifold3d") is not None

    @property
    def simulate(self) -> bool:
        """Whether slip is asked for and can be had."""
        return self.slow and find_spec("pybullet") is not None

    @property
    def identity(self) -> str:
        """Everything that a kept result has to agree with."""
        return f"{VERSION} every={self.every} exact={self.exact} simulate={self.simulate}"


@dataclass(frozen=True, eq=False)
class Thing:
    """An object that can be followed and measured; `solid` says whether exact volumes can be had of it."""

    model: ObjectModel
    body: Body
    solid: bool

    @staticmethod
    def of(model: ObjectModel) -> Thing:
        """The object with everything that does not change from pose to pose. ValueError where its mesh is no body."""
        body = Body.of(model.model)
        angles = np.zeros((1, len(model.model.joint_names)))
        closed = body.closed(InstrumentState(np.eye(3)[None], np.zeros((1, 3)), angles))
        try:
            solid = iv_exact_cm3(closed, closed) > 0.0
        except (ModuleNotFoundError, ValueError):
            solid = False
        return Thing(model, body, solid)


class ObjectBench:
    """Objects of a data set under `root`, made into instruments of the folder `library` when they are first met.

    `follower` makes what follows the instruments that the folder has at that time.
    """

    def __init__(
        self,
        root: Path,
        follower: Callable[[Path], Follower],
        settings: ObjectSettings | None = None,
        library: Path | None = None,
    ) -> None:
        self.root, self.settings = root, settings or ObjectSettings()
        self._library = library or cache_directory()
        self._make_follower = follower
        self._follower: Follower | None = None
        self._things: dict[str, Thing | ReadError] = {}
        self._prints: dict[str, str] = {}

    def thing(self, truth: ObjectTruth) -> Thing | ReadError:
        """The object, or why there is none: its mesh is missing, or no closed body."""
        if truth.mesh not in self._things:
            try:
                self._things[truth.mesh] = Thing.of(object_model(self.root, truth, self._library))
                self._follower = None
            except ReadError as error:
                self._things[truth.mesh] = error
            except ValueError as error:
                self._things[truth.mesh] = ReadError(self.root / truth.mesh, str(error))
        return self._things[truth.mesh]

    @property
    def follower(self) -> Follower:
        """What follows all objects that were met so far."""
        if self._follower is None:
            self._library.mkdir(parents=True, exist_ok=True)
            self._follower = self._make_follower(self._library)
        return self._follower

    def prints(self, truth: ObjectTruth) -> dict[str, str]:
        """Hashes of an object's files, by their names under the root."""
        return {file: self._print(file) for file in mesh_files(truth)}

    def unchanged(self, prints: Mapping[str, str]) -> bool:
        """Whether the files are still what they were."""
        return all(self._print(file) == value for file, value in prints.items())

    def _print(self, file: str) -> str:
        if file not in self._prints:
            self._prints[file] = fingerprint(self.root / file)
        return self._prints[file]
