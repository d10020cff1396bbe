"""Settings from YAML, checked against the dataclasses of `config.py`."""

from __future__ import annotations

from pathlib import Path

import yaml

from hoi_perception.config import Config
from hoi_perception.io.input_error import InputError
from hoi_perception.settings import SettingsError, check_settings, from_values, nested_values


def read_config(path: Path) -> Config:
    """Settings of a YAML file with nested names; what it leaves out has its default. InputError names what is wrong."""
    if not path.is_file():
        raise InputError(f"{path}: no such settings file: check the path given with --config")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())}): correct it") from None
    try:
        return from_values(Config, nested_values(content))
    except SettingsError as error:
        raise InputError(f"{path}: {error}") from None


def checked_config(config: Config) -> Config:
    """The settings themselves; InputError for one that the command line took but that is not allowed."""
    try:
        return check_settings(config)
    except SettingsError as error:
        raise InputError(str(error)) from None
