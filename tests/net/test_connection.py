"""One connection against servers that misbehave: framing, limits, deadlines, back-pressure and cancellation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.net.connection import PAUSE_ABOVE_BYTES, READ_BYTES, Connection, Waits

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
QUICK = Waits(write_s=0.2, head_s=0.2)

Connect = Callable[[Any], Awaitable[Connection]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open connections to a server."""
    opened: list[tuple[Connection, asyncio.Event]] = []

    async def open_one(server: Any) -> Connection:
        loop = asyncio.get_running_loop()
        lost = asyncio.Event()
        scratch = memoryview(bytearray(READ_BYTES))
        make = lambda: Connection(loop, scratch, lambda _: lost.set())  # noqa: E731
        _, connection = await loop.create_connection(make, "127.0.0.1", server.port)
        opened.append((connection, lost))
        return connection

    yield open_one
    for connection, lost in opened:
        connection.abort()
        await asyncio.wait_for(lost.wait(), 5)


async def body_of(connection: Connection, idle_s: float = 5) -> bytes:
    pieces = []
    while piece := await connection.chunk(idle_s):
        pieces.append(piece)
    return b"".join(pieces)


async def test_keep_alive_carries_many_exchanges(serve: Any, always: Any, connect: Connect) -> None:
    server = await serve(always(OK))
    connection = await connect(server)
    for _ in range(3):
        await connection.exchange(GET, b"", Waits())
        assert connection.reply.status == 200
        assert await body_of(connection) == b"ok"
        assert connection.reusable
        connection.rest()
    assert server.connections == 1


@pytest.mark.parametrize(
    ("reply", "body", "framed", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc", True, True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n", b"ab", True, True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK, b"ok", True, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True, True),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", b"", True, True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"", True, True),
        (OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), b"ok", True, False),
        (OK.replace(b"1.1", b"1.0"), b"ok", True, False),
        (OK + b"more", b"ok", True, False),
        (OK + OK, b"ok", True, False),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            b"ab",
            True,
            False,
        ),
    ],
)
async def test_framing(
    serve: Any, always: Any, connect: Connect, reply: bytes, body: bytes, framed: bool, reusable: bool
) -> None:
    connection = await connect(await serve(always(reply)))
    await connection.exchange(GET, b"", QUICK)
    assert await body_of(connection) == body
    assert connection.reply.framed is framed
    assert connection.reusable is reusable
    assert "link" not in dict(connection.reply.headers)


async def test_a_reply_may_come_byte_by_byte(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        for byte in b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n":
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        await peer.gone()

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"", Waits())
    assert await body_of(connection) == b"ab"
    assert connection.reusable


async def test_the_reply_to_head_has_no_body(serve: Any, always: Any, connect: Connect) -> None:
    connection = await connect(await serve(always(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")))
    await connection.exchange(GET, b"", QUICK, bodyless=True)
    assert await body_of(connection) == b""
    assert connection.reusable


async def test_an_end_without_framing_is_told(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n", b"data: 1\n\n")

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"", Waits())
    assert connection.reply.framed is False
    assert await body_of(connection) == b"data: 1\n\n"
    assert not connection.reusable


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-le", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH\r\n", httpx.RemoteProtocolError),
        (b"<html>hello</html>\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30_000 + b"\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000, httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", httpx.DecodingError),
    ],
)
async def test_heads_that_are_no_heads(serve: Any, connect: Connect, reply: bytes, error: type[Exception]) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(reply)

    connection = await connect(await serve(script))
    with pytest.raises(error):
        await connection.exchange(GET, b"", Waits(head_s=5))
    assert not connection.reusable


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nnot a size\r\n",
    ],
)
async def test_a_body_cut_short_gives_what_came_and_then_fails(serve: Any, connect: Connect, reply: bytes) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(reply)

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"", Waits())
    assert await connection.chunk(5) == b"ok"
    with pytest.raises(httpx.RemoteProtocolError):
        await connection.chunk(5)


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_reset_is_a_read_error(serve: Any, connect: Connect, begin: bytes) -> None:
    seen = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(begin)
        if begin:
            await seen.wait()
        peer.reset()

    connection = await connect(await serve(script))

    async def both() -> None:
        await connection.exchange(GET, b"", Waits())
        seen.set()
        await connection.chunk(5)

    with pytest.raises(httpx.ReadError):
        await both()


async def test_silence_before_the_head(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.gone()

    server = await serve(script)
    connection = await connect(server)
    with pytest.raises(httpx.ReadTimeout):
        await connection.exchange(GET, b"", Waits(head_s=0.05))
    await server.until(lambda: server.open == 0)


async def test_a_dripping_head_is_not_waited_for_longer(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            await peer.send(b"a")
            await asyncio.sleep(0.01)

    connection = await connect(await serve(script))
    with pytest.raises(httpx.ReadTimeout):
        await connection.exchange(GET, b"", Waits(head_s=0.2))


async def test_silence_in_the_body(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
        await peer.gone()

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"", Waits())
    assert await connection.chunk(5) == b"ok"
    assert await connection.poll(0.05) is None
    with pytest.raises(httpx.ReadTimeout):
        await connection.chunk(0.05)


async def test_an_upload_that_does_not_move(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        peer.writer.transport.pause_reading()
        await asyncio.Event().wait()

    connection = await connect(await serve(script))
    with pytest.raises(httpx.WriteTimeout):
        await connection.exchange(GET, b"x" * 16_000_000, Waits(write_s=0.1, head_s=30))


async def test_a_slow_upload_that_moves_is_no_fault(serve: Any, connect: Connect) -> None:
    size = 16_000_000

    async def script(peer: Any) -> None:
        left = size + len(GET)
        while left:
            left -= len(await peer.reader.read(400_000))
            await asyncio.sleep(0.03)
        await peer.send(OK)

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"x" * size, Waits(write_s=0.5, head_s=30))
    assert await body_of(connection) == b"ok"


async def test_a_reply_before_the_end_of_the_upload_counts(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.reader.read(1000)
        peer.writer.transport.pause_reading()
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await asyncio.Event().wait()

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"x" * 16_000_000, Waits())
    assert connection.reply.status == 413
    assert not connection.reusable


async def test_reading_pauses_while_nobody_takes(serve: Any, connect: Connect) -> None:
    sent = 0
    size = 64_000_000

    async def script(peer: Any) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            await peer.send(b"x" * 64_000)
            sent += 64_000

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"", Waits())
    while connection.reply.buffered <= PAUSE_ABOVE_BYTES:
        await asyncio.sleep(0)
    before = -1
    while before != sent:  # until the kernel's buffers are full too
        before = sent
        await asyncio.sleep(0.05)
    assert connection.reply.buffered <= PAUSE_ABOVE_BYTES + READ_BYTES
    assert sent < size
    assert len(await body_of(connection)) == size
    assert connection.reusable


async def test_cancelling_before_the_head_closes_the_socket(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.gone()

    server = await serve(script)
    connection = await connect(server)
    task = asyncio.ensure_future(connection.exchange(GET, b"", Waits()))  # noqa: TID251 - the test owns it
    await server.until(lambda: server.open == 1)
    while not server.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)


async def test_a_cancelled_chunk_loses_nothing(serve: Any, connect: Connect) -> None:
    go = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
        await go.wait()
        await peer.send(b"body")
        await peer.gone()

    connection = await connect(await serve(script))
    await connection.exchange(GET, b"", Waits())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.chunk(5), 0.02)
    go.set()
    assert await body_of(connection) == b"body"
    assert connection.reusable


async def test_bytes_that_nobody_asked_for_close_an_idle_connection(serve: Any, connect: Connect) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        await asyncio.sleep(0.02)
        await peer.send(OK)
        await peer.gone()

    server = await serve(script)
    connection = await connect(server)
    await connection.exchange(GET, b"", Waits())
    assert await body_of(connection) == b"ok"
    connection.rest()
    await server.until(lambda: server.open == 0)
    while not connection.closed:
        await asyncio.sleep(0)
    with pytest.raises(httpx.RemoteProtocolError):
        await connection.exchange(GET, b"", Waits())
