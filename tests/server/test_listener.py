"""The server starts, serves and stops inside somebody else's loop, and takes nothing over."""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from app.server.listener import Listener
from app.server.port import BACKLOG, PortTakenError
from server.serving import CHAT_BODY, STREAM_BODY, read_reply

ROOT = Path(__file__).parents[2]
CHAT = "/v1/chat/completions"

HOST_PROCESS = """
import asyncio, signal
from app.server.listener import Listener

async def app(scope, receive, send): ...

async def main():
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    listener = Listener(app, host="127.0.0.1", port=0)
    print(await listener.start(), flush=True)
    await asked.wait()
    await listener.stop()
    print("cleaned up", flush=True)

asyncio.run(main())
"""


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok", "more_body": False})


def held(served) -> asyncio.Event:
    """Let every request wait until the event is set."""
    release = asyncio.Event()

    async def slow(call):
        served.relay.begun.set()
        await release.wait()
        return await served.relay.at_once(call)

    served.relay.script = slow
    return release


async def test_the_address_is_what_clients_use():
    listener = Listener(hello, host="127.0.0.1", port=0)
    address = await listener.start()
    assert address == listener.address == f"http://127.0.0.1:{listener.port}/v1"
    await listener.stop()
    assert (listener.address, listener.port) == ("", 0)


async def test_it_can_be_started_again_on_the_same_port():
    listener = Listener(hello, host="127.0.0.1", port=0)
    await listener.start()
    port = listener.port
    await listener.stop()
    again = Listener(hello, host="127.0.0.1", port=port)
    assert await again.start() == f"http://127.0.0.1:{port}/v1"
    await again.stop()


def system_backlog():
    return int(Path("/proc/sys/net/core/somaxconn").read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how many connections may wait")
async def test_as_many_connections_may_wait_as_the_port_was_taken_for(served):
    (sock,) = served.listener._server.sockets
    longest = struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32), 28)[0]
    assert longest == min(BACKLOG, system_backlog())


async def test_stopping_what_was_never_started_does_nothing():
    await Listener(hello, host="127.0.0.1", port=0).stop()


async def test_all_addresses_are_shown_as_one_that_works():
    listener = Listener(hello, host="0.0.0.0", port=0)
    assert (await listener.start()).startswith("http://127.0.0.1:")
    await listener.stop()


async def test_a_taken_port_raises_and_does_not_exit():
    first = Listener(hello, host="127.0.0.1", port=0)
    await first.start()
    second = Listener(hello, host="127.0.0.1", port=first.port)
    with pytest.raises(PortTakenError, match=str(first.port)):
        await second.start()
    assert second.address == ""
    await first.stop()


async def test_a_running_request_may_end_within_the_grace(served):
    release = held(served)
    reader, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY))
    await served.relay.begun.wait()
    stop = asyncio.get_running_loop().create_task(served.listener.stop(30))
    await asyncio.sleep(0)
    release.set()
    assert (await read_reply(reader)).status == 200
    await stop
    assert await reader.read() == b""
    writer.close()


async def test_a_request_that_runs_on_is_told_that_we_stop(served):
    served.relay.script = served.relay.never
    reader, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY))
    await served.relay.begun.wait()
    await served.listener.stop(0.01)
    reply = await read_reply(reader)
    assert (reply.status, reply.error["code"]) == (503, "shutting_down")
    writer.close()


async def test_an_open_stream_ends_with_an_error_event_and_does_not_block_stopping(served, caplog):
    served.relay.script = served.relay.endless_stream
    reader, writer = await served.send(served.raw("POST", CHAT, STREAM_BODY))
    await served.relay.begun.wait()
    await served.listener.stop(0.01)
    reply = await read_reply(reader)
    assert reply.status == 200
    assert reply.body.startswith(b'data: {"n":0}\n\n')
    assert b"shutting_down" in reply.body
    assert b"[DONE]" not in reply.body
    assert await reader.read() == b""
    assert not caplog.records
    writer.close()


async def test_streams_are_first_asked_to_end_themselves(served):
    ended = asyncio.Event()

    async def stream():
        yield b"data: 1\n\n"
        served.relay.begun.set()
        await ended.wait()
        yield b"data: interrupted\n\n"

    async def script(call):
        answer = await served.relay.short_stream(call)
        await answer.stream.aclose()
        return type(answer)(200, answer.headers, stream=stream())

    async def interrupt():
        ended.set()

    served.relay.script = script
    reader, writer = await served.send(served.raw("POST", CHAT, STREAM_BODY))
    await served.relay.begun.wait()
    await served.listener.stop(0.01, interrupt=interrupt)
    assert (await read_reply(reader)).body == b"data: 1\n\ndata: interrupted\n\n"
    writer.close()


async def test_a_body_that_is_still_coming_does_not_block_stopping(served):
    reader, writer = await served.send(served.raw("POST", CHAT, content_length="100") + b"{")
    assert (await served.request("GET", "/health")).status == 200
    await served.listener.stop(0.01)
    assert (await read_reply(reader)).error["code"] == "shutting_down"
    writer.close()


async def test_idle_and_half_open_connections_are_closed_at_once(served):
    idle, idle_writer = await served.send(served.raw("GET", "/health"))
    assert (await read_reply(idle)).status == 200
    half, half_writer = await served.send(b"GET /hea")
    await served.request("GET", "/health")
    await served.listener.stop(30)
    assert await idle.read() == await half.read() == b""
    idle_writer.close()
    half_writer.close()


async def test_a_listener_that_leaves_waits_for_its_requests_and_closes_what_is_idle(served):
    release = held(served)
    idle, idle_writer = await served.send(served.raw("GET", "/health"))
    assert (await read_reply(idle)).status == 200
    reader, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY))
    await served.relay.begun.wait()
    port = served.listener.port
    leaving = asyncio.get_running_loop().create_task(served.listener.finish())
    assert await idle.read() == b""
    assert served.listener.address == ""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert not leaving.done()
    release.set()
    assert (await read_reply(reader)).status == 200
    assert await reader.read() == b""
    async with asyncio.timeout(10):
        await leaving
    for each in (writer, idle_writer):
        each.close()


async def test_a_listener_that_closed_can_be_opened_again_without_losing_its_requests(served):
    release = held(served)
    reader, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY))
    await served.relay.begun.wait()
    served.listener.close()
    await served.listener.start()
    served.port = served.listener.port
    assert (await served.request("GET", "/health")).status == 200
    stop = asyncio.get_running_loop().create_task(served.listener.stop(30))
    await asyncio.sleep(0)
    release.set()
    assert (await read_reply(reader)).status == 200
    await stop
    writer.close()


async def test_x_forwarded_for_does_not_change_who_asks():
    peers = []

    async def app(scope, receive, send):
        peers.append(scope["client"][0])
        await hello(scope, receive, send)

    listener = Listener(app, host="127.0.0.1", port=0)
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 10.0.0.1\r\n\r\n")
    reply = await read_reply(reader)
    assert peers == ["127.0.0.1"]
    assert reply.header("server") is None
    writer.close()
    await listener.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM handlers in its loops")
def test_sigterm_goes_to_the_host_process_own_handler():
    with subprocess.Popen([sys.executable, "-c", HOST_PROCESS], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout.readline() == "cleaned up\n"
        assert process.wait(20) == 0
