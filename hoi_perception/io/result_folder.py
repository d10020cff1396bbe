"""The folder that a run's results go to: what an earlier run wrote there is replaced, anything else is never touched.

Results are written and closed in a hidden folder inside it and then renamed in one step, the summary last: where
`summary.json` is, everything that it names is there too and belongs to the same run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hoi_perception.io.input_error import InputError
from hoi_perception.io.video_writer import SUFFIX
from hoi_perception.types import Side

BAG, VIDEO, MESHES, SUMMARY = "scene.mcap", f"overlay{SUFFIX}", "meshes", "summary.json"
_MESH_NAME = re.compile(rf"\d{{6,}}_({'|'.join(side.label for side in Side)})_\d+\.ply")


def mesh_name(index: int, side: Side, track_id: int) -> str:
    """Name of one hand's mesh in the folder `meshes`."""
    return f"{index:06d}_{side.label}_{track_id}.ply"


def check_room(out: Path, names: Sequence[str]) -> None:
    """InputError where one of these results would take the place of something that no earlier run wrote."""
    earlier = _earlier_results(out)
    for name in names:
        target = out / name
        if not os.path.lexists(target):
            continue
        if name == MESHES:
            if foreign := _foreign(target):
                raise InputError(f"{foreign}: no run of ours wrote it: move it away or choose another --out")
        elif name not in earlier:
            raise InputError(
                f"{target}: it is in the way and {out / SUMMARY} does not name it as a result: "
                "move it away or choose another --out"
            )


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """A hidden folder in `out` to write results into; it goes, with what is still in it, when the context ends."""
    out.mkdir(parents=True, exist_ok=True)
    staging = out / f".partial-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def put_in_place(staging: Path, out: Path, names: Sequence[str]) -> None:
    """Moves the whole results, `names` with the summary last, over those of an earlier run, which go."""
    check_room(out, names)
    earlier = _earlier_results(out)
    if SUMMARY in earlier:
        (out / SUMMARY).unlink()  # from here on it would name results that are not its own
    if MESHES in earlier or MESHES in names:
        _remove_meshes(out / MESHES)
    if VIDEO in earlier and VIDEO not in names:
        (out / VIDEO).unlink(missing_ok=True)
    for name in names:
        (staging / name).replace(out / name)


def _earlier_results(out: Path) -> frozenset[str]:
    """What the summary of an earlier run names; nothing where `summary.json` is not one."""
    try:
        content = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    results = content.get("results") if isinstance(content, dict) else None
    named = results if isinstance(results, list) else []
    return frozenset(name for name in (BAG, VIDEO, MESHES, SUMMARY) if name in named)


def _foreign(meshes: Path) -> Path | None:
    """The first thing that is not a mesh of ours: the folder itself where it is none."""
    if meshes.is_symlink() or not meshes.is_dir():
        return meshes
    return next((path for path in sorted(meshes.iterdir()) if not _is_mesh(path)), None)


def _remove_meshes(folder: Path) -> None:
    """Removes our meshes, and the folder if nothing else is in it."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in filter(_is_mesh, list(folder.iterdir())):
        path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _is_mesh(path: Path) -> bool:
    return _MESH_NAME.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()
