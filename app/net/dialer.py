"""Opens connections to one origin: name, proxy, socket and TLS within one deadline, in httpx's vocabulary of errors."""

import asyncio
import contextlib
import ipaddress
import itertools
import os
import socket
import ssl
from asyncio.staggered import staggered_race
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx

from app.net import proxy, tls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.net.connection import Connection

HAPPY_EYEBALLS_S = 0.25
"""How long one address of a name may take before the next is tried beside it (RFC 8305)."""

_Address = tuple[int, tuple[str | int | bytes, ...]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go: `scheme` is http or https, `host` a name or literal address without brackets."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens connections to `origin`; `proxy_setting` is `system`, `none` or a URL, `connect_s` covers everything."""

    origin: Origin
    environ: "Mapping[str, str]"
    connect_s: float = 5
    proxy_setting: str = "system"
    ca_file: str = ""

    async def connect(self, make: "Callable[[], Connection]") -> "Connection":
        """Open one connection, made by `make`.

        Raises:
            httpx.ConnectTimeout: it took too long. httpx.ProxyError: the proxy failed.
            httpx.ConnectError: anything else; its cause tells DNS (`socket.gaierror`) and TLS (`ssl.SSLError`) apart.
            httpx.UnsupportedProtocol: the proxy's address cannot be used.
            FaultError: CONFIG_ERROR, the certificate file cannot be used.
        """
        host = self.origin.host
        try:
            async with asyncio.timeout(self.connect_s):
                return await self._connect(make)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"No connection to {host} in time.") from error
        except UnicodeError as error:
            cause = socket.gaierror(socket.EAI_NONAME, f"{host} is not a valid host name")
            raise httpx.ConnectError(str(cause)) from cause.with_traceback(error.__traceback__)
        except OSError as error:
            raise httpx.ConnectError(_in_words(error)) from error

    def proxy(self) -> proxy.ProxyAddress | None:
        """Choose the proxy; None is a direct connection.

        Raises:
            httpx.UnsupportedProtocol: the proxy's address cannot be used.
        """
        try:
            return proxy.choose(self.proxy_setting, self.origin.scheme, self.origin.host, self.environ)
        except ValueError as error:
            raise httpx.UnsupportedProtocol(str(error)) from error

    async def _connect(self, make: "Callable[[], Connection]") -> "Connection":
        loop = asyncio.get_running_loop()
        origin = self.origin
        context = await self._context()
        sock = await self._open_socket(loop)
        if context is None:
            _, connection = await loop.create_connection(make, sock=sock)
        else:
            _, connection = await loop.create_connection(make, sock=sock, ssl=context, server_hostname=origin.host)
        return connection

    async def _context(self) -> ssl.SSLContext | None:
        if self.origin.scheme != "https":
            return None
        return await asyncio.to_thread(tls.context_for, self.ca_file)

    async def _open_socket(self, loop: asyncio.AbstractEventLoop) -> socket.socket:
        origin = self.origin
        through = self.proxy()
        if through is not None:
            return await proxy.open_tunnel(through, origin.host, origin.port, self.connect_s)
        addresses = await _resolve(loop, origin.host, origin.port)
        if len(addresses) == 1:
            return await _open(loop, addresses[0])
        return await _race(loop, addresses)


def _in_words(error: OSError) -> str:
    """What went wrong, as the system calls it: "connection refused", without number and address."""
    if isinstance(error.errno, int) and error.errno > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[_Address]:
    """Return the addresses of `host`, families taking turns; a literal address costs no thread."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    else:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    families: dict[int, list[_Address]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, []).append((family, address))
    turns = itertools.zip_longest(*families.values())
    return [address for turn in turns for address in turn if address is not None]


async def _open(loop: asyncio.AbstractEventLoop, address: _Address) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.ExitStack() as undo:
        undo.callback(sock.close)
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        await loop.sock_connect(sock, where)
        undo.pop_all()
    return sock


async def _race(loop: asyncio.AbstractEventLoop, addresses: list[_Address]) -> socket.socket:
    """Try one address after the other, a little apart; the first that answers wins and the others are closed."""
    dials = [partial(_open, loop, address) for address in addresses]
    sock: socket.socket | None
    sock, _, errors = await staggered_race(dials, HAPPY_EYEBALLS_S, loop=loop)
    if sock is None:
        raise next((error for error in errors if error is not None), OSError("no address could be reached"))
    return sock
