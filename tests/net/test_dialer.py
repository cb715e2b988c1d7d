"""Opening connections: refusal, names, deadlines, TLS as it goes wrong, and several addresses of one name."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.faults import FaultError, FaultKind
from app.net.connection import READ_BYTES, Connection, Waits
from app.net.dialer import Dialer, Origin

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def dial(origin: Origin, **options: Any) -> Connection:
    loop = asyncio.get_running_loop()
    lost = asyncio.Event()
    scratch = memoryview(bytearray(READ_BYTES))
    dialer = Dialer(origin, {}, **{"connect_s": 5, **options})
    connection = await dialer.connect(lambda: Connection(loop, scratch, lambda _: lost.set()))
    await connection.exchange(GET, b"", Waits())
    assert await connection.chunk(5) == b"ok"
    connection.abort()
    await lost.wait()
    return connection


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def test_a_plain_connection(serve: Any, always: Any) -> None:
    server = await serve(always(OK))
    await dial(Origin("http", "127.0.0.1", server.port))


async def test_every_address_of_a_name_is_tried(serve: Any, always: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await serve(always(OK))

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        v6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        refused = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", free_port()))
        good = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [v6, refused, good]

    class Names:
        def __init__(self, loop: Any) -> None:
            self.loop = loop

        def __getattr__(self, name: str) -> Any:
            return getaddrinfo if name == "getaddrinfo" else getattr(self.loop, name)

    from app.net import dialer

    loop = asyncio.get_running_loop()
    addresses = await dialer._resolve(Names(loop), "three.test", server.port)
    assert [family for family, _ in addresses] == [socket.AF_INET6, socket.AF_INET, socket.AF_INET]
    sock = await dialer._race(loop, addresses)
    assert sock.getpeername()[1] == server.port
    sock.close()
    with pytest.raises(OSError, match=r"."):
        await dialer._race(loop, addresses[:2])


async def test_refused() -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        await dial(Origin("http", "127.0.0.1", free_port()))
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("name", ["nobody.invalid", "a..b", "x" * 80 + ".invalid"])
async def test_a_name_that_does_not_exist(name: str) -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        await dial(Origin("http", name, 80), proxy_setting="none")
    assert isinstance(caught.value.__cause__, socket.gaierror)


async def test_a_tls_handshake_that_hangs_is_a_connect_timeout(serve: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.gone()

    server = await serve(script)
    with pytest.raises(httpx.ConnectTimeout):
        await dial(Origin("https", "127.0.0.1", server.port), connect_s=0.1)
    await server.until(lambda: server.open == 0)


async def test_tls_with_an_authority_of_the_users_own(
    serve: Any, always: Any, tls_server_context: Any, authority_file: Path
) -> None:
    server = await serve(always(OK), tls_server_context())
    await dial(Origin("https", "127.0.0.1", server.port), ca_file=str(authority_file))


@pytest.mark.parametrize(
    ("name", "flaw", "says"),
    [
        ("127.0.0.1", {"unknown": True}, "unable to get local issuer"),
        ("127.0.0.1", {"expired": True}, "expired"),
        ("other.test", {}, "mismatch"),
    ],
)
async def test_tls_that_cannot_be_trusted(
    serve: Any, always: Any, tls_server_context: Any, authority_file: Path, name: str, flaw: Any, says: str
) -> None:
    server = await serve(always(OK), tls_server_context(name, **flaw))
    with pytest.raises(httpx.ConnectError, match=says) as caught:
        await dial(Origin("https", "127.0.0.1", server.port), ca_file=str(authority_file))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert server.requests == []


async def test_tls_is_verified_without_any_option(serve: Any, always: Any, tls_server_context: Any) -> None:
    server = await serve(always(OK), tls_server_context())
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await dial(Origin("https", "127.0.0.1", server.port))
    assert server.requests == []


async def test_a_server_without_tls(serve: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.reader.read(10)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await serve(script)
    with pytest.raises(httpx.ConnectError) as caught:
        await dial(Origin("https", "127.0.0.1", server.port))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


async def test_a_certificate_file_that_is_missing(serve: Any, always: Any) -> None:
    server = await serve(always(OK))
    with pytest.raises(FaultError) as caught:
        await dial(Origin("https", "127.0.0.1", server.port), ca_file="/nowhere/ca.pem")
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR


async def test_through_proxies(
    serve: Any, always: Any, http_proxy: Any, socks_proxy: Any, tls_server_context: Any, authority_file: Path
) -> None:
    server = await serve(always(OK), tls_server_context("api.example.com"))
    connect, socks = await serve(http_proxy(server.port)), await serve(socks_proxy(server.port))
    origin = Origin("https", "api.example.com", 443)
    for url in (f"http://127.0.0.1:{connect.port}", f"socks5://127.0.0.1:{socks.port}"):
        await dial(origin, proxy_setting=url, ca_file=str(authority_file))
    assert connect.requests[0].startswith(b"CONNECT api.example.com:443 ")
    assert socks.requests == [b"api.example.com"]


async def test_proxies_that_fail(serve: Any, http_proxy: Any) -> None:
    origin = Origin("http", "api.example.com", 80)
    refusing = await serve(http_proxy(0, status=407))

    async def script(peer: Any) -> None:
        await peer.gone()

    hanging = await serve(script)
    with pytest.raises(httpx.ProxyError, match="407"):
        await dial(origin, proxy_setting=f"http://user:secret@127.0.0.1:{refusing.port}")
    assert b"secret" not in refusing.requests[0]  # it goes as base64, in its own header
    with pytest.raises(httpx.ProxyError) as caught:
        await dial(origin, proxy_setting=f"http://user:secret@127.0.0.1:{free_port()}")
    assert "secret" not in str(caught.value)
    with pytest.raises(httpx.ConnectTimeout):
        await dial(origin, proxy_setting=f"socks5://127.0.0.1:{hanging.port}", connect_s=0.1)
    with pytest.raises(httpx.UnsupportedProtocol, match="ftp"):
        await dial(origin, proxy_setting="ftp://user:secret@proxy")


async def test_a_refusal_is_told_in_words_without_numbers() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(httpx.ConnectError) as caught:
            await dial(Origin("http", "127.0.0.1", port))
    assert str(caught.value) == "connection refused"
