"""The library: instruments by name or alias, found along a search path.

Folders are searched in this order, and the first that holds a name wins: those of the configuration, those of the
environment variable HOI_INSTRUMENTS (separated like PATH), the user's own (`instruments add` puts them there), those of
ROS packages, and the library that comes with the package. Every subfolder with an `instrument.yaml` is an instrument.

A ROS package offers instruments by an entry in the ament index: an empty file
`share/ament_index/resource_index/hoi_perception_instruments/<package>`, instruments in `share/<package>/instruments`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hoi_perception.instruments.description import InstrumentDescription
from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.instruments.folder import DESCRIPTION_FILE, read_instrument, read_outline
from hoi_perception.instruments.model import InstrumentModel

ENVIRONMENT = "HOI_INSTRUMENTS"
RESOURCE = "hoi_perception_instruments"
SHIPPED = Path(__file__).resolve().parent / "library"


@dataclass(frozen=True)
class Entry:
    """One instrument of the library; a broken one has a `problem` and perhaps no description.

    `hidden_by` names the folder earlier on the search path that holds an instrument of the same name.
    """

    name: str
    folder: Path
    description: InstrumentDescription | None
    joints: tuple[str, ...] = ()
    problem: str = ""
    hidden_by: Path | None = None


@dataclass(frozen=True)
class Library:
    """What was found along a search path, in its order; broken and hidden instruments included."""

    entries: tuple[Entry, ...]
    packages: dict[str, Path]

    @staticmethod
    def find(folders: Sequence[str | Path] = ()) -> Library:
        """Searches the folders of a configuration, then the others."""
        packages = ros_packages()
        entries: list[Entry] = []
        holders: dict[str, Path] = {}
        for root in search_path(folders, packages):
            for folder in _instrument_folders(root):
                entry = _entry(folder, packages, holders)
                if not entry.problem:
                    holders.setdefault(entry.name, entry.folder)
                entries.append(entry)
        return Library(tuple(entries), packages)

    @property
    def names(self) -> tuple[str, ...]:
        """Names that `get` gives an instrument for, sorted."""
        return tuple(sorted(e.name for e in self.entries if not e.problem and e.hidden_by is None))

    def entry(self, name: str) -> Entry:
        """The instrument of that name or alias, upper and lower case alike; InstrumentError where there is none."""
        wanted = _key(name)
        usable = [e for e in self.entries if not e.problem and e.hidden_by is None]
        for entry in usable:
            if _key(entry.name) == wanted:
                return entry
        for entry in usable:
            if entry.description is not None and wanted in map(_key, entry.description.aliases):
                return entry
        for entry in self.entries:
            if entry.problem and _key(entry.name) == wanted:
                raise InstrumentError(f"instrument {name!r} cannot be used: {entry.problem}")
        close = get_close_matches(name, self.names, 3, 0.4)
        hint = f"did you mean {', '.join(close)}?" if close else "see `hoi-perception instruments list`"
        raise InstrumentError(f"there is no instrument called {name!r}: {hint}")

    def get(self, name: str) -> InstrumentModel:
        """The instrument with its meshes; InstrumentError where there is none, or it cannot be read."""
        return read_instrument(self.entry(name).folder, self.packages)


def search_path(folders: Sequence[str | Path] = (), packages: dict[str, Path] | None = None) -> tuple[Path, ...]:
    """Folders that are searched, each once; `package://name/path` is resolved. InstrumentError for one that is missing.

    Only folders that someone named must exist.
    """
    packages = ros_packages() if packages is None else packages
    variable = os.environ.get(ENVIRONMENT, "")
    # the colon of package:// is none between folders
    named = [*map(str, folders), *filter(None, re.split(rf"{os.pathsep}(?!//)", variable))]
    offered = [packages[name] / "instruments" for name in _offering_packages() if name in packages]
    found: list[Path] = [_named(text, packages) for text in named]
    found += [path for path in (user_folder(), *offered, SHIPPED) if path.is_dir()]
    return tuple(dict.fromkeys(path.resolve() for path in found))


def user_folder() -> Path:
    """`hoi_perception/instruments` in the user's data folder; it need not exist."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "hoi_perception" / "instruments"


def ros_packages() -> dict[str, Path]:
    """Share folders of the ROS packages of AMENT_PREFIX_PATH by name; the first prefix wins."""
    packages: dict[str, Path] = {}
    for prefix in _prefixes():
        for marker in _listed(prefix / "share" / "ament_index" / "resource_index" / "packages"):
            packages.setdefault(marker.name, prefix / "share" / marker.name)
    return packages


def _offering_packages() -> tuple[str, ...]:
    markers = [_listed(p / "share" / "ament_index" / "resource_index" / RESOURCE) for p in _prefixes()]
    return tuple(dict.fromkeys(marker.name for found in markers for marker in found))


def _prefixes() -> list[Path]:
    return [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]


def _named(text: str, packages: dict[str, Path]) -> Path:
    """A folder that the configuration or the environment names."""
    path = Path(text).expanduser()
    if text.startswith("package://"):
        package, _, rest = text.removeprefix("package://").partition("/")
        if package not in packages:
            raise InstrumentError(
                f"{text}: there is no ROS package {package!r} in AMENT_PREFIX_PATH: source its workspace"
            )
        path = packages[package] / rest
    if not path.is_dir():
        raise InstrumentError(f"{text}: is no folder of instruments: correct the search path or {ENVIRONMENT}")
    return path


def _instrument_folders(root: Path) -> list[Path]:
    """Subfolders that hold an instrument or should; the root itself if it is one."""
    if (root / DESCRIPTION_FILE).is_file():
        return [root]
    found = [path for path in _listed(root) if path.is_dir() and not path.name.startswith((".", "_"))]
    return [path for path in found if (path / DESCRIPTION_FILE).exists() or any(path.glob("*.urdf"))]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _entry(folder: Path, packages: dict[str, Path], holders: dict[str, Path]) -> Entry:
    """What a folder holds; whatever is wrong with it stays with it."""
    try:
        description, urdf, _ = read_outline(folder, packages)
    except InstrumentError as error:
        return Entry(folder.name, folder, None, problem=str(error))
    except Exception as error:  # noqa: BLE001  (one broken folder must not take the others along)
        return Entry(folder.name, folder, None, problem=f"{folder}: {type(error).__name__}: {error}")
    joints = tuple(j.name for j in urdf.joints if j.kind == "revolute" and j.mimic is None)
    return Entry(description.name, folder, description, joints, hidden_by=holders.get(description.name))


def _key(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
