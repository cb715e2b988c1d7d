"""Notice that the machine slept: the wall clock has run on, the monotonic clock has not."""

import time
from collections.abc import Callable

JUMP_S = 5.0
"""A wall clock that is ahead by more than this since the last look has slept (or was set: the same is done then)."""


class SleepDetector:
    """Compares the two clocks each time it is asked; ask every other second or so."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`wall` gives seconds since 1970, `monotonic` seconds that stand still while the machine sleeps."""
        self._wall = wall
        self._monotonic = monotonic
        self._drift_s = wall() - monotonic()

    def slept_s(self) -> float:
        """How long the machine slept since the last look; 0 when it did not. A clock set back is no sleep."""
        before_s, self._drift_s = self._drift_s, self._wall() - self._monotonic()
        jump_s = self._drift_s - before_s
        return jump_s if jump_s > JUMP_S else 0.0
