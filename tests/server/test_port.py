"""A port is ours alone, or the error says whose it is."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from app.server import port
from app.server.port import ListenError, PortTakenError, bind, owner_pid, owns_port, show_host

LISTEN_ELSEWHERE = """
import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()
"""


@pytest.fixture
def elsewhere():
    """Another process that listens: its pid and port."""
    process = subprocess.Popen([sys.executable, "-c", LISTEN_ELSEWHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield process.pid, int(process.stdout.readline())
    process.communicate()


def test_a_free_port_is_taken():
    with bind("127.0.0.1", 0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
        assert sock.getblocking() is False
        socket.create_connection(sock.getsockname()).close()


def test_a_taken_port_names_address_owner_and_remedy(elsewhere):
    pid, port = elsewhere
    with pytest.raises(PortTakenError) as caught:
        bind("127.0.0.1", port)
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "server.port" in str(caught.value)
    if sys.platform == "linux":
        assert caught.value.pid == pid
        assert str(pid) in str(caught.value)


def test_nobody_can_share_our_port():
    with bind("127.0.0.1", 0) as ours, socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR), 1)
        with pytest.raises(OSError, match="in use"):
            thief.bind(ours.getsockname())


def test_a_port_that_is_still_closing_can_be_taken_again():
    with bind("127.0.0.1", 0) as sock:
        address = sock.getsockname()
        client = socket.create_connection(address)
        sock.settimeout(5)
        sock.accept()[0].close()
    client.close()
    bind(*address).close()


def test_an_address_that_is_not_ours_is_said_so():
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:8484.*server\.host"):
        bind("192.0.2.1", 8484)


def test_a_host_that_does_not_exist_is_said_so():
    with pytest.raises(ListenError, match=r"server\.host"):
        bind("no-such-host.invalid", 8484)


def test_the_owner_is_unknown_where_the_system_does_not_tell(tmp_path):
    assert owner_pid(8484, tmp_path) is None


def test_the_owner_is_found_in_proc():
    if sys.platform != "linux":
        pytest.skip("only Linux has /proc/net/tcp")
    with bind("127.0.0.1", 0) as sock:
        assert owner_pid(sock.getsockname()[1]) == os.getpid()


TABLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = (
    "   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid:5d}        0 4711 1\n"
)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/net/tcp")
def test_who_may_be_told_secrets_is_the_user_in_the_table_though_the_process_is_hidden(tmp_path):
    (tmp_path / "net").mkdir()
    mine = ROW.format(port=8484, state="0A", uid=os.geteuid())
    table = tmp_path / "net" / "tcp"
    table.write_text(
        TABLE + mine + ROW.format(port=8484, state="01", uid=4711) + ROW.format(port=85, state="0A", uid=3)
    )
    assert owns_port(8484, tmp_path)
    assert owner_pid(8484, tmp_path) is None
    table.write_text(TABLE + mine + ROW.format(port=8484, state="0A", uid=4711))
    assert not owns_port(8484, tmp_path)
    assert not owns_port(8485, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/net/tcp")
def test_a_hidden_owner_is_described(monkeypatch):
    monkeypatch.setattr(port, "_holds", lambda *_: False)
    with bind("127.0.0.1", 0) as sock:
        number = sock.getsockname()[1]
        with pytest.raises(PortTakenError, match="taken by another program of yours, perhaps another Switchtower"):
            bind("127.0.0.1", number)
        monkeypatch.setattr(port, "owner_uids", lambda *_: {os.geteuid() + 1})
        with pytest.raises(PortTakenError, match="taken by a program of another user"):
            bind("127.0.0.1", number)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_hosts_are_shown_as_in_urls(host, shown):
    assert show_host(host) == shown


async def test_small_writes_are_not_held_back_by_the_system():
    seen = []

    class Look(asyncio.Protocol):
        def connection_made(self, transport):
            seen.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    sock = bind("127.0.0.1", 0)
    address = sock.getsockname()
    server = await asyncio.get_running_loop().create_server(Look, sock=sock)
    reader, writer = await asyncio.open_connection(*address)
    assert await reader.read() == b""
    writer.close()
    server.close()
    assert seen[0] != 0
