"""One provider's outward HTTP client: sends requests, guards their replies and turns every failure into a fault."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import overload

import httpx

from app.domain.faults import Fault, FaultError, FaultKind
from app.net import http2
from app.net.authoriser import Authoriser, Headers, Unsigned
from app.net.connection import Waits
from app.net.dialer import Dialer
from app.net.faults import fault_from_exception
from app.net.pool import PoolLimits
from app.net.transport import Exchange, Transport
from app.net.upstream import Credential, Upstream, check_headers, parse_upstream

__all__ = ["Authoriser", "ClientOptions", "Credential", "UpstreamClient", "UpstreamReply"]

MEBIBYTE = 1024 * 1024
PLAIN_LIMIT_BYTES = 64 * MEBIBYTE
STREAM_LIMIT_BYTES = 512 * MEBIBYTE
_OPENINGS_KEPT = 64

_JSON = (("accept", "application/json"), ("content-type", "application/json"))
_EVENTS = (("accept", "text/event-stream"), ("content-type", "application/json"))
_NO_BODY = (("accept", "application/json"),)
_FORM = "multipart/form-data"  # its boundary is another one every time
_REFUSED = 401
_PLAIN_ENCODINGS = (b"", b"identity")


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Everything about one provider's connection; `name` is for messages, `proxy` is system, none or a URL.

    Times are in seconds: `connect_s` with TLS in it, `write_s` without upload progress, `first_byte_s` until a stream
    begins, `idle_s` between two pieces of a reply, `total_s` for a whole plain answer, `pool_s` for a free connection.
    """

    name: str
    base_url: str
    credential: Credential | Authoriser | None = None
    headers: tuple[tuple[str, str], ...] = ()
    max_connections: int = 100
    max_keepalive: int = 20
    keepalive_expiry_s: float = 60
    http2: bool = False
    connect_s: float = 5
    write_s: float = 30
    first_byte_s: float = 60
    idle_s: float = 120
    proxy: str = "system"
    ca_file: str = ""
    total_s: float = 600
    pool_s: float = 5


class UpstreamReply:
    """A reply whose head has come. `framed` says whether its body has an end of its own: else only the dialect knows.

    It lets go of its connection by itself at the end of the body and at a fault.
    """

    def __init__(self, exchange: Exchange, provider: str, host: str, idle_s: float, end_time: float) -> None:
        """Wrap `exchange`; `end_time` is when a plain answer must be whole, on the loop's clock."""
        self.status = exchange.status
        self.framed = exchange.framed
        self._exchange: Exchange | None = exchange
        self._raw_headers = exchange.headers
        self._headers: dict[str, str] | None = None
        self._provider = provider
        self._host = host
        self._idle_s = idle_s
        self._end_time = end_time
        self._taken_bytes = 0
        self._silent_s = 0.0

    @property
    def headers(self) -> Mapping[str, str]:
        """The reply's headers with lower case names; repeated ones are joined by commas."""
        if self._headers is None:
            self._headers = {}
            for raw_name, raw_value in self._raw_headers:
                name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
                self._headers[name] = f"{self._headers[name]}, {value}" if name in self._headers else value
        return self._headers

    async def read(self, limit_bytes: int = PLAIN_LIMIT_BYTES) -> bytes:
        """Return the whole body.

        Raises:
            FaultError: TOO_LARGE above the limit; as `chunk`; STALLED when the whole takes longer than `total_s`.
        """
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit_bytes:
            raise await self._too_large(limit_bytes)
        pieces: list[bytes] = []
        size = 0
        time = asyncio.get_running_loop().time
        while data := await self._next(min(self._idle_s, self._end_time - time())):
            pieces.append(data)
            size += len(data)
            if size > limit_bytes:
                raise await self._too_large(limit_bytes)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @overload
    async def chunk(self) -> bytes: ...

    @overload
    async def chunk(self, wait_s: float) -> bytes | None: ...

    async def chunk(self, wait_s: float | None = None) -> bytes | None:
        """Return the next bytes as they come, b"" at the end. A cancelled call loses nothing and may be repeated.

        With `wait_s`: None when nothing came for so many seconds; the time counts towards `idle_s`.

        Raises:
            FaultError: STALLED when nothing comes for `idle_s`, TRUNCATED when the reply breaks off, INTERRUPTED when
                the client is closed, TOO_LARGE above 512 MiB.
        """
        left_s = self._idle_s - self._silent_s
        data = await self._next(left_s, poll_s=None if wait_s is None or wait_s >= left_s else wait_s)
        if data is None:
            self._silent_s += wait_s or 0
            return None
        self._silent_s = 0.0
        self._taken_bytes += len(data)
        if self._taken_bytes > STREAM_LIMIT_BYTES:
            raise await self._too_large(STREAM_LIMIT_BYTES)
        return data

    async def aclose(self) -> None:
        """Let go of the connection: kept for the next request when the body came to its end, else closed at once."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.aclose()

    async def _next(self, idle_s: float, poll_s: float | None = None) -> bytes | None:
        """Return the next bytes, None after `poll_s` of silence if that is given; let go at the end and at a fault."""
        if self._exchange is None:
            return b""
        try:
            data = await (self._exchange.chunk(idle_s) if poll_s is None else self._exchange.poll(poll_s))
        except httpx.HTTPError as error:
            await self.aclose()
            raise FaultError(fault_from_exception(error, self._provider, self._host, in_body=True)) from error
        if data == b"":
            await self.aclose()
        return data

    async def _too_large(self, limit_bytes: int) -> FaultError:
        await self.aclose()
        message = f"{self._provider} ({self._host}) sent more than {limit_bytes // MEBIBYTE} MiB in one answer."
        return FaultError(Fault(FaultKind.TOO_LARGE, message, "Ask for a shorter answer.", self._provider))


class UpstreamClient:
    """One provider's connections. Nothing is opened before the first request; redirects are never followed."""

    def __init__(self, options: ClientOptions, environ: Mapping[str, str] = os.environ) -> None:
        """Remember the options; `environ` is where the system's proxy is looked for."""
        self._options = options
        self._environ = environ
        given = options.credential
        self._key = given if isinstance(given, Credential) else None
        self._authoriser = None if isinstance(given, Credential) else given
        self._limits = PoolLimits(options.max_connections, options.max_keepalive, options.keepalive_expiry_s)
        self._transport = Transport(
            self._limits, connect_s=options.connect_s, proxy=options.proxy, ca_file=options.ca_file, environ=environ
        )
        self._http2: http2.Http2Transport | None = None
        self._upstream: Upstream | None = None
        self._openings: dict[tuple[tuple[str, str], tuple[tuple[str, str], ...]], bytes] = {}

    @property
    def open_connections(self) -> int:
        """How many HTTP/1.1 connections are open or being opened."""
        return self._transport.open_connections

    async def post(
        self, path: str, body: bytes, *, stream: bool, headers: Iterable[tuple[str, str]] = ()
    ) -> UpstreamReply:
        """Send a body, JSON unless `headers` say otherwise, to `path` below the base URL; return at the reply's head.

        A stream's head is waited for `first_byte_s`, a plain answer's `total_s`.

        Raises:
            FaultError: whatever goes wrong on the way, BAD_ENCODING for a reply that is compressed, CONFIG_ERROR and
                NEEDS_KEY when the options cannot be used.
        """
        options = self._options
        head_s = options.first_byte_s if stream else options.total_s
        return await self._send(("POST", path), body, (*(_EVENTS if stream else _JSON), *headers), head_s)

    async def get(self, path: str) -> UpstreamReply:
        """Ask for `path` below the base URL; otherwise as `post`."""
        return await self._send(("GET", path), None, _NO_BODY, self._options.first_byte_s)

    async def delete(self, path: str) -> UpstreamReply:
        """Have what is at `path` below the base URL deleted; otherwise as `get`."""
        return await self._send(("DELETE", path), None, _NO_BODY, self._options.first_byte_s)

    async def log_in(self) -> None:
        """Get a credential that is worked out for each request, without sending one; nothing where it is a mere key.

        Raises:
            FaultError: there is none.
        """
        if self._authoriser is not None:
            await self._signed(self._upstream or self._prepare(), ("GET", "/"), None, _NO_BODY)

    def drop_idle(self) -> None:
        """Close the idle connections: after sleep or a change of network they may be dead without a sign of it."""
        self._transport.drop_idle()
        if self._http2 is not None:
            self._http2.drop_idle()

    async def aclose(self) -> None:
        """Close every connection, those with a reply in flight included."""
        await self._transport.aclose()
        if self._http2 is not None:
            await self._http2.aclose()

    async def _send(
        self, line: tuple[str, str], body: bytes | None, headers: tuple[tuple[str, str], ...], head_s: float
    ) -> UpstreamReply:
        options = self._options
        upstream = self._upstream or self._prepare()
        host = upstream.origin.host
        end_time = asyncio.get_running_loop().time() + options.total_s
        waits = Waits(options.write_s, head_s, options.pool_s)
        signed = () if self._authoriser is None else await self._signed(upstream, line, body, headers)
        try:
            if options.http2:
                sent = upstream.all_headers((*headers, *signed))
                http2_line = line[0], upstream.url(line[1])
                exchange: Exchange = await self._http2_to(upstream).send(http2_line, sent, body, waits)
            else:
                ending = upstream.ending(None if body is None else len(body), signed)
                head = self._opening(upstream, line, headers) + ending
                exchange = await self._transport.send(upstream.origin, head, body or b"", waits)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FaultError(fault_from_exception(error, options.name, host)) from error
        if exchange.encoding not in _PLAIN_ENCODINGS:
            await exchange.aclose()
            coding = httpx.DecodingError(exchange.encoding.decode("latin-1"))
            raise FaultError(fault_from_exception(coding, options.name, host))
        if exchange.status == _REFUSED and self._authoriser is not None and self._authoriser.refused():
            await exchange.aclose()
            return await self._send(line, body, headers, head_s)
        return UpstreamReply(exchange, options.name, host, options.idle_s, end_time)

    def _opening(self, upstream: Upstream, line: tuple[str, str], headers: tuple[tuple[str, str], ...]) -> bytes:
        """Make the first part of a head, or take it from the few that were made before: those of answers."""
        key = (line, headers)
        if (opening := self._openings.get(key)) is None:
            opening = upstream.opening(*line, headers)
            kept = line[0] == "POST" and len(self._openings) < _OPENINGS_KEPT  # other paths may hold ids
            if kept and not any(_FORM in value for _, value in headers):
                self._openings[key] = opening
        return opening

    async def _signed(
        self, upstream: Upstream, line: tuple[str, str], body: bytes | None, headers: tuple[tuple[str, str], ...]
    ) -> Headers:
        """The headers of a credential that is worked out for each request.

        Raises:
            FaultError: there is none.
        """
        assert self._authoriser is not None  # noqa: S101 - the caller has looked
        method, path = line
        unsigned = Unsigned(method, upstream.url(path), tuple(upstream.all_headers(headers)), body or b"")
        return tuple(check_headers(self._options.name, await self._authoriser.headers(unsigned)).items())

    def _http2_to(self, upstream: Upstream) -> http2.Http2Transport:
        options = self._options
        if self._http2 is None:
            dialer = Dialer(upstream.origin, self._environ, options.connect_s, options.proxy, options.ca_file)
            self._http2 = http2.Http2Transport(dialer, self._limits)
        return self._http2

    def _prepare(self) -> Upstream:
        """Check the options, once.

        Raises:
            FaultError: CONFIG_ERROR.
        """
        options = self._options
        if options.http2 and not http2.available():
            message = f"{options.name} cannot be asked over HTTP/2: the package h2 is not installed."
            raise FaultError(Fault(FaultKind.CONFIG_ERROR, message, "Set pool.http2 = false.", options.name))
        self._upstream = parse_upstream(options.name, options.base_url, options.headers, self._key)
        return self._upstream
