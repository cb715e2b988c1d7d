"""The way through httpx's own transport, here with HTTP/1.1: the `h2` package is not part of the project."""

import asyncio
from typing import Any

import pytest

from app.domain.faults import FaultError, FaultKind
from app.net.client import ClientOptions, UpstreamClient

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
async def make_client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make clients that believe the package to be there while httpx is asked for HTTP/1.1."""
    import httpx

    monkeypatch.setattr("app.net.http2.available", lambda: True)
    real = httpx.AsyncHTTPTransport
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", lambda http2, **options: real(http2=False, **options))
    clients: list[UpstreamClient] = []

    def make(url: str, **options: Any) -> UpstreamClient:
        clients.append(UpstreamClient(ClientOptions("Example", url, http2=True, **options), {}))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


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
