"""Our own outward transport, as httpx wants it; the hot path calls the pools below it with ready bytes."""

import os
import re
from typing import TYPE_CHECKING, Any, Protocol, cast

import httpx

from app.net.connection import DEFAULT_WAITS, Connection, Waits
from app.net.dialer import Dialer, Origin
from app.net.pool import Pool, PoolLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

_HOST = re.compile(r"[0-9A-Za-z._:-]+")
_PORTS = {"http": 80, "https": 443}


def origin_of(url: httpx.URL) -> Origin:
    """Return where a request for `url` goes.

    Raises:
        httpx.UnsupportedProtocol: it is neither http nor https, or has no host.
    """
    host = url.raw_host.decode("ascii")
    if url.scheme not in _PORTS or _HOST.fullmatch(host) is None:
        raise httpx.UnsupportedProtocol("The address must begin with http:// or https:// and name a host.")
    return Origin(url.scheme, host, url.port or _PORTS[url.scheme])


class Exchange(Protocol):
    """One request's reply as the transports give it, head first."""

    status: int
    headers: list[tuple[bytes, bytes]]
    framed: bool
    encoding: bytes

    async def chunk(self, idle_s: float) -> bytes:
        """Return the next bytes of the body, b"" at its end."""
        ...

    async def poll(self, wait_s: float) -> bytes | None:
        """Return as `chunk`, or None when nothing came within `wait_s` seconds."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...


class Transport(httpx.AsyncBaseTransport):
    """Plain HTTP/1.1 to any number of origins, a pool for each.

    `proxy` is `system`, `none` or a URL, `ca_file` names further authorities, `connect_s` covers name, proxy, socket
    and TLS. `environ` is where the system's proxy is looked for.
    """

    def __init__(
        self,
        limits: PoolLimits | None = None,
        *,
        connect_s: float = 5,
        proxy: str = "system",
        ca_file: str = "",
        environ: "Mapping[str, str]" = os.environ,
    ) -> None:
        """Open nothing yet."""
        self._limits = limits or PoolLimits()
        self._connect_s = connect_s
        self._proxy = proxy
        self._ca_file = ca_file
        self._environ = environ
        self._pools: dict[Origin, Pool] = {}

    @property
    def open_connections(self) -> int:
        """How many connections are open or being opened."""
        return sum(pool.size for pool in self._pools.values())

    def pool(self, origin: Origin) -> Pool:
        """Return the pool of `origin`."""
        pool = self._pools.get(origin)
        if pool is None:
            dialer = Dialer(origin, self._environ, self._connect_s, self._proxy, self._ca_file)
            pool = self._pools[origin] = Pool(dialer, self._limits)
        return pool

    async def send(
        self, origin: Origin, head: bytes, body: bytes, waits: Waits, *, bodyless: bool = False
    ) -> "Http1Exchange":
        """Send a request whose head is made already.

        Raises:
            httpx.TransportError, FaultError: as `Pool.send`.
        """
        pool = self.pool(origin)
        return Http1Exchange(pool, await pool.send(head, body, waits, bodyless=bodyless))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send httpx's request; its timeouts count, but for that of connecting, which is the transport's own.

        Raises:
            httpx.TransportError: as `Pool.send`.
        """
        url = request.url
        body = await request.aread()
        lines = [b"%b %b HTTP/1.1\r\n" % (request.method.encode("ascii"), url.raw_path)]
        lines += [b"%b: %b\r\n" % header for header in request.headers.raw if header[0].lower() != b"transfer-encoding"]
        if "content-length" not in request.headers and body:
            lines.append(b"content-length: %d\r\n" % len(body))
        timeouts = cast("dict[str, float | None]", request.extensions.get("timeout", {}))
        read_s = timeouts.get("read") or DEFAULT_WAITS.head_s
        waits = Waits(
            timeouts.get("write") or DEFAULT_WAITS.write_s, read_s, timeouts.get("pool") or DEFAULT_WAITS.pool_s
        )
        head = b"".join([*lines, b"\r\n"])
        exchange = await self.send(origin_of(url), head, body, waits, bodyless=request.method == "HEAD")
        return httpx.Response(exchange.status, headers=exchange.headers, stream=_Body(exchange, read_s))

    def drop_idle(self) -> None:
        """Close the idle connections of every origin."""
        for pool in self._pools.values():
            pool.drop_idle()

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()


class Http1Exchange:
    """A request that was sent and whose reply's head has come; the connection is given back by `aclose`."""

    __slots__ = ("_connection", "_pool", "chunk", "encoding", "framed", "headers", "poll", "status")

    def __init__(self, pool: Pool, connection: Connection) -> None:
        """Wrap a connection that `pool` gave."""
        reply = connection.reply
        self._pool = pool
        self._connection: Connection | None = connection
        self.status = reply.status
        self.headers = reply.headers
        self.framed = reply.framed
        self.encoding = reply.notable.get(b"content-encoding", b"").strip().lower()
        self.chunk: Callable[[float], Coroutine[Any, Any, bytes]] = connection.chunk
        self.poll: Callable[[float], Coroutine[Any, Any, bytes | None]] = connection.poll

    async def aclose(self) -> None:
        """Give the connection back; the pool keeps or closes it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.release(connection)


class _Body(httpx.AsyncByteStream):
    """A reply's body as httpx reads it."""

    def __init__(self, exchange: Http1Exchange, read_s: float) -> None:
        self._exchange = exchange
        self._read_s = read_s

    async def __aiter__(self) -> "AsyncIterator[bytes]":
        while data := await self._exchange.chunk(self._read_s):
            yield data

    async def aclose(self) -> None:
        await self._exchange.aclose()
