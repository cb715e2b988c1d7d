"""HTTP/2 by httpx's own transport, for those who ask for it (`pool.http2`) and have the `h2` package."""

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Any, cast

import httpx
from python_socks import ProxyType

from app.net import tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from app.net.connection import Waits
    from app.net.dialer import Dialer
    from app.net.pool import PoolLimits
    from app.net.proxy import ProxyAddress

_PIECE_BYTES = 64 * 1024
_TUNNEL = b"CONNECT"


def available() -> bool:
    """Whether httpx can speak HTTP/2 here."""
    return importlib.util.find_spec("h2") is not None


class Http2Transport:
    """Sends through httpx's transport, which falls back to HTTP/1.1 where the server has no HTTP/2."""

    def __init__(self, dialer: "Dialer", limits: "PoolLimits") -> None:
        """Open nothing yet; of `dialer` only what it knows is used."""
        self._dialer = dialer
        self._limits = limits
        self._opening = asyncio.Lock()
        self._current: _Session | None = None
        self._draining: list[_Session] = []

    async def send(
        self, line: tuple[str, str], headers: "Iterable[tuple[str, str]]", body: bytes | None, waits: "Waits"
    ) -> "Http2Exchange":
        """Send a request, whose `line` is method and address, and wait for the head of its reply.

        Raises:
            httpx.TransportError: as httpx; CloseError, when it was closed meanwhile.
            FaultError: CONFIG_ERROR, the certificate file cannot be used.
        """
        raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
        request = httpx.Request(*line, headers=raw, content=body)
        session = await self._session()
        return await session.send(request, _Stages(waits, self._dialer.connect_s))

    def drop_idle(self) -> None:
        """Open new connections from now on; the old ones close with the last reply, or else at the next request."""
        if self._current is not None:
            self._current.retired = True

    async def aclose(self) -> None:
        """Close every connection, those with a reply in flight included."""
        async with self._opening:
            sessions, self._draining = [*self._draining, self._current], []
            self._current = None
            for session in sessions:
                if session is not None:
                    await session.aclose()

    async def _session(self) -> "_Session":
        """Where the next request goes: a new one after `drop_idle`, after silence, and when the proxy has changed."""
        through = self._dialer.proxy()
        async with self._opening:
            before = self._current
            if before is not None and not before.retired and before.through == through:
                return before
            self._current = session = _Session(await self._open(through), through)
            self._draining = [each for each in self._draining if each.busy]
            if before is not None:
                self._draining.append(before)
                await before.retire()
            return session

    async def _open(self, through: "ProxyAddress | None") -> httpx.AsyncHTTPTransport:
        limits = self._limits
        context = await asyncio.to_thread(tls.context_for, self._dialer.ca_file)
        return httpx.AsyncHTTPTransport(
            verify=context,
            http2=available(),
            trust_env=False,
            proxy=_httpx_proxy(through),
            limits=httpx.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive,
                keepalive_expiry=limits.keepalive_expiry_s,
            ),
        )


class _Session:
    """One transport of httpx's and what is under way over it; once `retired`, it closes with the last of that."""

    def __init__(self, transport: httpx.AsyncHTTPTransport, through: "ProxyAddress | None") -> None:
        self.through = through
        self.retired = False
        self._transport = transport
        self._waiting: set[_Stages] = set()
        self._exchanges: set[Http2Exchange] = set()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._waiting or self._exchanges)

    async def send(self, request: httpx.Request, stages: "_Stages") -> "Http2Exchange":
        """Send `request`; after silence a connection is not to be trusted with another one."""
        self._waiting.add(stages)
        try:
            exchange = Http2Exchange(await stages.response(self._transport, request), self)
            self._exchanges.add(exchange)
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            self.retired = True
            raise
        finally:
            self._waiting.discard(stages)
            await self._close_if_over()
        return exchange

    async def left(self, exchange: "Http2Exchange", *, silent: bool) -> None:
        """An exchange is over; `silent` when its reply stopped in the middle."""
        self._exchanges.discard(exchange)
        self.retired = self.retired or silent
        await self._close_if_over()

    async def retire(self) -> None:
        """Take no further request."""
        self.retired = True
        await self._close_if_over()

    async def aclose(self) -> None:
        """End whatever is under way, and close."""
        self.retired = True
        for stages in self._waiting:
            stages.end()
        for exchange in tuple(self._exchanges):
            await exchange.aclose()
        await self._transport.aclose()

    async def _close_if_over(self) -> None:
        if self.retired and not self.busy:
            await self._transport.aclose()


class _Stages:
    """The deadline of one request until its reply's head has come; each stage that httpcore tells of begins it anew."""

    def __init__(self, waits: "Waits", connect_s: float) -> None:
        self._waits = waits
        self._connect_s = connect_s
        self._late: type[httpx.TransportError] = httpx.PoolTimeout
        self._limit = asyncio.timeout(waits.pool_s + 2 * connect_s)  # others' connecting may be waited for

    async def response(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        """Send `request`; httpx's own limit would hold for every read, and for all that share a connection."""
        times = {"pool": self._waits.pool_s, "connect": self._connect_s}  # for TCP and for TLS
        request.extensions = {"timeout": times, "trace": self._trace}
        request.stream = _Upload(request.content, self._sends)
        try:
            async with self._limit:
                return await transport.handle_async_request(request)
        except TimeoutError as error:
            raise self._late(f"{self._late.__name__}: no reply.") from error

    def end(self) -> None:
        """Let whoever waits have httpx.CloseError."""
        self._begin(httpx.CloseError, 0)

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Hear where httpcore is; asking a proxy for a tunnel is a part of connecting."""
        stage = event.partition(".")[2]
        if stage in ("connect_tcp.started", "start_tls.started"):  # httpcore's own limit comes first, and closes
            self._begin(httpx.ConnectTimeout, 2 * self._connect_s)
        elif stage == "send_request_headers.started" and info["request"].method != _TUNNEL:
            self._sends()
        elif stage == "receive_response_headers.started" and info["request"].method != _TUNNEL:
            self._begin(httpx.ReadTimeout, self._waits.head_s)

    def _sends(self) -> None:
        self._begin(httpx.WriteTimeout, self._waits.write_s)

    def _begin(self, late: type[httpx.TransportError], limit_s: float) -> None:
        if self._late is not httpx.CloseError and not self._limit.expired():
            self._late = late
            self._limit.reschedule(asyncio.get_running_loop().time() + limit_s)


class _Upload(httpx.AsyncByteStream):
    """A request's body in pieces; `moves` is told whenever the next one is wanted, so that the last has gone."""

    def __init__(self, body: bytes, moves: "Callable[[], None]") -> None:
        self._body = body
        self._moves = moves

    async def __aiter__(self) -> "AsyncIterator[bytes]":
        for start in range(0, len(self._body), _PIECE_BYTES):
            self._moves()
            yield self._body[start : start + _PIECE_BYTES]


def _httpx_proxy(through: "ProxyAddress | None") -> httpx.Proxy | None:
    if through is None:
        return None
    if through.type is not ProxyType.HTTP:
        raise httpx.UnsupportedProtocol("HTTP/2 goes through http:// proxies only.")
    auth = None if through.username is None else (through.username, through.password or "")
    return httpx.Proxy(f"http://{through}", auth=auth)


class Http2Exchange:
    """A reply of httpx's, as `UpstreamReply` reads it; the task that reads the next piece belongs to it."""

    def __init__(self, response: httpx.Response, session: _Session) -> None:
        """Wrap `response`, which came over `session`."""
        self.status = response.status_code
        ends = response.headers.keys() & {"content-length", "transfer-encoding"}
        self.framed = response.http_version == "HTTP/2" or bool(ends)
        self.encoding = response.headers.get("content-encoding", "").encode()
        self.headers = [(name.lower(), value) for name, value in response.headers.raw]
        self._stream = cast("httpx.AsyncByteStream", response.stream)
        self._pieces: AsyncIterator[bytes] = aiter(self._stream)
        self._next: asyncio.Task[bytes] | None = None
        self._session = session
        self._silent = False

    async def chunk(self, idle_s: float) -> bytes:
        """Return the next bytes, b"" at the end. A cancelled call loses nothing and may be repeated.

        Raises:
            httpx.TransportError: the stream broke, was closed, or no byte came for `idle_s` seconds.
        """
        data = await self.poll(idle_s)
        if data is None:
            self._silent = True
            raise httpx.ReadTimeout("No byte came in time.")
        return data

    async def poll(self, wait_s: float) -> bytes | None:
        """Return as `chunk`, or None when nothing came within `wait_s` seconds."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read())
        await asyncio.wait({self._next}, timeout=wait_s)
        if not self._next.done():
            return None
        task, self._next = self._next, None
        if task.cancelled():
            raise httpx.CloseError("The connection was closed by this program.")
        return task.result()

    async def _read(self) -> bytes:
        return await anext(self._pieces, b"")

    async def aclose(self) -> None:
        """End the stream."""
        try:
            if self._next is not None:
                self._next.cancel()
                await asyncio.wait({self._next})
            await self._stream.aclose()
        finally:
            await self._session.left(self, silent=self._silent)
