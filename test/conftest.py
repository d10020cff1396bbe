"""Every test runs with the shapes in the package's annotations checked, and with no display and no network needed."""

from __future__ import annotations

import os
import pkgutil
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Every function of the package is wrapped: a wrong shape or dtype raises. Kernels are Warp's language, not Python's;
# the command line holds no arrays, but tyro's mark for a missing value in place of paths.
_PACKAGE = Path(__file__).resolve().parents[1] / "hoi_perception"
_CHECKED = [
    f"hoi_perception.{m.name}" for m in pkgutil.iter_modules([str(_PACKAGE)]) if m.name not in ("kernels", "cli")
]
install_import_hook(_CHECKED, "shape_check.check")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real recordings named by HOI_TEST_DATA; the test is skipped where there is none."""
    folder = os.environ.get("HOI_TEST_DATA", "")
    if not folder:
        pytest.skip("HOI_TEST_DATA is not set: no real recordings to test on")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"HOI_TEST_DATA={folder} is not a folder")
    return path
