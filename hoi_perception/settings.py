"""The settings of `config.py` by name: what there is, what is allowed, and what has changed."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from hoi_perception.config import AtConfigure, AtStart, Config, Range

Value = bool | int | float | str
When = Literal["tunable", "at_configure", "at_start"]
C = TypeVar("C", bound=Config)


class SettingsError(ValueError):
    """Settings that cannot be used; one line that names the setting, what is wrong with it and what to do."""


@dataclass(frozen=True)
class Setting:
    """One setting. `name` joins the fields' names with dots ("detection.max_hands").

    `when` tells which change of it takes effect: at the next frame, at the next configure, at the next start.
    """

    name: str
    kind: type[Value]
    default: Value
    description: str
    range: Range | None
    choices: tuple[str, ...]
    when: When

    def checked(self, value: Any) -> Value:
        """The value in the setting's own type; SettingsError where it is of another type or not allowed."""
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, self.kind) or (self.kind is not bool and isinstance(value, bool)):
            raise SettingsError(f"{self.name} is {value!r}: give a value of type {self.kind.__name__}")
        if self.choices and value not in self.choices:
            raise SettingsError(f"{self.name} is {value!r}: give one of {', '.join(self.choices)}")
        if self.range is not None and not self.range.low <= float(value) <= self.range.high:
            raise SettingsError(f"{self.name} is {value}: give {self.allowed}")
        return value

    @property
    def allowed(self) -> str:
        """The range or the choices in words; "" where every value of the type is allowed."""
        if self.range is not None:
            return f"{self.range.low:g} to {self.range.high:g}"
        return " or ".join(self.choices)


def settings_of(kind: type[Config]) -> Mapping[str, Setting]:
    """Every setting of a class of settings by its name, in the order of its definition.

    The first call for a class reads its source, 12 ms, and may not be made by several threads at once: Python 3.11's
    `ast.parse` fails then. Whoever starts threads calls it before.
    """
    known: Mapping[str, Setting] = _read_once(cast(Any, kind))
    return known


def values_of(config: Config) -> dict[str, Value]:
    """The value of every setting by its name."""
    return dict(_values(config, ""))


def check_settings(config: C) -> C:
    """The settings themselves; SettingsError for the first that is not allowed."""
    known = settings_of(type(config))
    for name, value in values_of(config).items():
        known[name].checked(value)
    return config


def from_values(kind: type[C], given: Mapping[str, Any]) -> C:
    """Settings from values by name; what is left out has its default. SettingsError names what is wrong."""
    known = settings_of(kind)
    for name in given:
        if name not in known:
            raise SettingsError(unknown_setting(name, known))
    values = {name: setting.checked(given.get(name, setting.default)) for name, setting in known.items()}
    made: C = _assemble(kind, values, "")
    return made


def nested_values(content: Any) -> dict[str, Any]:
    """Values by dotted name from nested dictionaries; dotted names stay as they are. SettingsError if it is neither."""
    if not isinstance(content, Mapping):
        raise SettingsError(f"{content!r} stands where settings belong: give names and values")
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name}": inner for name, inner in nested_values(value).items()}
        else:
            flat[str(key)] = value
    return flat


def unknown_setting(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """What to say of a name that no setting has: the nearest names, or the way to all of them."""
    if any(other.startswith(f"{name}.") for other in known):
        return f"'{name}' is a group of settings: give names and values below it"
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    leaf = name.rpartition(".")[2]
    near = near or [other for other in known if other.rpartition(".")[2] == leaf]
    if near:
        return f"no setting '{name}': is it {' or '.join(near)}?"
    groups = dict.fromkeys(other.partition(".")[0] + (".*" if "." in other else "") for other in known)
    return f"no setting '{name}': there are {', '.join(groups)}"


def fixed_changes(before: Config, after: Config) -> list[str]:
    """Names of the settings that differ and do not take effect while a node runs."""
    known, old, new = settings_of(type(before)), values_of(before), values_of(after)
    return [n for n, setting in known.items() if setting.when != "tunable" and n in new and old[n] != new[n]]


@cache
def _read_once(kind: Any) -> Mapping[str, Setting]:
    return MappingProxyType({setting.name: setting for setting in _settings(kind, "")})


def _settings(kind: Any, prefix: str) -> Iterator[Setting]:
    hints, texts = get_type_hints(kind, include_extras=True), _descriptions(kind)
    defaults = kind()
    for field in fields(kind):
        hint, name = hints[field.name], prefix + field.name
        if is_dataclass(hint):
            yield from _settings(hint, f"{name}.")
            continue
        plain, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        choices = get_args(plain) if get_origin(plain) is Literal else ()
        yield Setting(
            name=name,
            kind=str if choices else plain,
            default=getattr(defaults, field.name),
            description=texts.get(field.name, ""),
            range=next((m for m in marks if isinstance(m, Range)), None),
            choices=choices,
            when=_when(marks),
        )


def _when(marks: Sequence[Any]) -> When:
    if any(isinstance(m, AtStart) for m in marks):
        return "at_start"
    return "at_configure" if any(isinstance(m, AtConfigure) for m in marks) else "tunable"


def _values(config: Any, prefix: str) -> Iterator[tuple[str, Value]]:
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from _values(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def _assemble(kind: Any, values: Mapping[str, Value], prefix: str) -> Any:
    hints = get_type_hints(kind)
    made = {}
    for field in fields(kind):
        name, hint = prefix + field.name, hints[field.name]
        made[field.name] = _assemble(hint, values, f"{name}.") if is_dataclass(hint) else values[name]
    return kind(**made)


def _descriptions(kind: type) -> dict[str, str]:
    """The text below each field, also of the classes that `kind` is made from; nothing where there is no source."""
    texts: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__[:-1]):
        try:
            (tree,) = ast.parse(inspect.getsource(ancestor)).body
        except (OSError, TypeError):
            continue
        assert isinstance(tree, ast.ClassDef)
        for field, text in zip(tree.body, tree.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    texts[name] = " ".join(words.split())
    return texts
