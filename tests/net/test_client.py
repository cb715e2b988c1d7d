"""The client against real servers: what it sends, every fault it raises, and that nothing is left open."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import app
from app.domain.faults import FaultError, FaultKind
from app.domain.secret import Secret
from app.net import client as client_module
from app.net.client import ClientOptions, Credential, UpstreamClient, UpstreamReply

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
KEY = "sk-canary-0123456789abcdef"
CREDENTIAL = Credential("authorization", "Bearer ", Secret(KEY))
PROXIES = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}

MakeClient = Callable[..., UpstreamClient]


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    clients: list[UpstreamClient] = []

    def make(base_url: str, environ: dict[str, str] | None = None, **options: Any) -> UpstreamClient:
        client = UpstreamClient(ClientOptions("Example", base_url, **options), environ or {})
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()
        assert client.open_connections == 0


async def fault_of(awaitable: Any) -> FaultKind:
    with pytest.raises(FaultError) as caught:
        await awaitable
    fault = caught.value.fault
    assert fault.provider == "Example"
    assert "Example" in fault.message
    assert KEY not in fault.text
    assert "/v1" not in fault.text
    return fault.kind


async def pieces_of(reply: UpstreamReply) -> bytes:
    pieces = []
    while piece := await reply.chunk():
        pieces.append(piece)
    return b"".join(pieces)


async def test_what_is_sent(serve: Any, always: Any, make_client: MakeClient) -> None:
    server = await serve(always(OK))
    client = make_client(server.url + "/", credential=CREDENTIAL, headers=(("X-Title", "me"),))
    assert client.open_connections == 0
    reply = await client.post("/chat/completions", b'{"a":1}', stream=False, headers=(("x-more", "1"),))
    assert (reply.status, reply.framed, reply.headers["content-type"]) == (200, True, "application/json")
    assert await reply.read() == b"{}"
    await (await client.post("/chat/completions", b"{}", stream=True)).read()
    await (await client.get("/models")).read()
    await (await client.delete("/responses/r")).read()
    plain, stream, listing, deleted = server.requests
    assert plain.decode().split("\r\n") == [
        "POST /v1/chat/completions HTTP/1.1",
        f"host: 127.0.0.1:{server.port}",
        f"user-agent: switchtower/{app.__version__}",
        "accept-encoding: identity",
        "x-title: me",
        "accept: application/json",
        "content-type: application/json",
        "x-more: 1",
        f"authorization: Bearer {KEY}",
        "content-length: 7",
        "",
        '{"a":1}',
    ]
    assert b"\r\naccept: text/event-stream\r\n" in stream
    assert listing.startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert deleted.startswith(b"DELETE /v1/responses/r HTTP/1.1\r\n")
    assert b"content-" not in listing
    assert server.connections == client.open_connections == 1


async def test_ids_in_paths_do_not_take_the_place_of_what_is_asked_often(
    serve: Any, always: Any, make_client: MakeClient
) -> None:
    server = await serve(always(OK))
    client = make_client(f"http://127.0.0.1:{server.port}/v1")
    for number in range(100):
        await (await client.get(f"/responses/resp_{number}")).read()
        await (await client.delete(f"/responses/resp_{number}")).read()
    assert not client._openings
    await (await client.post("/chat/completions", b"{}", stream=False)).read()
    assert len(client._openings) == 1


async def test_a_stream_comes_piece_by_piece(serve: Any, make_client: MakeClient) -> None:
    taken = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"9\r\ndata: 1\n\n\r\n")
        await taken.wait()
        await peer.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
        await peer.gone()

    client = make_client((await serve(script)).url)
    reply = await client.post("/chat", b"{}", stream=True)
    assert await reply.chunk() == b"data: 1\n\n"
    assert await reply.chunk(0.02) is None
    taken.set()
    assert await pieces_of(reply) == b"data: 2\n\n"
    assert await reply.chunk() == b""
    await reply.aclose()
    assert client.open_connections == 1


async def test_silence_that_is_asked_about_counts_as_silence(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
        await peer.gone()

    reply = await make_client((await serve(script)).url, idle_s=0.2).post("/chat", b"{}", stream=True)
    assert await reply.chunk(5) == b"data: 1\n\n"
    silences = 0

    async def ask_until_it_fails() -> None:
        nonlocal silences
        while await reply.chunk(0.06) is None:
            silences += 1

    assert await fault_of(ask_until_it_fails()) is FaultKind.STALLED
    assert silences == 3


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(serve: Any, always: Any, make_client: MakeClient, status: int) -> None:
    second = await serve(always(OK))
    first = await serve(
        always(b"HTTP/1.1 %d Go\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % (status, second.url.encode()))
    )
    reply = await make_client(first.url, credential=CREDENTIAL).post("/chat", b"{}", stream=False)
    assert reply.status == status
    assert await reply.read() == b""
    assert (second.connections, second.requests) == (0, [])


async def test_proxies_of_the_environment_are_not_used_for_loopback(
    serve: Any, always: Any, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    server = await serve(always(OK))
    for proxy in ("system", "none", "http://127.0.0.1:9", "socks5://127.0.0.1:9"):
        reply = await make_client(server.url, environ=PROXIES, proxy=proxy).get("/models")
        assert await reply.read() == b"{}"


async def test_the_proxy_of_the_environment_is_used_for_others(
    serve: Any, always: Any, http_proxy: Any, make_client: MakeClient, tls_server_context: Any, authority_file: Path
) -> None:
    server = await serve(always(OK), tls_server_context("api.example.com"))
    through = await serve(http_proxy(server.port))
    client = make_client(
        "https://api.example.com/v1",
        environ={"HTTPS_PROXY": f"http://127.0.0.1:{through.port}"},
        ca_file=str(authority_file),
        credential=CREDENTIAL,
    )
    assert await (await client.get("/models")).read() == b"{}"
    assert KEY.encode() in server.requests[0]
    assert KEY.encode() not in through.requests[0]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"", FaultKind.DISCONNECTED),
        (b"garbage\r\n\r\n", FaultKind.MALFORMED_HTTP),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 99_000 + b"\r\n\r\n", FaultKind.MALFORMED_HTTP),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx", FaultKind.BAD_ENCODING),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\ncontent-length: 0\r\n\r\n", FaultKind.BAD_ENCODING),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nxx", FaultKind.BAD_ENCODING),
    ],
)
async def test_faults_before_the_body(serve: Any, make_client: MakeClient, reply: bytes, kind: FaultKind) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(reply)

    client = make_client((await serve(script)).url, credential=CREDENTIAL)
    assert await fault_of(client.post("/chat", b"{}", stream=True)) is kind


async def test_an_identity_encoding_is_fine(serve: Any, always: Any, make_client: MakeClient) -> None:
    server = await serve(always(OK.replace(b"\r\n\r\n", b"\r\ncontent-encoding: identity\r\n\r\n")))
    assert await (await make_client(server.url).get("/models")).read() == b"{}"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("ending", "kind"), [("close", FaultKind.TRUNCATED), ("reset", FaultKind.TRUNCATED), ("hang", FaultKind.STALLED)]
)
async def test_faults_in_the_body(
    serve: Any, make_client: MakeClient, stream: bool, ending: str, kind: FaultKind
) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
        if ending == "hang":
            await peer.gone()
        elif ending == "reset":
            peer.reset()

    client = make_client((await serve(script)).url, idle_s=0.1)
    reply = await client.post("/chat", b"{}", stream=stream)
    assert await fault_of(pieces_of(reply) if stream else reply.read()) is kind
    assert await reply.chunk() == b""


async def test_a_reset_before_the_head(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        peer.reset()

    server = await serve(script)
    assert await fault_of(make_client(server.url).post("/chat", b"{}", stream=True)) is FaultKind.RESET
    assert server.connections == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_silence_before_the_head(serve: Any, make_client: MakeClient, stream: bool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.gone()

    times = {"first_byte_s": 0.05, "total_s": 30} if stream else {"first_byte_s": 30, "total_s": 0.05}
    client = make_client((await serve(script)).url, **times)
    assert await fault_of(client.post("/chat", b"{}", stream=stream)) is FaultKind.FIRST_BYTE_TIMEOUT


async def test_a_plain_answer_must_be_whole_in_time(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b" ")
            await asyncio.sleep(0.01)

    reply = await make_client((await serve(script)).url, total_s=0.2, idle_s=30).post("/chat", b"{}", stream=False)
    assert await fault_of(reply.read()) is FaultKind.STALLED


async def test_no_free_connection(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.gone()

    client = make_client((await serve(script)).url, max_connections=1, pool_s=0.05)
    reply = await client.post("/chat", b"{}", stream=True)
    with pytest.raises(FaultError) as caught:
        await client.post("/chat", b"{}", stream=True)
    assert (caught.value.fault.kind, caught.value.fault.retry_after_s) == (FaultKind.BUSY, 1.0)
    await reply.aclose()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:1/v1", FaultKind.UNREACHABLE),
        ("https://nobody.invalid/v1", FaultKind.DNS_FAILURE),
        ("http://api.example.com/v1", FaultKind.CONFIG_ERROR),
        ("nonsense", FaultKind.CONFIG_ERROR),
    ],
)
async def test_places_that_cannot_be_reached(make_client: MakeClient, url: str, kind: FaultKind) -> None:
    assert await fault_of(make_client(url).post("/chat", b"{}", stream=True)) is kind


async def test_tls_that_cannot_be_trusted(
    serve: Any, always: Any, make_client: MakeClient, tls_server_context: Any
) -> None:
    server = await serve(always(OK), tls_server_context())
    client = make_client(server.url.replace("http:", "https:"), credential=CREDENTIAL)
    with pytest.raises(FaultError) as caught:
        await client.post("/chat", b"{}", stream=True)
    assert caught.value.fault.kind is FaultKind.TLS_ERROR
    assert "ca_file" in caught.value.fault.remedy
    assert "date and time" in caught.value.fault.remedy
    assert server.requests == []


@pytest.mark.parametrize("framing", [b"content-length: 8000000\r\n", b""])
async def test_large_answers_and_cuts_under_tls(
    serve: Any, make_client: MakeClient, tls_server_context: Any, authority_file: Path, framing: bytes
) -> None:
    async def script(peer: Any) -> None:
        request = await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
        await peer.send(*[b"x" * 100_000] * (40 if b"/cut" in request else 80))

    server = await serve(script, tls_server_context())
    client = make_client(server.url.replace("http:", "https:"), ca_file=str(authority_file))
    whole = await client.post("/whole", b"y" * 1_000_000, stream=False)
    assert whole.framed is bool(framing)
    assert len(await whole.read()) == 8_000_000
    cut = await client.post("/cut", b"{}", stream=False)
    if framing:
        assert await fault_of(cut.read()) is FaultKind.TRUNCATED
    else:
        assert len(await cut.read()) == 4_000_000


async def test_idle_connections_can_be_dropped(serve: Any, always: Any, make_client: MakeClient) -> None:
    server = await serve(always(OK))
    client = make_client(server.url)
    assert await (await client.get("/models")).read() == b"{}"
    client.drop_idle()
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)
    assert await (await client.get("/models")).read() == b"{}"
    assert server.connections == 2


async def test_a_certificate_file_that_is_missing(make_client: MakeClient) -> None:
    client = make_client("https://api.example.com", ca_file="/nowhere.pem", proxy="none")
    with pytest.raises(FaultError) as caught:
        await client.get("/models")
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR


async def test_http2_without_its_package(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.net.http2.available", lambda: False)
    client = make_client("https://api.example.com", http2=True)
    assert await fault_of(client.get("/models")) is FaultKind.CONFIG_ERROR


@pytest.mark.parametrize("framing", [b"content-length: 3000\r\n", b""])
async def test_a_plain_answer_has_a_limit(serve: Any, make_client: MakeClient, framing: bytes) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + b"x" * 3000)

    server = await serve(script)
    reply = await make_client(server.url).post("/chat", b"{}", stream=False)
    assert await fault_of(reply.read(1000)) is FaultKind.TOO_LARGE
    await server.until(lambda: server.open == 0)


async def test_a_stream_has_a_limit(serve: Any, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "STREAM_LIMIT_BYTES", 1_000_000)

    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b"x" * 60_000)

    server = await serve(script)
    reply = await make_client(server.url).post("/chat", b"{}", stream=True)
    assert await fault_of(pieces_of(reply)) is FaultKind.TOO_LARGE
    await server.until(lambda: server.open == 0)


async def test_cancelling_closes_the_socket_at_once(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.gone()

    server = await serve(script)
    client = make_client(server.url)
    task = asyncio.get_running_loop().create_task(client.post("/chat", b"{}", stream=True))
    while not server.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)
    assert client.open_connections == 0


async def test_leaving_a_stream_early_closes_the_socket_at_once(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
        await peer.gone()

    server = await serve(script)
    reply = await make_client(server.url).post("/chat", b"{}", stream=True)
    assert await reply.chunk() == b"data: 1\n\n"
    reading = asyncio.get_running_loop().create_task(reply.chunk())
    await asyncio.sleep(0)
    await reply.aclose()
    assert await fault_of(reading) is FaultKind.INTERRUPTED
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)


async def test_closing_the_client_ends_replies_in_flight(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    client = make_client(server.url)
    reply = await client.post("/chat", b"{}", stream=True)
    await client.aclose()
    assert client.open_connections == 0
    assert await fault_of(reply.chunk()) is FaultKind.INTERRUPTED
    assert await fault_of(client.get("/models")) is FaultKind.INTERRUPTED


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in Linux's /proc")
async def test_a_thousand_requests_leave_nothing_behind(serve: Any, make_client: MakeClient) -> None:
    async def script(peer: Any) -> None:
        while True:
            request = await peer.request()
            if b"/break" in request:
                return
            await peer.send(OK)

    server = await serve(script)
    gc.collect()
    before, tasks = descriptors(), len(asyncio.all_tasks())
    client = make_client(server.url, max_connections=20)

    async def one(number: int) -> bytes:
        try:
            reply = await client.post("/break" if number % 7 == 0 else "/chat", b"{}", stream=number % 2 == 0)
            return await reply.read()
        except FaultError as error:
            return error.fault.kind.value.encode()

    answers = await asyncio.gather(*(one(number) for number in range(1000)))
    assert answers.count(b"{}") == 857
    assert answers.count(b"upstream_disconnected") == 143
    await client.aclose()
    await server.until(lambda: server.open == 0)
    deadline = time.monotonic() + 5
    while descriptors() > before and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert descriptors() <= before
    assert len(asyncio.all_tasks()) == tasks


def test_options_do_not_show_the_key() -> None:
    options = ClientOptions("Example", "https://api.example.com", CREDENTIAL)
    assert KEY not in repr(options)
