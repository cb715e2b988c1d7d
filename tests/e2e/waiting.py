"""Wait for something to become true, by looking again and again until a deadline that is only there for failures."""

import time
from collections.abc import Callable
from typing import TypeVar

LOOK_EVERY_S = 0.05
T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, timeout_s: float = 15.0) -> T:
    """Return the first truthy value of `look`.

    Raises:
        AssertionError: none came in time; it says `what` was awaited and what was seen last.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (seen := look()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s for {what}; last seen: {seen!r}")
        time.sleep(LOOK_EVERY_S)
    return seen
