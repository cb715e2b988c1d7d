"""When the same provider is asked again: the retry budget, full jitter, and waits that are spread."""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable

from app.store.settings import Retry as RetrySettings

WINDOW_S = 60.0
"""The time over which retries are counted against requests."""

MINIMUM = 3
"""So many retries are allowed within the window however few requests there were."""


class Retries:
    """The retries of all requests together, so that they never multiply the load on a provider that is in trouble."""

    def __init__(
        self,
        percent: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`percent` gives how many of the window's requests may be retries; `chance` a number from 0 to 1."""
        self.clock = clock
        self._percent = percent
        self._chance = chance
        self._sleep = sleep
        self._requests: deque[list[float]] = deque()  # [second, requests]
        self._count = 0
        self._retries_s: deque[float] = deque()

    def request(self) -> None:
        """A request has come."""
        now_s = self.clock()
        self._forget(now_s)
        second = now_s // 1
        if self._requests and self._requests[-1][0] == second:
            self._requests[-1][1] += 1
        else:
            self._requests.append([second, 1])
        self._count += 1

    def take(self) -> bool:
        """Whether one more retry is within the budget; it is counted then."""
        now_s = self.clock()
        self._forget(now_s)
        while self._retries_s and self._retries_s[0] <= now_s - WINDOW_S:
            self._retries_s.popleft()
        if len(self._retries_s) >= max(MINIMUM, int(self._count * self._percent() / 100)):
            return False
        self._retries_s.append(now_s)
        return True

    def _forget(self, now_s: float) -> None:
        """Take the requests that are past the window off the count."""
        while self._requests and self._requests[0][0] < now_s - WINDOW_S:
            self._count -= int(self._requests.popleft()[1])

    async def back_off(self, settings: RetrySettings, tries: int, left_s: float = math.inf) -> None:
        """Pause before try number `tries` (from 1) is repeated: anything from nothing to the cap, so never in step.

        `left_s` are the seconds the request has left.
        """
        await self._sleep(min(left_s, self._chance() * _most_s(settings, tries - 1)))

    async def wait(self, wait_s: float, settings: RetrySettings) -> float:
        """Wait for a time that others wait for too; return how long it was. They go on one by one, never at once."""
        spread_s = wait_s + self._chance() * _most_s(settings, 1)
        await self._sleep(spread_s)
        return spread_s


def _most_s(settings: RetrySettings, doublings: int) -> float:
    most: float = min(settings.cap_s, settings.base_s * 2.0**doublings)
    return most
