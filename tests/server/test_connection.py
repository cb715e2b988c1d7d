"""Deadlines, caps and cancellation of one connection, over real sockets."""

import asyncio
import logging
import socket
import struct

import pytest

from app.domain.chat import Answer
from app.server import connection
from app.server.connection import Connection
from server.serving import CHAT_BODY, JSON, STREAM_BODY, Served, read_reply

CHAT = "/v1/chat/completions"


class Hasty(Connection):
    """The same with deadlines short enough for a test."""

    headers_s = 0.1
    write_stall_s = 0.2


class Narrow(Connection):
    max_connections = 2


async def test_half_a_request_line_is_408():
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(b"POST /v1/chat/comp")
        assert (await read_reply(reader)).status == 408
        assert await reader.read() == b""
        writer.close()


async def test_headers_that_drip_are_408():
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(served.raw("POST", CHAT)[:-2])
        reply = asyncio.get_running_loop().create_task(read_reply(reader))
        while not reply.done():
            writer.write(b"x: y\r\n")
            await asyncio.wait({reply}, timeout=0.01)
        assert reply.result().status == 408
        writer.close()


async def test_a_connection_that_says_nothing_is_closed_without_an_answer():
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(b"")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_headers_without_end_are_431(served):
    reader, writer = await served.send(b"GET /health HTTP/1.1\r\n")
    line = b"x: " + b"y" * 8000 + b"\r\n"
    for _ in range(10):
        writer.write(line)
        await writer.drain()
    assert (await read_reply(reader)).status == 431
    writer.close()


async def test_an_idle_connection_is_not_taken_for_a_slow_one():
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(served.raw("GET", "/health"))
        assert (await read_reply(reader)).status == 200
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), Hasty.headers_s * 3)
        writer.close()


async def test_blank_lines_do_not_keep_a_connection_for_ever():
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(served.raw("GET", "/health"))
        assert (await read_reply(reader)).status == 200
        writer.write(b"\r\n")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET http://evil.test/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.test:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nx y: z\r\n\r\n",
    ],
)
async def test_what_is_not_http_for_us_is_400_without_noise(served, raw, caplog):
    reader, writer = await served.send(raw)
    reply = await read_reply(reader)
    assert (reply.status, reply.body) == (400, b"")
    assert reply.header("x-content-type-options") == "nosniff"
    assert await reader.read() == b""
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    writer.close()


async def test_many_offers_to_change_the_protocol_in_one_packet_are_all_declined(served, caplog):
    offer = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    reader, writer = await served.send(offer * 600)
    assert {(await read_reply(reader)).status for _ in range(600)} == {200}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    writer.close()


@pytest.mark.parametrize("script", ["never", "endless_stream"])
async def test_a_client_that_leaves_cancels_its_request_at_once(served, script, caplog):
    served.relay.script = getattr(served.relay, script)
    _, writer = await served.send(served.raw("POST", CHAT, STREAM_BODY))
    await served.relay.begun.wait()
    writer.transport.abort()
    await asyncio.wait_for(served.relay.cancelled.wait(), 10)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_leaving_is_seen_after_a_large_body_too(served):
    served.relay.script = served.relay.never
    _, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY.ljust(3_000_000)))
    await served.relay.begun.wait()
    writer.close()
    await asyncio.wait_for(served.relay.cancelled.wait(), 10)


async def test_the_next_request_on_the_connection_is_not_cancelled_by_the_end_of_the_first(served):
    reader, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY) * 3)
    assert [(await read_reply(reader)).status for _ in range(3)] == [200, 200, 200]
    writer.close()


async def test_a_client_that_takes_nothing_is_cut_off():
    async with Served(connection=Hasty) as served:

        async def flood(call):
            answer = await served.relay.endless_stream(call)
            await answer.stream.aclose()
            return type(answer)(200, answer.headers, stream=chunks())

        async def chunks():
            try:
                while True:
                    yield bytes(65536)
            finally:
                served.relay.note_cancelled()

        served.relay.script = flood
        client = socket.create_connection(("127.0.0.1", served.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(served.raw("POST", CHAT, STREAM_BODY))
        await asyncio.wait_for(served.relay.cancelled.wait(), 20)
        client.close()


async def until(condition):
    """Wait until `condition` holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


class Clogged:
    """A transport that says what is left of its bytes (twice at each look but the last) and ends only by force."""

    def __init__(self, transport, left):
        self._transport = transport
        self._left = left
        self._closing = False

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def get_write_buffer_size(self):
        return self._left.pop(0)

    def is_closing(self):
        return self._closing

    def close(self):
        self._closing = True


async def test_a_client_is_cut_off_only_when_it_took_nothing_between_two_looks():
    left = [90, 60, 60, 30, 30, 30]
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(served.raw("GET", "/health"))
        assert (await read_reply(reader)).status == 200
        (connection,) = served.listener._state.connections
        connection.transport = Clogged(connection.transport, left)
        connection.pause_writing()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        assert left == []
        writer.close()


async def test_a_stream_that_goes_on_in_time_is_not_looked_at_any_more():
    async with Served(connection=Hasty) as served:
        served.relay.script = served.relay.endless_stream
        _, writer = await served.send(served.raw("POST", CHAT, STREAM_BODY))
        await served.relay.begun.wait()
        (connection,) = served.listener._state.connections
        connection.transport = Clogged(connection.transport, left := [90, 90])
        connection.pause_writing()
        connection.resume_writing()
        await until(lambda: not left)
        assert connection._write_due is None
        assert not served.relay.cancelled.is_set()
        connection.transport.abort()
        writer.close()


async def test_the_rest_of_a_last_answer_is_watched_too(monkeypatch):
    made = Connection.connection_made
    monkeypatch.setattr(
        Connection, "connection_made", lambda self, transport: made(self, Clogged(transport, [20, 10, 10, 10]))
    )
    async with Served(connection=Hasty) as served:
        reader, writer = await served.send(served.raw("GET", "/health", connection="close"))
        assert (await read_reply(reader)).status == 200
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


class Brief(Hasty):
    """What happens to a long answer when the time for an idle connection is over long before it is taken."""

    def __init__(self, config, *more):
        config.timeout_keep_alive = 0.02
        super().__init__(config, *more)
        self.looks = 0

    def timeout_keep_alive_handler(self):
        super().timeout_keep_alive_handler()
        self.looks += 1


class Lasting(Brief):
    write_stall_s = connection.WRITE_STALL_S


async def ask_for_16_mib(served):
    """A client that has not taken anything yet, as a plain socket, and the server's connection to it."""

    async def long_answer(call):
        return Answer(200, (JSON,), bytes(16 * 1024 * 1024))

    served.relay.script = long_answer
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.connect(("127.0.0.1", served.port))
    client.sendall(served.raw("POST", CHAT, CHAT_BODY))
    await until(lambda: served.listener._state.connections)
    return client, next(iter(served.listener._state.connections))


async def test_a_long_answer_is_whole_though_its_client_is_slower_than_an_idle_connection_may_be():
    async with Served(connection=Lasting) as served:
        client, connection = await ask_for_16_mib(served)
        await until(lambda: connection.looks >= 3)
        reader, writer = await asyncio.open_connection(sock=client)
        assert len((await read_reply(reader)).body) == 16 * 1024 * 1024
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_long_answer_that_nobody_takes_is_cut_off():
    async with Served(connection=Brief) as served:
        client, connection = await ask_for_16_mib(served)
        await until(lambda: not served.listener._state.connections)
        assert connection.looks > 1
        client.close()


async def test_over_the_cap_idle_connections_make_room_and_busy_ones_do_not():
    async with Served(connection=Narrow) as served:
        idle, idle_writer = await served.send(served.raw("GET", "/health"))
        assert (await read_reply(idle)).status == 200
        served.relay.script = served.relay.never
        _, first = await served.send(served.raw("POST", CHAT, CHAT_BODY))
        await served.relay.begun.wait()
        served.relay.begun.clear()
        _, second = await served.send(served.raw("POST", CHAT, CHAT_BODY))
        assert await asyncio.wait_for(idle.read(), 10) == b""
        await served.relay.begun.wait()
        assert (await served.ask(b"")).status == 503
        for writer in (idle_writer, first, second):
            writer.close()


async def test_a_reset_connection_makes_no_noise(served, caplog):
    client = socket.create_connection(("127.0.0.1", served.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(b"GET /health HTTP/1.1\r\nhost:")
    client.close()
    assert (await served.request("GET", "/health")).status == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_deadlines_are_those_of_the_design():
    assert connection.HEADERS_S <= 10
    assert connection.WRITE_STALL_S == 120
    assert connection.MAX_CONNECTIONS == 256


async def test_head_and_body_leave_in_one_write(served, monkeypatch):
    writes = []

    class Watched:
        def __init__(self, transport):
            self._transport = transport

        def __getattr__(self, name):
            return getattr(self._transport, name)

        def write(self, data):
            writes.append(bytes(data))
            self._transport.write(data)

    made = Connection.connection_made
    monkeypatch.setattr(Connection, "connection_made", lambda self, transport: made(self, Watched(transport)))
    assert (await served.request("GET", "/health")).status == 200
    assert (await served.request("HEAD", "/health")).status == 200
    served.relay.script = served.relay.short_stream
    assert (await served.request("POST", CHAT, STREAM_BODY)).status == 200
    assert len(writes) == 1 + 1 + 5
    assert writes[2].endswith(b'data: {"n":0}\n\n\r\n')
