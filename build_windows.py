#!/usr/bin/env python3
"""Build everything for Windows, from the lock file, with one command: `py build_windows.py [FOLDER]`.

`--bundle [FOLDER]` makes only the bundle; `--stage BUNDLE [FOLDER]` only the installers around one made before,
wherever their compilers are.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "packaging"))
from dev import complaint

ELSEWHERE = (
    "The program for Windows is built on Windows only. There, type: py build_windows.py. "
    "Here you can make the installers around a bundle from there: python3 build_windows.py --stage BUNDLE"
)


def make(arguments):
    """Make bundle and installers; imported late, for it needs the environment."""
    import windows_installers  # noqa: PLC0415

    windows_installers.build(arguments)


if __name__ == "__main__":
    here = sys.platform == "win32" or sys.argv[1:2] == ["--stage"]
    problem = complaint(sys.version_info) or ("" if here else ELSEWHERE)
    if problem:
        sys.exit(problem)
    sys.dont_write_bytecode = True
    import bundle

    sys.exit(bundle.main(__file__, sys.argv[1:], make))
