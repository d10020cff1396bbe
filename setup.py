"""Puts the message definitions of `msg/` into the wheel; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithMessages(build_py):
    """`build_py` that ships `msg/*.msg` as `hoi_perception/ros/interfaces/*.msg`.

    The folder `msg/` must stay at the root for rosidl, and nothing inside the Python package may be called `msg`.
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return  # the checkout's own msg/ is read
        target = Path(self.build_lib) / "hoi_perception" / "ros" / "interfaces"
        target.mkdir(parents=True, exist_ok=True)
        for definition in sorted((ROOT / "msg").glob("*.msg")):
            self.copy_file(str(definition), str(target / definition.name))


setup(cmdclass={"build_py": BuildWithMessages})
