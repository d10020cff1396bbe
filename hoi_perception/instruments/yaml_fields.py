"""Fields of a YAML mapping, checked one by one: every error names the file, the field and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from hoi_perception.instruments.description import Vector
from hoi_perception.instruments.errors import InstrumentError

MAX_BYTES = 2**20
T = TypeVar("T")


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader without aliases: a few bytes of nested aliases would expand to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)


def load_yaml(content: bytes, where: str) -> Fields:
    """The mapping that a YAML file holds."""
    if len(content) > MAX_BYTES:
        raise InstrumentError(f"{where}: {len(content) / 2**20:.0f} MB, allowed is {MAX_BYTES / 2**20:.0f} MB")
    try:
        values = yaml.load(content, _PlainLoader)  # noqa: S506  (a SafeLoader)
    except RecursionError:
        raise InstrumentError(f"{where}: is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InstrumentError(f"{where}: is not YAML ({' '.join(str(error).split())[:200]})") from None
    return Fields.of(values, where, "")


@dataclass
class Fields:
    """A mapping of which fields are taken one after the other; `finish` complains of what nobody took."""

    values: dict[str, Any]
    where: str
    path: str
    known: list[str] = field(default_factory=list)

    @staticmethod
    def of(values: object, where: str, path: str) -> Fields:
        """Checks that `values` is a mapping with texts as keys."""
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise InstrumentError(f"{where}: {path or 'the file'} must be a mapping of fields")
        return Fields(values, where, path)

    def wrong(self, name: str, allowed: str) -> InstrumentError:
        """The error for a field."""
        place = f"{self.path}.{name}" if self.path else name
        found = f"is {self.values[name]!r:.60}" if name in self.values else "is missing"
        return InstrumentError(f"{self.where}: {place} {found}: {allowed}")

    def text(self, name: str, default: str | None = None, *, one_of: tuple[str, ...] = ()) -> str:
        """A non-empty text, or `default`."""
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip() or (one_of and value not in one_of):
            raise self.wrong(name, f"allowed are {', '.join(one_of)}" if one_of else "give a text")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number, or `default`."""
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not _is_number(value):
            raise self.wrong(name, "give a finite number")
        return float(value)

    def truth(self, name: str, default: bool) -> bool:
        """true or false."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "allowed are true and false")
        return value

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """A list of `count` finite numbers, empty where the field is absent."""
        value = self._take(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            raise self.wrong(name, f"give a list of {count} finite numbers")
        return tuple(float(v) for v in value)

    def vector(self, name: str, default: Vector | None = None) -> Vector:
        """Three finite numbers, or `default`."""
        values = self.numbers(name, 3)
        if not values:
            if default is None:
                raise self.wrong(name, "give a list of 3 finite numbers")
            return default
        return values[0], values[1], values[2]

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of indices from 0, empty where the field is absent."""
        value = self._take(name)
        value = [] if value is None else value
        if not isinstance(value, list) or not all(type(v) is int and v >= 0 for v in value):
            raise self.wrong(name, "give a list of whole numbers from 0")
        return tuple(value)

    def texts(self, name: str, *, one_of: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts, empty where the field is absent."""
        value = self._take(name)
        value = [] if value is None else value
        if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
            raise self.wrong(name, "give a list of texts")
        if one_of and not set(value) <= set(one_of):
            raise self.wrong(name, f"allowed are {', '.join(one_of)}")
        return tuple(value)

    def mapping(self, name: str) -> Fields | None:
        """A nested mapping, None where the field is absent."""
        value = self._take(name)
        return None if value is None else Fields.of(value, self.where, f"{self.path}.{name}".lstrip("."))

    def each(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """What `read` makes of each mapping in a list; each is checked for fields that nobody knows."""
        return tuple(self._each(name, read))

    def finish(self) -> None:
        """InstrumentError if there are fields that were not taken."""
        unknown = sorted(self.values.keys() - set(self.known))
        if unknown:
            raise self.wrong(unknown[0], f"unknown field: allowed are {', '.join(self.known)}")

    def _each(self, name: str, read: Callable[[Fields], T]) -> Iterator[T]:
        value = self._take(name)
        value = [] if value is None else value
        if not isinstance(value, list):
            raise self.wrong(name, "give a list")
        for index, entry in enumerate(value):
            fields = Fields.of(entry, self.where, f"{self.path}.{name}[{index}]".lstrip("."))
            yield read(fields)
            fields.finish()

    def _take(self, name: str) -> Any:
        self.known.append(name)
        return self.values.get(name)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
