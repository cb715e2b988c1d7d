"""Runs first in the frozen program: whatever it starts finds the system's libraries, not those of the bundle.

PyInstaller's starter names its own folder in LD_LIBRARY_PATH; the loader has read that by now.
"""

import os

if os.environ.get("LD_LIBRARY_PATH_ORIG"):
    os.environ["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH_ORIG"]
else:
    os.environ.pop("LD_LIBRARY_PATH", None)
os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
