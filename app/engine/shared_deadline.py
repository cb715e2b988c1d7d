"""One timer for the time limits of many tasks, so that an ordinary request arms none of its own."""

import asyncio
import math
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class SharedDeadline:
    """Lets each of many tasks of one loop wait, for one thing at a time, and no longer than it says.

    The timer goes off when the first of them is due; most have long ended then.
    """

    def __init__(self) -> None:
        """Arm nothing yet."""
        self._due_s: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_s = math.inf

    async def wait(self, awaitable: Awaitable[T], seconds: float) -> T:
        """Return the result of `awaitable`.

        Raises:
            TimeoutError: it took longer than `seconds` and was cancelled.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._due_s[task] = due_s = loop.time() + seconds
        if due_s < self._rings_s:
            self._arm(loop, due_s)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._due_s[task]
            self._overdue.discard(task)

    def _arm(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_s = due_s
        self._timer = loop.call_at(due_s, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel who is overdue and watch the next one."""
        self._timer, self._rings_s = None, math.inf
        now_s = loop.time()
        for task in [task for task, due_s in self._due_s.items() if due_s <= now_s and task not in self._overdue]:
            self._overdue.add(task)
            task.cancel()
        next_s = min((due_s for due_s in self._due_s.values() if due_s > now_s), default=math.inf)
        if next_s < math.inf:
            self._arm(loop, next_s)
