"""The connections of one origin: idle ones are reused, a limit is kept, and nothing is left open at the end."""

import asyncio
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from app.net.connection import READ_BYTES, Connection, Waits

if TYPE_CHECKING:
    from app.net.dialer import Dialer

_CLOSE_WITHIN_S = 1.0


SURPLUS_S = 1.0
"""How long more than `max_keepalive` connections may be idle: callers at work give theirs back and take one again."""


class _PerThread(threading.local):
    """The read buffer of a thread's loop: every read is parsed before the next one starts, so one is enough."""

    def __init__(self) -> None:
        self.scratch = memoryview(bytearray(READ_BYTES))


_per_thread = _PerThread()


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections there may be, how many may stay idle, and for how long (seconds).

    More than `max_keepalive` may be idle for a moment (`SURPLUS_S`); 0 keeps none at all.
    """

    max_connections: int = 100
    max_keepalive: int = 20
    keepalive_expiry_s: float = 60


class Pool:
    """All connections to one origin; it belongs to the loop that first sends through it.

    `_promised` counts connections that are being opened or that a waiting call was allowed to open.
    """

    def __init__(self, dialer: "Dialer", limits: PoolLimits) -> None:
        """Open nothing yet."""
        self._dialer = dialer
        self._limits = limits
        self._all: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._promised = 0
        self._reaper: asyncio.TimerHandle | None = None
        self._emptied = asyncio.Event()
        self._closed = False

    @property
    def size(self) -> int:
        """How many connections are open or being opened."""
        return len(self._all) + self._promised

    async def send(self, head: bytes, body: bytes, waits: Waits, *, bodyless: bool = False) -> Connection:
        """Send a request and return the connection that has its reply's head; it must be given back by `release`.

        A reused connection that dies before any byte of a reply was most likely closed by the server while it was
        idle: the request is then sent once more, on another connection.

        Raises:
            httpx.TransportError: as `Connection.exchange` and `Dialer.connect`, and httpx.PoolTimeout when no
                connection became free in time, httpx.CloseError when the pool is closed.
            FaultError: as `Dialer.connect`.
        """
        connection = self._take_idle()
        if connection is not None:
            try:
                await connection.exchange(head, body, waits, bodyless=bodyless)
            except (httpx.RemoteProtocolError, httpx.NetworkError):
                if connection.reply.touched or self._closed:
                    raise
            else:
                return connection
        connection = await self._obtain(waits.pool_s)
        await connection.exchange(head, body, waits, bodyless=bodyless)
        return connection

    def release(self, connection: Connection) -> None:
        """Take a connection back: for the next request when it can be reused, else close it at once."""
        if self._closed or not connection.reusable:
            connection.abort(_closed_error())
            return
        connection.rest()
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(connection)
        elif self._limits.max_keepalive:
            self._idle.append(connection)
            if self._reaper is None or len(self._idle) == self._limits.max_keepalive + 1:
                self._watch_idle()
        else:
            connection.abort()

    def drop_idle(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().abort()

    async def aclose(self) -> None:
        """Close every connection, those with a reply in flight included, and wait until the sockets are gone."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        while (waiter := self._next_waiter()) is not None:
            waiter.set_exception(_closed_error())
        self._emptied.clear()
        for connection in tuple(self._all):
            connection.abort(_closed_error())
        if self._all:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await self._emptied.wait()

    # ---- getting one

    def _take_idle(self) -> Connection | None:
        """Return the idle connection that was used last, closing it when it is too old."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and self._remaining_s(connection) > 0:
                return connection
            connection.abort()
        return None

    async def _obtain(self, pool_s: float) -> Connection:
        """Open a connection, or wait until one is given back or another may be opened."""
        if self._closed:
            raise _closed_error()
        if self.size < self._limits.max_connections:
            self._promised += 1
            return await self._dial()
        if self._idle:
            self._idle.popleft().abort()
        connection = await self._turn(pool_s)
        return connection if connection is not None else await self._dial()

    async def _dial(self) -> Connection:
        """Open a connection that was promised."""
        loop = asyncio.get_running_loop()
        connection: Connection | None = None
        try:
            connection = await self._dialer.connect(lambda: Connection(loop, _per_thread.scratch, self._lost))
        finally:
            self._promised -= 1
            if connection is None or connection.closed:
                self._promise_next()
            else:
                self._all.add(connection)
        if self._closed:
            connection.abort()
            raise _closed_error()
        return connection

    async def _turn(self, pool_s: float) -> Connection | None:
        """Wait for a connection that is given back, or (None) for the promise that one may be opened."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting.append(waiter)
        timer = loop.call_later(pool_s, _expire, waiter)
        taken = False
        try:
            given = await waiter
            taken = True
        finally:
            timer.cancel()
            if not taken and waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())
        return given

    def _give_back(self, given: Connection | None) -> None:
        """Pass on what a waiting call was given in the moment it was cancelled."""
        if given is not None:
            given.abort()
        else:
            self._promised -= 1
            self._promise_next()

    def _next_waiter(self) -> "asyncio.Future[Connection | None] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _promise_next(self) -> None:
        waiter = self._next_waiter()
        if waiter is not None:
            self._promised += 1
            waiter.set_result(None)

    # ---- losing one

    def _lost(self, connection: Connection) -> None:
        """Forget a connection whose socket is gone; one that is still being opened is not known here."""
        if connection not in self._all:
            return
        self._all.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._promise_next()
        if not self._all:
            self._emptied.set()

    def _remaining_s(self, connection: Connection, *, surplus: bool = False) -> float:
        """Seconds that an idle connection may still be kept."""
        keep_s = min(SURPLUS_S, self._limits.keepalive_expiry_s) if surplus else self._limits.keepalive_expiry_s
        return connection.idle_since + keep_s - asyncio.get_running_loop().time()

    def _oldest_remaining_s(self) -> float:
        return self._remaining_s(self._idle[0], surplus=len(self._idle) > self._limits.max_keepalive)

    def _watch_idle(self) -> None:
        """Look again when the oldest idle connection has been kept for long enough."""
        if self._reaper is not None:
            self._reaper.cancel()
        wait_s = max(self._oldest_remaining_s(), 0.01)
        self._reaper = asyncio.get_running_loop().call_later(wait_s, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        while self._idle and self._oldest_remaining_s() <= 0:
            self._idle.popleft().abort()
        if self._idle:
            self._watch_idle()


def _expire(waiter: "asyncio.Future[Connection | None]") -> None:
    if not waiter.done():
        waiter.set_exception(httpx.PoolTimeout("Every connection is in use."))


def _closed_error() -> httpx.CloseError:
    return httpx.CloseError("The connection was closed by this program.")
