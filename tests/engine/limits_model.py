"""A clock and a calendar that move only when told, and a loop that is run until nothing is left to do."""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine
from typing import Any


class Planned:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTime:
    """Monotonic seconds, and the calls that are planned for later."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._planned: list[tuple[float, int, Planned]] = []
        self._numbers = itertools.count()

    def __call__(self) -> float:
        return self.now_s

    def later(self, delay_s: float, call: Callable[[], None]) -> Planned:
        planned = Planned(call)
        heapq.heappush(self._planned, (self.now_s + delay_s, next(self._numbers), planned))
        return planned

    def advance(self, seconds: float) -> None:
        """Let time pass, making every planned call at its own moment."""
        end_s = self.now_s + seconds
        while self._planned and self._planned[0][0] <= end_s:
            at_s, _, planned = heapq.heappop(self._planned)
            self.now_s = max(self.now_s, at_s)
            if not planned.cancelled:
                planned.call()
        self.now_s = end_s


class Loop:
    """An event loop that is only run until its tasks wait."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = self._loop.create_task(work)
        self.settle()
        return task

    def settle(self) -> None:
        async def turns() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        self._loop.run_until_complete(turns())

    def close(self) -> None:
        self._loop.close()
