"""One timer for many waits of the same length, so that an ordinary request arms none of its own."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class SharedDeadline:
    """Lets each of many tasks wait for at most `seconds`.

    All waits are equally long, so the oldest is due first and the timer only ever watches that one.
    """

    def __init__(self, seconds: float) -> None:
        """Arm nothing yet."""
        self._seconds = seconds
        self._due_s: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Return the result of `awaitable`; a task waits for one thing at a time.

        Raises:
            TimeoutError: it took too long and was cancelled.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._due_s[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._ring, loop)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._due_s[task]
            self._overdue.discard(task)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel who is overdue and watch the next one."""
        self._timer = None
        now = loop.time()
        for task, due_s in self._due_s.items():
            if due_s > now:
                self._timer = loop.call_at(due_s, self._ring, loop)
                return
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
