"""Means over records with confidence intervals over sequences: frames of one sequence err alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from hoi_perception.evaluation.records import Record

Array = NDArray[np.float64]
RESAMPLES = 2000


class Recorded(Protocol):
    """What a row gave on one sequence."""

    @property
    def records(self) -> tuple[Record, ...]:
        """All that was measured in it."""
        ...


Part = TypeVar("Part", bound=Recorded)


@dataclass(frozen=True)
class Summary:
    """A mean with its 95 % interval, None where but one sequence has values; `count` values it rests on."""

    mean: float
    interval: tuple[float, float] | None
    count: int


@dataclass(frozen=True)
class Tally:
    """Records of one kind and instrument of one sequence added up: how many there were to be found, how many were, and
    for each figure the sum and number of its values that are defined."""

    kind: str
    instrument: str
    wanted: int
    found: int
    sums: dict[str, tuple[float, int]]


def tallied(records: Iterable[Record]) -> tuple[Tally, ...]:
    """The records of a sequence as tallies, in the order in which kinds and instruments first come."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.kind, record.instrument), []).append(record)
    return tuple(_tally(kind, name, group) for (kind, name), group in groups.items())


def _tally(kind: str, instrument: str, records: Sequence[Record]) -> Tally:
    values: dict[str, list[float]] = {}
    for record in records:
        for key, value in record.figures.items():
            if not math.isnan(value):
                values.setdefault(key, []).append(value)
    sums = {key: (math.fsum(known), len(known)) for key, known in values.items()}
    return Tally(kind, instrument, len(records), sum(record.found for record in records), sums)


@dataclass(frozen=True, eq=False)
class Sums:
    """Sum and number of the values of each sequence."""

    total: Float64[Array, " n"]
    count: Float64[Array, " n"]

    @staticmethod
    def of(
        parts: Sequence[Part],
        kinds: Sequence[str],
        key: str,
        wanted: Callable[[Part, Record], bool] | None = None,
    ) -> Sums:
        """Of one figure over the records of some kinds; figures that are not defined are left out."""
        totals, counts = np.zeros(len(parts)), np.zeros(len(parts))
        for i, part in enumerate(parts):
            values = [
                record.figures[key]
                for record in part.records
                if record.kind in kinds and key in record.figures and (wanted is None or wanted(part, record))
            ]
            known = [value for value in values if not math.isnan(value)]
            totals[i], counts[i] = math.fsum(known), len(known)
        return Sums(totals, counts)

    @staticmethod
    def found(
        parts: Sequence[Part], kinds: Sequence[str], wanted: Callable[[Part, Record], bool] | None = None
    ) -> Sums:
        """Of the share of records that were found."""
        totals, counts = np.zeros(len(parts)), np.zeros(len(parts))
        for i, part in enumerate(parts):
            flags = [r.found for r in part.records if r.kind in kinds and (wanted is None or wanted(part, r))]
            totals[i], counts[i] = sum(flags), len(flags)
        return Sums(totals, counts)

    @staticmethod
    def of_tallies(parts: Sequence[Sequence[Tally]], kinds: Sequence[str], key: str) -> Sums:
        """Of one figure over the tallies of some kinds; a part is a sequence."""
        own = [[tally.sums[key] for tally in part if tally.kind in kinds and key in tally.sums] for part in parts]
        totals, counts = ([[pair[i] for pair in one] for one in own] for i in (0, 1))
        return Sums(_each(totals), _each(counts))

    @staticmethod
    def found_of_tallies(parts: Sequence[Sequence[Tally]], kinds: Sequence[str]) -> Sums:
        """Of the share that was found."""
        own = [[tally for tally in part if tally.kind in kinds] for part in parts]
        return Sums(_each([[t.found for t in one] for one in own]), _each([[t.wanted for t in one] for one in own]))

    def summary(self) -> Summary | None:
        """Mean over all values; percentile bootstrap over sequences (Efron 1979). None without a value."""
        if self.count.sum() == 0.0:
            return None
        return Summary(float(self._means(np.ones((1, len(self.count))))[0]), self._interval(), int(self.count.sum()))

    def less(self, other: Sums) -> Summary | None:
        """The difference of two means, sequences drawn together."""
        if self.count.sum() == 0.0 or other.count.sum() == 0.0:
            return None
        one = np.ones((1, len(self.count)))
        drawn = draws(len(self.count))
        difference = self._means(drawn) - other._means(drawn)
        mean = float((self._means(one) - other._means(one))[0])
        known = int(((self.count > 0.0) & (other.count > 0.0)).sum())
        return Summary(mean, _quantiles(difference, known), int(self.count.sum()))

    def _interval(self) -> tuple[float, float] | None:
        return _quantiles(self._means(draws(len(self.count))), int((self.count > 0.0).sum()))

    def _means(self, weight: Float64[Array, "r n"]) -> Float64[Array, " r"]:
        count = weight @ self.count
        return np.asarray(np.where(count > 0.0, weight @ self.total / np.maximum(count, 1.0), np.nan))


def _each(values: Sequence[Sequence[float]]) -> Float64[Array, " n"]:
    """The sum of each sequence."""
    return np.array([math.fsum(own) for own in values], dtype=np.float64)


@lru_cache(maxsize=4)
def draws(sequences: int) -> Float64[Array, "r n"]:
    """How often each sequence is drawn in each resample; the same every time."""
    shares = np.full(sequences, 1.0 / sequences)
    return np.random.default_rng(0).multinomial(sequences, shares, size=RESAMPLES).astype(np.float64)


def _quantiles(values: Float64[Array, " r"], sequences: int) -> tuple[float, float] | None:
    """Bounds of the interval, for so many sequences with values."""
    if sequences < 2 or np.isnan(values).all():
        return None
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
