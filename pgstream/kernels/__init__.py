"""Loops over plain arrays that Numba compiles; no SQL is known here.

What is compiled is kept in NUMBA_CACHE_DIR, or else in the user's cache folder: never in the package, where it would
outlive an uninstallation and hide the package that is installed next.
"""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "pgstream" / "kernels"

os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE))  # read when numba is imported, which only modules in here do
