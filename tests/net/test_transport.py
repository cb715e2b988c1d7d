"""Our transport behind httpx's own client."""

from typing import Any

import httpx
import pytest

from app.net.connection import Waits
from app.net.dialer import Origin
from app.net.transport import Transport, origin_of

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-twice: a\r\nx-twice: b\r\n\r\nok"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.example.com/v1", Origin("https", "api.example.com", 443)),
        ("http://127.0.0.1:8080", Origin("http", "127.0.0.1", 8080)),
        ("http://[::1]/", Origin("http", "::1", 80)),
        ("https://münchen.example", Origin("https", "xn--mnchen-3ya.example", 443)),
    ],
)
def test_origins(url: str, origin: Origin) -> None:
    assert origin_of(httpx.URL(url)) == origin


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "https://", "/path", "file:///etc/passwd"])
def test_what_is_no_origin(url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        origin_of(httpx.URL(url))


async def test_behind_httpx(serve: Any, always: Any) -> None:
    server = await serve(always(OK))
    transport = Transport(environ={})
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        got = await client.get(f"{server.url}/a?b=c", headers={"x-one": "1"})
        assert (got.status_code, got.text, got.headers.get_list("x-twice")) == (200, "ok", ["a", "b"])
        assert (await client.post(server.url, json={"a": 1})).text == "ok"

        async def pieces() -> Any:
            yield b"ab"
            yield b"cd"

        assert (await client.post(server.url, content=pieces())).text == "ok"
        assert transport.open_connections == 1
    assert transport.open_connections == 0
    assert server.connections == 1
    first, second, third = server.requests
    assert first.startswith(b"GET /v1/a?b=c HTTP/1.1\r\n")
    assert b"\r\nx-one: 1\r\n" in first
    assert second.endswith(b'\r\n\r\n{"a":1}')
    assert third.endswith(b"\r\n\r\nabcd")
    assert b"chunked" not in third


async def test_the_head_method(serve: Any, always: Any) -> None:
    server = await serve(always(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"))
    async with httpx.AsyncClient(transport=Transport(environ={}), trust_env=False) as client:
        for _ in range(2):
            reply = await client.head(server.url)
            assert (reply.status_code, reply.content) == (200, b"")
    assert server.connections == 1


async def test_httpx_timeouts_count(serve: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.gone()

    server = await serve(script)
    async with httpx.AsyncClient(transport=Transport(environ={}), timeout=0.05, trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url)


async def test_a_stream_that_is_left_early_closes_its_connection(serve: Any) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
        await peer.gone()

    server = await serve(script)
    async with httpx.AsyncClient(transport=Transport(environ={}), trust_env=False) as client:
        async with client.stream("GET", server.url) as reply:
            assert await anext(reply.aiter_raw()) == b"ok"
        await server.until(lambda: server.open == 0)


async def test_the_direct_way(serve: Any, always: Any) -> None:
    server = await serve(always(OK))
    transport = Transport(environ={})
    exchange = await transport.send(
        Origin("http", "127.0.0.1", server.port), b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"", Waits()
    )
    assert (exchange.status, exchange.framed, exchange.encoding) == (200, True, b"")
    assert await exchange.chunk(5) == b"ok"
    await exchange.aclose()
    await exchange.aclose()
    assert transport.open_connections == 1
    await transport.aclose()
