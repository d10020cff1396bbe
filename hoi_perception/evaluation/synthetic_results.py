"""Results of one row on one clip, as a file that is there whole or not at all, with a checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hoi_perception.evaluation.records import Record

_PACKAGE = Path(__file__).resolve().parents[1]
_ENDINGS = (".py", ".npz", ".yaml", ".urdf", ".csv", ".stl")


class DamagedResultError(ValueError):
    """A kept result that cannot be used; the text names the file and says why."""


@dataclass(frozen=True)
class Part:
    """What one row gave on one clip; `camera` and `glove` are the clip's strata, `births` counts tracks."""

    clip: str
    row: str
    frames: int
    camera: str
    glove: str
    births: int
    records: tuple[Record, ...]


def part_path(folder: Path, clip: str, row: str) -> Path:
    """File of a row's result on a clip."""
    return folder / clip / f"{row}.json"


def save_part(folder: Path, part: Part, identity: str) -> None:
    """Write under another name, then rename."""
    path = part_path(folder, part.clip, part.row)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    content = _content(part)
    try:
        partial.write_text(json.dumps({"identity": identity, "sum": _sum(content), **content}), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_part(folder: Path, clip: str, row: str, identity: str) -> Part | None:
    """A kept result; None where there is none or where it is of other settings or another state of the package.

    Raises DamagedResultError for a file that is not what was written.
    """
    path = part_path(folder, clip, row)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedResultError(f"{path}: cannot be read ({error}): it is made anew") from error
    try:
        content = json.loads(text)
        if content.pop("identity") != identity:
            return None
        if content.pop("sum") != _sum(content) or (content["clip"], content["row"]) != (clip, row):
            raise DamagedResultError(f"{path}: its checksum is wrong: it is made anew")
        content["records"] = tuple(Record.of(values) for values in content["records"])
        return Part(**content)
    except DamagedResultError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise DamagedResultError(f"{path}: is cut off or no result ({error}): it is made anew") from error


def clear_parts(folder: Path, clips: Sequence[str], rows: Sequence[str]) -> None:
    """Remove kept results of these clips and rows, nothing else."""
    for clip in clips:
        for row in rows:
            part_path(folder, clip, row).unlink(missing_ok=True)


@lru_cache(maxsize=1)
def package_digest() -> str:
    """Hash of all code and data of the package: results of another state of it do not mix with these."""
    digest = hashlib.sha256()
    for path in sorted(p for p in _PACKAGE.rglob("*") if p.suffix in _ENDINGS):
        digest.update(str(path.relative_to(_PACKAGE)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def _content(part: Part) -> dict[str, Any]:
    records = [record.values() for record in part.records]
    return {**{key: getattr(part, key) for key in Part.__dataclass_fields__}, "records": records}


def _sum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
