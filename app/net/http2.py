"""HTTP/2 by httpx's own transport, for those who ask for it (`pool.http2`) and have the `h2` package."""

import asyncio
import importlib.util
from typing import TYPE_CHECKING, cast

import httpx
from python_socks import ProxyType

from app.net import tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.net.connection import Waits
    from app.net.dialer import Dialer
    from app.net.pool import PoolLimits
    from app.net.proxy import ProxyAddress


def available() -> bool:
    """Whether httpx can speak HTTP/2 here."""
    return importlib.util.find_spec("h2") is not None


class Http2Transport:
    """Sends through httpx's transport, which falls back to HTTP/1.1 where the server has no HTTP/2."""

    def __init__(self, dialer: "Dialer", limits: "PoolLimits") -> None:
        """Open nothing yet; of `dialer` only what it knows is used."""
        self._dialer = dialer
        self._limits = limits
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def send(self, request: httpx.Request, waits: "Waits") -> "Http2Exchange":
        """Send `request` and wait for the head of its reply.

        Raises:
            httpx.TransportError: as httpx.
            FaultError: CONFIG_ERROR, the certificate file cannot be used.
        """
        if self._transport is None:
            self._transport = await self._open()
        times = {"connect": self._dialer.connect_s, "read": waits.head_s, "write": waits.write_s, "pool": waits.pool_s}
        request.extensions = {"timeout": times}
        return Http2Exchange(await self._transport.handle_async_request(request))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _open(self) -> httpx.AsyncHTTPTransport:
        limits = self._limits
        context = await asyncio.to_thread(tls.context_for, self._dialer.ca_file)
        return httpx.AsyncHTTPTransport(
            verify=context,
            http2=available(),
            trust_env=False,
            proxy=_httpx_proxy(self._dialer.proxy()),
            limits=httpx.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive,
                keepalive_expiry=limits.keepalive_expiry_s,
            ),
        )


def _httpx_proxy(through: "ProxyAddress | None") -> httpx.Proxy | None:
    if through is None:
        return None
    if through.type is not ProxyType.HTTP:
        raise httpx.UnsupportedProtocol("HTTP/2 goes through http:// proxies only.")
    auth = None if through.username is None else (through.username, through.password or "")
    return httpx.Proxy(f"http://{through}", auth=auth)


class Http2Exchange:
    """A reply of httpx's, as `UpstreamReply` reads it; the task that reads the next piece belongs to it."""

    def __init__(self, response: httpx.Response) -> None:
        """Wrap `response`."""
        self.status = response.status_code
        ends = response.headers.keys() & {"content-length", "transfer-encoding"}
        self.framed = response.http_version == "HTTP/2" or bool(ends)
        self.encoding = response.headers.get("content-encoding", "").encode()
        self.headers = [(name.lower(), value) for name, value in response.headers.raw]
        self._stream = cast("httpx.AsyncByteStream", response.stream)
        self._pieces: AsyncIterator[bytes] = aiter(self._stream)
        self._next: asyncio.Task[bytes] | None = None

    async def chunk(self, idle_s: float) -> bytes:
        """Return the next bytes, b"" at the end. A cancelled call loses nothing and may be repeated.

        Raises:
            httpx.TransportError: the stream broke, or no byte came for `idle_s` seconds.
        """
        data = await self.poll(idle_s)
        if data is None:
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
        return task.result()

    async def _read(self) -> bytes:
        return await anext(self._pieces, b"")

    async def aclose(self) -> None:
        """End the stream."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})
        await self._stream.aclose()
