"""Keep other programs of the same user from reading keys out of this process's memory (Linux)."""

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def harden() -> None:
    """Write no core files, and let no debugger attach: `PR_SET_DUMPABLE` 0, core limit 0. Elsewhere nothing is done."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - there is none on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
