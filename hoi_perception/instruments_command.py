"""The command `hoi-perception instruments`: the library listed, shown, added to, exported."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from hoi_perception.instruments.library import Entry
    from hoi_perception.instruments.model import InstrumentModel


@dataclass(frozen=True)
class ListInstruments:
    """Names, classes and joints of all instruments that are found."""

    json: bool = False
    """As JSON, with folders, aliases and what is wrong with broken ones."""

    def execute(self) -> int:
        """Prints the list; broken instruments go to the error stream and do not change the exit status."""
        from hoi_perception.instruments.library import Library

        entries = Library.find().entries
        if self.json:
            print(json.dumps([_as_values(entry) for entry in entries], indent=2, ensure_ascii=False))
            return 0
        shown = [entry for entry in entries if not entry.problem and entry.hidden_by is None]
        width = max((len(entry.name) for entry in shown), default=0)
        for entry in sorted(shown, key=lambda e: e.name):
            kind = entry.description.instrument_class if entry.description else ""
            print(f"{entry.name:{width}}  {kind}{', joints: ' + ', '.join(entry.joints) if entry.joints else ''}")
        for entry in entries:
            if entry.problem:
                print(f"{entry.name} cannot be used: {entry.problem}", file=sys.stderr)
            elif entry.hidden_by is not None:
                print(f"{entry.folder} is hidden by {entry.hidden_by}", file=sys.stderr)
        return 0


@dataclass(frozen=True)
class ShowInstrument:
    """What is known of one instrument, and its picture."""

    name: tyro.conf.Positional[str]
    """Name or alias."""
    out: Path | None = None
    """PNG to draw it to, jaws closed and open."""

    def execute(self) -> int:
        """Prints, and draws with --out."""
        from hoi_perception.instruments.library import Library

        model = Library.find().get(self.name)
        print("\n".join(_lines(model)))
        if self.out is not None:
            _write_picture(model, self.out)
            print(self.out)
        else:
            print(f"picture: hoi-perception instruments show {model.name} --out {model.name}.png")
        return 0


@dataclass(frozen=True)
class AddInstrument:
    """Adds a mesh (STL, OBJ, PLY, GLB) or a folder with a URDF to the user's library, repaired where needed."""

    file: tyro.conf.Positional[Path]
    """The mesh, the URDF or its folder."""
    unit: Literal["mm", "cm", "m", "in"] | None = None
    """Unit of the mesh's coordinates; told from its size where that is clear."""
    name: str | None = None
    """Name in the library; made from the file's name by default."""

    def execute(self) -> int:
        """Adds, and tells what was assumed and changed."""
        from hoi_perception.io.native_noise import start_warp

        start_warp()
        from hoi_perception.instruments.adding import add_instrument

        added = add_instrument(self.file, name=self.name, unit=self.unit)
        for line in added.told:
            print(f"note: {line}")
        print(added.model.folder)
        return 0


@dataclass(frozen=True)
class ExportInstrument:
    """Writes an instrument for other programs, in metres."""

    name: tyro.conf.Positional[str]
    """Name or alias."""
    out: Path
    """Folder to write to."""
    format: Literal["urdf", "glb", "stl"] = "urdf"
    """A folder with URDF and meshes, or one file of the whole with joints at zero."""
    package: str = ""
    """ROS package whose `instruments` folder the URDF is for: RViz and MoveIt need its name in mesh paths."""

    def execute(self) -> int:
        """Writes, and names the result."""
        from hoi_perception.instruments.exporting import whole_glb, whole_stl
        from hoi_perception.instruments.folder import package_urdf, write_instrument
        from hoi_perception.instruments.library import Library
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.whole_results import whole_file

        if self.package and (self.format != "urdf" or not re.fullmatch(r"[a-z][a-z0-9_]*", self.package)):
            raise InputError(
                f"--package {self.package}: give a ROS package's name (small letters, digits, _), with --format urdf"
            )
        model = Library.find().get(self.name)
        if self.format == "urdf":
            folder = self.out / model.name
            if folder.exists():
                raise InputError(f"{folder}: is there already: give another --out, or remove it")
            self.out.mkdir(parents=True, exist_ok=True)
            written = write_instrument(model, folder)
            if self.package:
                package_urdf(written, self.package)
            print(written.folder)
            return 0
        path = self.out / f"{model.name}.{self.format}"
        with whole_file(path) as partial:
            partial.write_bytes(whole_glb(model) if self.format == "glb" else whole_stl(model))
        print(path)
        return 0


@dataclass(frozen=True)
class Instruments:
    """The library of instruments: list, show, add, export."""

    command: (
        Annotated[ListInstruments, tyro.conf.subcommand("list")]
        | Annotated[ShowInstrument, tyro.conf.subcommand("show")]
        | Annotated[AddInstrument, tyro.conf.subcommand("add")]
        | Annotated[ExportInstrument, tyro.conf.subcommand("export")]
    )

    def execute(self) -> int:
        """Runs the chosen one."""
        return self.command.execute()


def _as_values(entry: Entry) -> dict[str, Any]:
    d = entry.description
    values: dict[str, Any] = {"name": entry.name, "folder": str(entry.folder), "problem": entry.problem or None}
    values["hidden_by"] = str(entry.hidden_by) if entry.hidden_by is not None else None
    values["class"] = d.instrument_class if d else None
    values["aliases"] = list(d.aliases) if d else []
    values["joints"] = list(entry.joints)
    values["tips"] = [tip.name for tip in d.tips] if d else []
    return values


def _lines(model: InstrumentModel) -> list[str]:
    """What `show` tells."""
    d = model.description
    lines = [f"{model.name}: {d.instrument_class}"]
    lines += [f"also called: {', '.join(d.aliases)}"] if d.aliases else []
    lines += [f"folder: {model.folder}"]
    for link in model.links:
        mass = f", {1000.0 * link.mass.mass:.1f} g" if link.mass is not None else ""
        lines.append(f"link {link.name}: {sum(len(mesh.faces) for mesh in link.meshes)} faces{mass}")
    for joint in model.joints:
        if joint.kind == "revolute" and joint.mimic is None:
            lines.append(f"joint {joint.name}: {joint.lower:.3f} to {joint.upper:.3f} rad")
    lines += [f"{'tip' if f.tip else 'frame'} {f.name} on {f.link}" for f in d.frames]
    for s in d.symmetries:
        turn = "any angle" if s.order == 0 else f"1/{s.order} turn"
        lines.append(f"symmetric: {s.link} about ({', '.join(f'{x:g}' for x in s.axis)}) by {turn}")
    lines += [f"grasp region {r.name} on {r.link}: {', '.join(r.fingers)}" for r in d.grasp_regions]
    lines += [f"grasp {g.name}: {g.side.label} hand" for g in d.grasps]
    return lines + [f"source: {source}" for source in d.sources]


def _write_picture(model: InstrumentModel, out: Path) -> None:
    import cv2

    from hoi_perception.instruments.picture import draw_instrument
    from hoi_perception.io.input_error import InputError
    from hoi_perception.io.native_noise import start_warp
    from hoi_perception.io.whole_results import whole_file

    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"--out {out}: give a name that ends in .png")
    start_warp()
    with whole_file(out) as partial:
        if not cv2.imwrite(str(partial), draw_instrument(model)):
            raise InputError(f"--out {out}: could not be written")
