"""Make keyring calls in one daemon thread, one after another, with a time limit: a keyring may block for ever."""

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_T = TypeVar("_T")
_LOCKED = frozenset({"KeyringLocked", "LockedException", "PromptDismissedException"})

USE_ENVIRONMENT = 'use key = "env:NAME" for providers and SWITCHTOWER_TOKEN for the local token'


class KeyringProblem(Exception):  # noqa: N818 - the name the rest of the program knows it by
    """A key or token cannot be read or kept; the text is one line with the remedy and never holds a secret."""

    def __init__(self, message: str, remedy: str) -> None:
        """Say what is wrong and what to do."""
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class KeyringThread:
    """The thread begins with the first call and never keeps the process from ending."""

    def __init__(self, timeout_s: float) -> None:
        """Give up on a call after `timeout_s` seconds; the call itself cannot be stopped."""
        self._timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running: Future[Any] | None = None
        self._hanging: Future[Any] | None = None

    @property
    def hanging(self) -> bool:
        """Whether a call that was given up on has still not come back."""
        return self._hanging is not None and not self._hanging.done()

    async def call(self, job: "Callable[[], _T]", timeout_s: float | None = None) -> _T:
        """Run `job` in the thread and wait for it; the caller's loop is never blocked.

        Raises:
            KeyringProblem: it took too long, an earlier one still hangs, or it failed.
        """
        if self.hanging:
            raise _hangs()
        future: Future[_T] = Future()
        self._start()
        self._jobs.put((job, future))
        limit_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        waiter = asyncio.wrap_future(future)
        try:
            done, _ = await asyncio.wait({waiter}, timeout=limit_s)
        finally:
            future.cancel()  # if it still waits for its turn, nobody wants it any more
        if not done:
            waiter.cancel()
            self._hanging = self._running
            raise _hangs()
        problem = waiter.exception()
        if problem is not None:
            raise _explain(problem)
        return waiter.result()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="keyring", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            job, future = self._jobs.get()
            if future.set_running_or_notify_cancel():
                self._running = future
                with _Outcome(future):
                    future.set_result(job())
            self._running = None
            del job, future  # the next job may be long in coming, and these hold secrets


class _Outcome:
    """Hands whatever a job raises to whoever waits for it; a backend may raise anything."""

    def __init__(self, future: "Future[Any]") -> None:
        self._future = future

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True


def _hangs() -> KeyringProblem:
    return KeyringProblem(
        "The system keyring does not answer.", f"Look for its window that asks for a password, or {USE_ENVIRONMENT}."
    )


def locked() -> KeyringProblem:
    """The keyring exists and is closed."""
    return KeyringProblem("The system keyring is locked.", f"Unlock it (log in to the desktop), or {USE_ENVIRONMENT}.")


def _explain(error: BaseException) -> KeyringProblem:
    """The text of an unknown error could hold a secret, so only its type is told."""
    if isinstance(error, KeyringProblem):
        return error
    if type(error).__name__ in _LOCKED:
        return locked()
    return KeyringProblem(f"The system keyring failed ({type(error).__name__}).", f"Try again, or {USE_ENVIRONMENT}.")
