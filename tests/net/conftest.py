"""Loopback servers that do exactly what a test tells them, also behind TLS and through proxies."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
import trustme
import uvloop

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Run every asynchronous test of this room on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "Server"

    async def request(self) -> bytes:
        """Read one request, head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        request = head + await self.reader.readexactly(length)
        self.server.requests.append(request)
        return request

    async def send(self, *data: bytes) -> None:
        for piece in data:
            self.writer.write(piece)
            await self.writer.drain()

    def reset(self) -> None:
        """Close with RST."""
        self.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Server:
    """A server on loopback; `connections` counts those accepted, `open` those that are not over."""

    script: Script
    port: int = 0
    connections: int = 0
    open: int = 0
    requests: list[bytes] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.open += 1
        self.changed.set()
        try:
            await self.script(Peer(reader, writer, self))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001 - the test's end reports it
            self.errors.append(error)
        finally:
            self.open -= 1
            self.changed.set()
            writer.transport.abort() if writer.transport.is_closing() else writer.close()
            self.tasks.discard(task)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something about the connections is so."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers: `await serve(script, ssl=context)`."""
    running: list[tuple[asyncio.Server, Server]] = []

    async def start(script: Script, context: ssl.SSLContext | None = None) -> Server:
        server = Server(script)
        listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
        server.port = listener.sockets[0].getsockname()[1]
        running.append((listener, server))
        return server

    yield start
    for listener, server in running:
        listener.close()
        for task in tuple(server.tasks):
            task.cancel()
        if server.tasks:
            await asyncio.wait(server.tasks, timeout=5)
        await listener.wait_closed()
    assert [error for _, server in running for error in server.errors] == []


@pytest.fixture
def always() -> Callable[..., Script]:
    """Make scripts that answer every request with the same bytes."""

    def make(*reply: bytes) -> Script:
        async def script(peer: Peer) -> None:
            while True:
                await peer.request()
                await peer.send(*reply)

        return script

    return make


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def tls_server_context(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """Make a server's context: for a name, optionally expired, optionally from an authority nobody knows."""

    def make(name: str = "127.0.0.1", *, expired: bool = False, unknown: bool = False) -> ssl.SSLContext:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        issuer = trustme.CA() if unknown else authority
        leaf = issuer.issue_cert(name, not_after=yesterday) if expired else issuer.issue_cert(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    return make


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _tunnel(peer: Peer, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.TaskGroup() as group:
        group.create_task(_pump(peer.reader, writer))
        group.create_task(_pump(reader, peer.writer))


@pytest.fixture
def http_proxy() -> Callable[..., Script]:
    """Make a CONNECT proxy that leads every name to one port here; `status` other than 200 refuses."""

    def make(port: int, status: int = 200) -> Script:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(b"HTTP/1.1 %d Something\r\n\r\n" % status)
            if status == 200:
                await _tunnel(peer, port)

        return script

    return make


@pytest.fixture
def socks_proxy() -> Callable[..., Script]:
    """Make a SOCKS5 proxy that leads every name to one port here."""

    def make(port: int) -> Script:
        async def script(peer: Peer) -> None:
            _, methods = await peer.reader.readexactly(2)
            await peer.reader.readexactly(methods)
            await peer.send(b"\x05\x00")
            *_, kind = await peer.reader.readexactly(4)
            assert kind == 3, "the proxy must be given the name, not an address"
            length = (await peer.reader.readexactly(1))[0]
            peer.server.requests.append(await peer.reader.readexactly(length))
            await peer.reader.readexactly(2)
            await peer.send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            await _tunnel(peer, port)

        return script

    return make
