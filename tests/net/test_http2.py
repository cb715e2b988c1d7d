"""The way through httpx's own transport, here with HTTP/1.1: the `h2` package is not part of the project."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.faults import FaultError, FaultKind
from app.net.client import ClientOptions, UpstreamClient

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
async def make_client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make clients that believe the package to be there while httpx is asked for HTTP/1.1."""
    monkeypatch.setattr("app.net.http2.available", lambda: True)
    real = httpx.AsyncHTTPTransport
    made: list[httpx.AsyncHTTPTransport] = []
    clients: list[UpstreamClient] = []

    def transport(http2: bool, **options: Any) -> httpx.AsyncHTTPTransport:
        made.append(real(http2=False, **options))
        return made[-1]

    def make(url: str, environ: dict[str, str] | None = None, **options: Any) -> UpstreamClient:
        clients.append(UpstreamClient(ClientOptions("Example", url, http2=True, **options), environ or {}))
        return clients[-1]

    monkeypatch.setattr(httpx, "AsyncHTTPTransport", transport)
    make.made = made  # type: ignore[attr-defined]
    yield make
    for client in clients:
        await client.aclose()
    assert [each._pool.connections for each in made if each._pool.connections] == []


async def fault_of(waited_for: Any) -> Any:
    with pytest.raises(FaultError) as caught:
        await waited_for
    return caught.value.fault


async def test_requests_and_replies(serve: Any, always: Any, make_client: Any) -> None:
    server = await serve(always(OK))
    client = make_client(server.url)
    reply = await client.post("/chat", b'{"a":1}', stream=False)
    assert (reply.status, reply.framed, reply.headers["content-type"]) == (200, True, "application/json")
    assert await reply.read() == b"{}"
    await (await client.get("/models")).read()
    assert server.requests[0].startswith(b"POST /v1/chat HTTP/1.1\r\n")
    assert server.requests[0].endswith(b'\r\n\r\n{"a":1}')
    assert b"accept-encoding: identity" in server.requests[0].lower()
    assert server.connections == 1


async def test_silence_and_ends(serve: Any, make_client: Any) -> None:
    go = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab")
        await go.wait()
        await peer.send(b"cd")
        if peer.server.connections == 1:
            await peer.gone()

    server = await serve(script)
    client = make_client(server.url, idle_s=0.2)
    reply = await client.post("/chat", b"{}", stream=True)
    assert await reply.chunk() == b"ab"
    assert await reply.chunk(0.02) is None
    go.set()
    assert await reply.chunk() == b"cd"
    with pytest.raises(FaultError) as caught:
        await reply.chunk()
    assert caught.value.fault.kind is FaultKind.STALLED
    reply = await client.post("/chat", b"{}", stream=False)
    with pytest.raises(FaultError) as caught:
        await reply.read()
    assert caught.value.fault.kind is FaultKind.TRUNCATED


async def test_socks_is_refused(make_client: Any) -> None:
    client = make_client("https://api.example.com", proxy="socks5://127.0.0.1:1")
    with pytest.raises(FaultError) as caught:
        await client.get("/models")
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR


async def test_each_stage_has_its_own_limit(serve: Any, make_client: Any) -> None:
    go = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        if peer.server.connections == 1:
            await peer.gone()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        await go.wait()
        await peer.send(b"cd")
        await peer.gone()

    server = await serve(script)
    client = make_client(server.url, first_byte_s=0.2, idle_s=10)
    fault = await fault_of(client.post("/chat", b"{}", stream=True))
    assert (fault.kind, "first_byte_s" in fault.remedy) == (FaultKind.FIRST_BYTE_TIMEOUT, True)
    reply = await client.post("/chat", b"{}", stream=True)
    assert await reply.chunk() == b"ab"
    asyncio.get_running_loop().call_later(0.5, go.set)
    assert await reply.chunk() == b"cd"
    assert await reply.chunk() == b""
    assert server.connections == 2


async def test_a_slow_upload_goes_on_and_one_that_stands_still_does_not(serve: Any, make_client: Any) -> None:
    async def script(peer: Any) -> None:
        if peer.server.connections == 2:
            await asyncio.Event().wait()
        while (await peer.reader.read(65536))[-1:] != b"!":
            await asyncio.sleep(0.002)
        await peer.send(OK)

    server = await serve(script)
    client = make_client(server.url, write_s=0.3)
    body = bytes(20 * 1024 * 1024) + b"!"
    began_s = asyncio.get_running_loop().time()
    await (await client.post("/chat", body, stream=False)).read()
    assert asyncio.get_running_loop().time() - began_s > 0.3
    fault = await fault_of(client.post("/chat", body, stream=False))
    assert "did not take the request in time" in fault.message


async def test_no_free_connection(serve: Any, make_client: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    client = make_client(server.url, max_connections=1, pool_s=0.05)
    reply = await client.post("/chat", b"{}", stream=True)
    assert (await fault_of(client.post("/chat", b"{}", stream=True))).kind is FaultKind.BUSY
    await reply.aclose()


async def test_requests_at_once_open_one_transport(serve: Any, always: Any, make_client: Any) -> None:
    server = await serve(always(OK))
    client = make_client(server.url)
    replies = await asyncio.gather(*(client.post("/chat", b"{}", stream=False) for _ in range(5)))
    await asyncio.gather(*(reply.read() for reply in replies))
    assert len(make_client.made) == 1


async def test_names_and_certificates(serve: Any, always: Any, make_client: Any, tls_server_context: Any) -> None:
    fault = await fault_of(make_client("https://nobody.invalid", proxy="none").get("/models"))
    assert fault.kind is FaultKind.DNS_FAILURE
    server = await serve(always(OK), tls_server_context(unknown=True))
    fault = await fault_of(make_client(server.url.replace("http:", "https:")).get("/models"))
    assert fault.kind is FaultKind.TLS_ERROR
    assert "ca_file" in fault.remedy


async def test_connecting_that_hangs(serve: Any, make_client: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.gone()

    server = await serve(script)
    direct = make_client(server.url.replace("http:", "https:"), connect_s=0.1)
    assert (await fault_of(direct.get("/models"))).kind is FaultKind.CONNECT_TIMEOUT
    tunnel = make_client("https://api.example.com", proxy=f"http://127.0.0.1:{server.port}", connect_s=0.1)
    assert (await fault_of(tunnel.get("/models"))).kind is FaultKind.CONNECT_TIMEOUT


@pytest.mark.parametrize("begun", [True, False])
async def test_closing_interrupts(serve: Any, make_client: Any, begun: bool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        if begun:
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    client = make_client(server.url, idle_s=10)

    async def ask() -> None:
        await (await client.post("/chat", b"{}", stream=True)).chunk()

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(fault_of(ask())) for _ in range(3)]
        await server.until(lambda: server.open == 3)
        await asyncio.sleep(0.05)
        await client.aclose()
    assert [each.result().kind for each in asked] == [FaultKind.INTERRUPTED] * 3
    await server.until(lambda: server.open == 0)


async def test_a_reply_that_is_closed_while_it_is_read(serve: Any, make_client: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
        await peer.gone()

    reply = await make_client((await serve(script)).url).post("/chat", b"{}", stream=True)
    async with asyncio.TaskGroup() as group:
        read = group.create_task(fault_of(reply.chunk()))
        await asyncio.sleep(0.05)
        await reply.aclose()
    assert read.result().kind is FaultKind.INTERRUPTED


async def test_headers_beyond_ascii(serve: Any, always: Any, make_client: Any) -> None:
    server = await serve(always(OK))
    beta = (("anthropic-beta", "caf\xe9"),)
    await (await make_client(server.url).post("/chat", b"{}", stream=False, headers=beta)).read()
    assert b"anthropic-beta: caf\xe9\r\n" in server.requests[0]


async def test_connections_that_are_dropped_finish_what_is_under_way(serve: Any, make_client: Any) -> None:
    go = asyncio.Event()

    async def script(peer: Any) -> None:
        while b"/wait" not in await peer.request():
            await peer.send(OK)
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na")
        await go.wait()
        await peer.send(b"b")
        await peer.gone()

    server = await serve(script)
    client = make_client(server.url)
    reply = await client.post("/wait", b"{}", stream=True)
    assert await reply.chunk() == b"a"
    client.drop_idle()
    await (await client.get("/models")).read()
    assert (server.connections, server.open) == (2, 2)
    go.set()
    assert (await reply.chunk(), await reply.chunk()) == (b"b", b"")
    await server.until(lambda: server.open == 1)
    client.drop_idle()
    await (await client.get("/models")).read()
    await server.until(lambda: server.open == 1)
    assert server.connections == 3


async def test_a_change_of_the_systems_proxy_counts_from_the_next_request_on(
    serve: Any, always: Any, make_client: Any, http_proxy: Any, tls_server_context: Any, authority_file: Path
) -> None:
    behind = await serve(always(OK), tls_server_context("api.example.com"))
    proxies = [await serve(http_proxy(behind.port)) for _ in range(2)]
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxies[0].port}"}
    client = make_client("https://api.example.com", environ, ca_file=str(authority_file))
    for _ in range(2):
        await (await client.get("/models")).read()
    environ["HTTPS_PROXY"] = f"http://127.0.0.1:{proxies[1].port}"
    await (await client.get("/models")).read()
    assert [proxy.connections for proxy in proxies] == [1, 1]
    await proxies[0].until(lambda: proxies[0].open == 0)
