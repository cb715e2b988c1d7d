#!/usr/bin/env python3
"""Build everything for macOS, from the lock file, with one command: `python3 build_macos.py [FOLDER]`.

`--dry-run` prints the steps after the bundle, on any system.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "packaging"))
from dev import complaint

ELSEWHERE = (
    "The program for macOS is built on macOS only. There, type: python3 build_macos.py. "
    "Here you can see the steps: python3 build_macos.py --dry-run"
)


def make(arguments):
    """Make the disk image; imported late, for it needs the environment."""
    import macos_package  # noqa: PLC0415

    macos_package.build(arguments)


if __name__ == "__main__":
    dry = "--dry-run" in sys.argv
    problem = complaint(sys.version_info) or ("" if sys.platform == "darwin" or dry else ELSEWHERE)
    if problem:
        sys.exit(problem)
    sys.dont_write_bytecode = True
    import bundle

    sys.exit(make(sys.argv[1:]) if dry else bundle.main(__file__, sys.argv[1:], make))
