#!/usr/bin/env python3
"""Build everything for Linux, from the lock file, with one command: `python3 build_linux.py [FOLDER]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "packaging"))
from dev import complaint


def make(arguments):
    """Make the packages; imported late, for it needs the environment."""
    import linux_packages  # noqa: PLC0415

    linux_packages.make(arguments)


if __name__ == "__main__":
    problem = complaint(sys.version_info) or ("" if sys.platform.startswith("linux") else "This builds on Linux only.")
    if problem:
        sys.exit(problem)
    sys.dont_write_bytecode = True
    import bundle

    sys.exit(bundle.main(__file__, sys.argv[1:], make))
