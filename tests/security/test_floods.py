"""Many half-open and slow connections do no harm to a good client (S31), and a squatted port is noticed (S9)."""

import asyncio
import socket
import subprocess
import sys

import pytest

from app.server.connection import Connection
from app.server.listener import Listener
from app.server.port import PortTakenError
from server.serving import CHAT_BODY, Served


class Hasty(Connection):
    headers_s = 0.5


async def test_200_half_open_connections_are_closed_while_a_good_client_is_served():
    async with Served(connection=Hasty) as served:
        starts = (b"", b"POST /v1/ch", b"GET / HTTP/1.1\r\nHost: local", b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        slow = [await served.send(starts[number % len(starts)]) for number in range(200)]
        assert len(served.listener._state.connections) >= 200
        reply = await served.request("POST", "/v1/chat/completions", CHAT_BODY)
        assert reply.status == 200
        ends = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in slow)), 20)
        assert {end[:12] for end in ends} == {b"", b"HTTP/1.1 408"}
        for _, writer in slow:
            writer.close()
        assert (await served.request("GET", "/health")).status == 200


async def test_slow_bodies_are_cut_while_a_good_client_is_served():
    async with Served(body_s=0.5) as served:
        raw = served.raw("POST", "/v1/chat/completions", content_length="100")
        slow = [await served.send(raw) for _ in range(100)]
        assert (await served.request("POST", "/v1/chat/completions", CHAT_BODY)).status == 200
        ends = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in slow)), 20)
        assert {end[:12] for end in ends} == {b"HTTP/1.1 408"}
        assert len(served.relay.calls) == 1
        for _, writer in slow:
            writer.close()


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def squatted_port(request):
    """A port where another process listens, ready to share it."""
    program = f"""
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR), 1)
s.bind(("{request.param}", 0)); s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as squatter:
        yield int(squatter.stdout.readline())
        squatter.stdin.close()


async def test_a_port_that_another_process_has_is_never_shared_nor_left(squatted_port):
    listener = Listener(None, host="127.0.0.1", port=squatted_port)
    with pytest.raises(PortTakenError, match=f"127.0.0.1:{squatted_port}"):
        await listener.start()
    assert listener.port == 0


async def test_nobody_can_listen_beside_us(served):
    for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, option, 1)
            with pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", served.port))
