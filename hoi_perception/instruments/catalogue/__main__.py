"""Writes the shipped library: `python -m hoi_perception.instruments.catalogue [--out FOLDER] [NAME …]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from hoi_perception.instruments.catalogue.designs import DESIGNS
from hoi_perception.instruments.folder import write_instrument

LIBRARY = Path(__file__).parents[1] / "library"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Generate the instrument library.")
    parser.add_argument("names", nargs="*", choices=[[], *DESIGNS], metavar="NAME", help="instruments, by default all")
    parser.add_argument("--out", type=Path, default=LIBRARY, help="folder that gets one folder per instrument")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or DESIGNS:
        write_instrument(DESIGNS[name](), arguments.out / name)


if __name__ == "__main__":
    main()
