"""Settings from YAML, checked against the dataclasses of `config.py`."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from hoi_perception.config import Config
from hoi_perception.io.input_error import InputError

T = TypeVar("T")


def read_config(path: Path) -> Config:
    """Settings of a YAML file with nested names; what it leaves out has its default. InputError names what is wrong."""
    if not path.is_file():
        raise InputError(f"{path}: no such settings file: check the path given with --config")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())}): correct it") from None
    return config_from_dict(Config, content, str(path))


def config_from_dict(kind: type[T], content: Any, where: str) -> T:
    """A dataclass of type `kind` from nested dictionaries."""
    if not isinstance(content, dict):
        raise InputError(f"{where}: {content!r} stands where settings belong: give names and values")
    hints = get_type_hints(kind)
    known = {f.name: hints[f.name] for f in fields(kind)}  # type: ignore[arg-type]
    unknown = [str(name) for name in content if name not in known]
    if unknown:
        raise InputError(f"{where}: no setting '{unknown[0]}': there are {', '.join(known)}")
    return kind(**{name: _value(known[name], value, f"{where}: {name}") for name, value in content.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return config_from_dict(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise InputError(f"{where} is {value!r}: give a value of type {kind.__name__}")
    return value
