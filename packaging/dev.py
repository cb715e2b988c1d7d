#!/usr/bin/env python3
"""The one command for people who work from the source: set up, run, test, lint, lock.

This file holds only what every Python since 2.7 can parse, so that a too-old one gets a clear line, not a SyntaxError.
"""

import sys

OLDEST = (3, 11)


def complaint(version):
    """Return what to tell the owner of Python `version` (a tuple), or "" when it will do."""
    if tuple(version[:2]) >= OLDEST:
        return ""
    found = ".".join(str(part) for part in version[:3])
    wanted = ".".join(str(part) for part in OLDEST)
    return (
        "Switchtower needs Python " + wanted + " or newer; this is " + found + ". "
        "Install it and run the same command with it, for instance python" + wanted + " packaging/dev.py run"
    )


if __name__ == "__main__":
    problem = complaint(sys.version_info)
    if problem:
        sys.exit(problem)
    sys.dont_write_bytecode = True

    import workbench

    sys.exit(workbench.main(sys.argv[1:]))
