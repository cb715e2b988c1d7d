"""Every row of the fault table: streamed and plain, alone and with a healthy second provider; 168 cases.

Each case looks at what the client gets, how often the upstream was asked, how long it took, and what is left over.
"""

import asyncio
import datetime
import gc
import json
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from app.domain.chat import Answer
from app.domain.faults import Fault, FaultKind
from app.domain.status import BreakerState
from app.engine.bus import Bus
from app.engine.provider import Provider
from app.net.client import UpstreamClient
from engine.rig import Rig, make_provider
from faults import plays
from faults.play import Framing, Play
from faults.upstream import FaultyUpstream, unanswering_port

DEADLINE_S = 1.0
TOTAL_S = 3.0  # room for two attempts on a machine that is busy otherwise
TIMEOUTS = {"connect_s": DEADLINE_S, "first_byte_s": DEADLINE_S, "idle_s": DEADLINE_S, "total_s": TOTAL_S}
MANY = 1000 if os.environ.get("SWITCHTOWER_LONG_TESTS") else 50


@dataclass(frozen=True)
class Seen:
    """What the client gets from the first provider's fault: a status with a code, or a stream that ends with it."""

    status: int
    code: str
    calls: int
    mended: bool = True
    in_stream: bool = False


def refused(status: int, code: str, calls: int = 1) -> Seen:
    return Seen(status, code, calls)


def final(status: int, code: str) -> Seen:
    return Seen(status, code, 1, mended=False)


def broken(code: str) -> Seen:
    return Seen(200, code, 1, mended=False, in_stream=True)


FINE = Seen(200, "", 1, mended=False)
ROWS: dict[int, tuple[Play, Seen, Seen]] = {  # the play, streamed, plain
    6: (plays.DISCONNECT, *[refused(502, "upstream_disconnected", 2)] * 2),
    7: (plays.RESET, *[refused(502, "upstream_reset", 2)] * 2),
    8: (plays.HANG, *[refused(504, "upstream_timeout")] * 2),
    9: (plays.GARBAGE, *[refused(502, "malformed_http")] * 2),
    10: (plays.INVALID_KEY, *[refused(502, "provider_auth")] * 2),
    11: (plays.QUOTA, *[refused(429, "insufficient_quota")] * 2),
    12: (plays.RATE_LIMIT, *[refused(429, "rate_limit_exceeded")] * 2),
    13: (plays.SERVER_ERROR, *[refused(502, "provider_error", 2)] * 2),
    14: (plays.BAD_GATEWAY, *[refused(503, "provider_unavailable", 2)] * 2),
    15: (plays.OVERLOADED, *[refused(503, "provider_overloaded", 2)] * 2),
    16: (plays.CONFLICT, *[refused(409, "provider_conflict", 2)] * 2),
    17: (plays.BAD_REQUEST, *[final(400, "invalid_request_error")] * 2),
    18: (plays.CONTEXT_LENGTH, *[final(400, "context_length_exceeded")] * 2),
    19: (plays.CONTENT_FILTER, *[final(400, "content_filter")] * 2),
    20: (plays.MODEL_NOT_FOUND, *[refused(404, "model_not_found")] * 2),
    21: (plays.UNSUPPORTED_PARAMETER, *[final(400, "unsupported_parameter")] * 2),
    22: (plays.REDIRECT, *[refused(502, "unexpected_redirect")] * 2),
    23: (plays.HTML, *[refused(502, "bad_upstream_reply")] * 2),
    24: (plays.ERROR_BODY, *[refused(502, "provider_error", 2)] * 2),
    25: (plays.ERROR_FIRST, *[refused(502, "provider_error", 2)] * 2),
    26: (plays.ERROR_LATER, broken("provider_error"), refused(502, "provider_error", 2)),
    27: (plays.STALL, broken("upstream_stalled"), refused(502, "upstream_stalled")),
    28: (plays.TRUNCATED_CHUNKED, broken("upstream_truncated"), refused(502, "upstream_truncated")),
    29: (plays.EOF_WITHOUT_FRAMING, broken("upstream_truncated"), refused(502, "bad_upstream_reply")),
    30: (plays.RESET_LATER, broken("upstream_truncated"), refused(502, "upstream_truncated")),
    31: (plays.MALFORMED_EVENT, broken("bad_upstream_event"), refused(502, "bad_upstream_reply")),
    32: (
        plays.COMMENTS.but(framing=Framing.CHUNKED),
        refused(504, "upstream_silent"),
        refused(502, "upstream_stalled"),
    ),
    33: (plays.BAD_GZIP, *[refused(502, "bad_content_encoding")] * 2),
    34: (plays.UNKNOWN_ENCODING, *[refused(502, "bad_content_encoding")] * 2),
    35: (plays.ENDLESS, *[refused(502, "reply_too_large")] * 2),
    36: (plays.EXTRA_BYTES, FINE, FINE),
}


class Case:
    """The providers of one case and what is left over of them."""

    def __init__(self, first: FaultyUpstream, second: FaultyUpstream, *, healthy: bool) -> None:
        self.first, self.second, self.healthy = first, second, healthy
        self.bus = Bus()
        self.rig: Rig

    def build(self, base_url: str = "", **settings: Any) -> Rig:
        values = {"timeouts": TIMEOUTS, "priority": 0} | settings
        providers = [make_provider(self.bus, "first", base_url or self.first.base_url, **values)]
        if self.healthy:
            providers.append(make_provider(self.bus, "second", self.second.base_url, timeouts=TIMEOUTS, priority=1))
        self.rig = Rig(self.bus, providers)
        return self.rig

    @property
    def provider(self) -> Provider:
        return self.rig.providers[0]

    async def ask(self, *, stream: bool) -> tuple[Answer, bytes]:
        """The answer with the whole of its body, within its deadlines."""
        began_s = time.monotonic()
        answer = await self.rig.ask(stream=stream)
        body = answer.body if answer.stream is None else b"".join([chunk async for chunk in answer.stream])
        assert time.monotonic() - began_s < TOTAL_S + DEADLINE_S
        return answer, body

    async def expect(self, seen: Seen, *, stream: bool, calls: int | None = None) -> Answer:
        """What the client sees, who was asked how often, and the one account of it."""
        answer, body = await self.ask(stream=stream)
        if self.healthy and seen.mended:
            assert dict(answer.headers)[b"x-switchtower-provider"] == b"second"
            check_good(answer, body, stream=stream)
        elif not seen.code:
            check_good(answer, body, stream=stream)
        else:
            check_fault(answer, body, seen)
        assert len(self.first.posts) == (seen.calls if calls is None else calls)
        assert len(self.second.posts) == (1 if self.healthy and seen.mended else 0)
        assert len(self.rig.finished) == 1
        return answer

    async def nothing_is_left(self) -> None:
        for provider in self.rig.providers:
            assert provider.in_flight == 0
            await provider.close()
        assert not self.rig.means.running
        for upstream in (self.first, self.second):
            await upstream.wait(lambda upstream=upstream: upstream.open_connections == 0)


def check_good(answer: Answer, body: bytes, *, stream: bool) -> None:
    assert answer.status == 200
    assert body.endswith(b"data: [DONE]\n\n") if stream else json.loads(body)["choices"]


def check_fault(answer: Answer, body: bytes, seen: Seen) -> None:
    assert answer.status == seen.status
    if seen.in_stream:
        assert b"[DONE]" not in body
        body = body.strip().split(b"\n\n")[-1].removeprefix(b"data: ")
    error = json.loads(body)["error"]
    assert error["code"] == seen.code
    headers = dict(answer.headers)
    if not seen.in_stream:
        helps = Fault(FaultKind(seen.code), "x").policy.should_retry
        assert (headers.get(b"x-should-retry") != b"false") is helps
        assert (b"retry-after" in headers) is helps


@pytest.fixture(params=["alone", "with a healthy second"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with FaultyUpstream("first") as first, FaultyUpstream("second") as second:
        tasks, before = len(asyncio.all_tasks()), descriptors()
        made = Case(first, second, healthy=request.param != "alone")
        yield made
        await made.nothing_is_left()
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > tasks or descriptors() > before:
                gc.collect()
                await asyncio.sleep(0.01)


def descriptors() -> int:
    """How many files and sockets are open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])


@both
@pytest.mark.parametrize("row", ROWS)
async def test_row(case: Case, row: int, stream: bool) -> None:
    play, streamed, plain = ROWS[row]
    case.first.script(play)
    case.build()
    await case.expect(streamed if stream else plain, stream=stream)
    if not case.healthy:
        assert case.provider.guard.breaker.state is BreakerState.CLOSED, "one request opens no breaker"


@both
async def test_row_1_connection_refused(case: Case, stream: bool) -> None:
    case.first.kill()
    case.build()
    await case.expect(refused(502, "provider_unreachable"), stream=stream, calls=0)


@both
async def test_row_2_dns_failure(case: Case, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    resolve = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: str, *args: Any, **more: Any) -> Any:
        return unknown() if host == "no-such-host.test" else await resolve(host, *args, **more)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    case.build("https://no-such-host.test/v1", proxy="none")
    await case.expect(refused(502, "dns_failure"), stream=stream, calls=0)


def tls_upstream(**certificate: Any) -> tuple[trustme.CA, FaultyUpstream]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", **certificate).configure_cert(context)
    return authority, FaultyUpstream("first", tls=context)


@both
async def test_row_3_tls_error(case: Case, stream: bool) -> None:
    _, upstream = tls_upstream()
    with upstream:
        case.build(upstream.base_url)
        await case.expect(refused(502, "tls_error"), stream=stream, calls=0)
        await case.provider.close()
    assert case.provider.guard.breaker.state is BreakerState.CLOSED


@both
async def test_row_41_clock_wrong(case: Case, stream: bool, tmp_path: Path) -> None:
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    authority, upstream = tls_upstream(not_after=long_ago)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with upstream:
        case.build(upstream.base_url, ca_file=str(tmp_path / "ca.pem"))
        await case.expect(refused(502, "tls_error"), stream=stream, calls=0)
        assert "date and time" in case.provider.status().detail
        await case.provider.close()


@both
async def test_row_4_connect_hang(case: Case, stream: bool) -> None:
    with unanswering_port() as port:
        case.build(f"http://127.0.0.1:{port}/v1", retry={"attempts": 1})
        await case.expect(refused(504, "connect_timeout"), stream=stream, calls=0)


@both
async def test_row_5_pool_exhausted(case: Case, stream: bool) -> None:
    rig = case.build(pool={"max_connections": 1}, timeouts=TIMEOUTS | {"total_s": 30})
    case.provider._client = UpstreamClient(replace(case.provider._options(), pool_s=0.1))
    case.first.script(plays.HANG)
    holder = asyncio.get_running_loop().create_task(rig.ask(stream=False))
    await case.first.wait(lambda: len(case.first.posts) == 1)
    await case.expect(refused(503, "busy"), stream=stream, calls=1)
    holder.cancel()
    await asyncio.wait({holder})
    assert case.provider.guard.breaker.state is BreakerState.CLOSED


async def leave(case: Case, play: Play, *, stream: bool) -> float:
    """Ask and go away; the seconds until the upstream's connection was closed."""
    case.first.script(play)
    seen = len(case.first.posts)
    task = asyncio.get_running_loop().create_task(case.rig.ask(stream=stream))
    await case.first.wait(lambda: len(case.first.posts) == seen + 1)
    left_s = time.monotonic()
    if stream and play is plays.STALL:
        answer = await task
        assert answer.stream is not None
        assert await anext(answer.stream)
        left_s = time.monotonic()
        await answer.stream.aclose()
    task.cancel()
    await asyncio.wait({task})
    await case.first.wait(lambda: case.first.open_connections == 0)
    return max((c.closed_at_s or 0.0) for c in case.first.connections) - left_s


@both
async def test_row_37_client_disconnects(case: Case, stream: bool) -> None:
    rig = case.build(timeouts=TIMEOUTS | {"total_s": 30, "first_byte_s": 30})
    took_s = await leave(case, plays.STALL if stream else plays.HANG, stream=stream)
    assert took_s < 0.5
    assert (rig.finished[0].outcome, len(case.second.posts)) == ("cancelled", 0)
    assert case.provider.guard.breaker.state is BreakerState.CLOSED


@both
async def test_row_38_client_reads_slowly(case: Case, stream: bool) -> None:
    rig = case.build()
    answer = await rig.ask(stream=stream)
    parts = []
    if answer.stream is not None:
        async for chunk in answer.stream:
            parts.append(chunk)
            await asyncio.sleep(0.05)
    check_good(answer, b"".join(parts) or answer.body, stream=stream)
    assert rig.finished[0].outcome == "ok"


@both
async def test_row_39_sleep(case: Case, stream: bool) -> None:
    rig = case.build(timeouts=TIMEOUTS | {"total_s": 30, "first_byte_s": 30, "idle_s": 30})
    case.first.script(plays.STALL if stream else plays.HANG, plays.OK)
    asking = asyncio.get_running_loop().create_task(rig.ask(stream=stream))
    await case.first.wait(lambda: len(case.first.posts) == 1)
    fault = Fault(FaultKind.INTERRUPTED, "The computer slept.", retry_after_s=1.0)
    if stream:
        answer = await asking
        reading = asyncio.get_running_loop().create_task(whole(answer))
        await asyncio.sleep(0.02)
        await rig.relay.interrupt(fault)
        check_fault(answer, await reading, broken("interrupted"))
    else:
        await rig.relay.interrupt(fault)
        answer = await asking
        check_fault(answer, answer.body, final(503, "interrupted"))
    assert len(case.second.posts) == 0
    assert (await case.ask(stream=stream))[0].status == 200


async def whole(answer: Answer) -> bytes:
    assert answer.stream is not None
    return b"".join([chunk async for chunk in answer.stream])


@both
async def test_row_40_nobody_can_be_reached(case: Case, stream: bool) -> None:
    case.first.kill()
    case.second.kill()
    rig = case.build()
    answer, body = await case.ask(stream=stream)
    expected = (503, "offline") if case.healthy else (502, "provider_unreachable")
    assert (answer.status, json.loads(body)["error"]["code"]) == expected
    assert b"retry-after" in dict(answer.headers)
    assert all(provider.guard.breaker.state is BreakerState.CLOSED for provider in rig.providers)


@both
async def test_row_42_provider_disabled(case: Case, stream: bool) -> None:
    case.build(enabled=False)
    await case.expect(refused(503, "provider_disabled"), stream=stream, calls=0)


# -- the commit rule


@pytest.mark.parametrize("after", [0, 1, 7, 8])
@pytest.mark.parametrize(
    "play",
    [
        plays.ERROR_LATER,
        plays.STALL,
        plays.TRUNCATED_CHUNKED,
        plays.EOF_WITHOUT_FRAMING,
        plays.NO_FINISH,
        plays.RESET_LATER,
        plays.MALFORMED_EVENT,
    ],
    ids=str,
)
@pytest.mark.parametrize("case", ["with a healthy second"], indirect=True)
async def test_before_the_first_content_failover_is_invisible_after_it_there_is_none(
    case: Case, play: Play, after: int
) -> None:
    case.first.script(play.but(after=after))
    rig = case.build()
    answer, body = await case.ask(stream=True)
    if after == 0:
        assert dict(answer.headers)[b"x-switchtower-provider"] == b"second"
        check_good(answer, body, stream=True)
        assert b"first" not in body
    else:
        assert len(case.second.posts) == 0
        assert b"[DONE]" not in body
        assert "error" in json.loads(body.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
        assert rig.finished[0].outcome == "incomplete"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", ["alone"], indirect=True)
async def test_many_clients_go_away_and_nothing_is_left(case: Case) -> None:
    rig = case.build(timeouts=TIMEOUTS | {"total_s": 60, "first_byte_s": 60, "idle_s": 60})
    kinds: list[Callable[[], Any]] = [
        lambda: leave(case, plays.HANG, stream=False),
        lambda: leave(case, plays.HANG, stream=True),
        lambda: leave(case, plays.STALL, stream=True),
    ]
    took_s = sorted([await kinds[number % 3]() for number in range(MANY)])
    assert took_s[len(took_s) // 2] < 0.1
    assert case.provider.guard.breaker.state is BreakerState.CLOSED
    assert {event.outcome for event in rig.finished} == {"cancelled"}
