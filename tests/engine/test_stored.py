"""Stored responses are asked for where they are kept, by real providers on loopback."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.chat import Answer
from app.domain.faults import FaultError, FaultKind
from app.domain.secret import Secret
from app.engine.bus import Bus
from app.engine.kept import Kept
from app.engine.provider import Provider
from app.engine.stored import Wanted, ask
from app.providers.catalog import CATALOG
from app.store import log
from app.store.settings import Provider as Settings
from contract.responses_upstream import ResponsesUpstream

KINDS = {row.id: row for row in CATALOG}
RESPONSE = {"id": "resp_1", "model": "m", "status": "completed", "output": [], "usage": None}


def made(upstream: ResponsesUpstream, kind: str = "responses-compatible", **more: Any) -> Provider:
    return Provider(Settings(id=upstream.name, kind=kind, base_url=upstream.base_url, **more), KINDS[kind], None, Bus())


@pytest.fixture
async def upstreams() -> AsyncIterator[list[ResponsesUpstream]]:
    async with ResponsesUpstream("one") as one, ResponsesUpstream("two", kept={"resp_1": dict(RESPONSE)}) as two:
        yield [one, two]


@pytest.fixture
async def providers(upstreams: list[ResponsesUpstream]) -> AsyncIterator[list[Provider]]:
    found = [made(upstream) for upstream in upstreams]
    yield found
    for provider in found:
        assert provider.in_flight == 0
        await provider.close()


async def whole(answer: Answer) -> bytes:
    return answer.body if answer.stream is None else b"".join([chunk async for chunk in answer.stream])


async def test_it_is_looked_for_once_and_known_from_then_on(
    providers: list[Provider], upstreams: list[ResponsesUpstream]
) -> None:
    kept = Kept()
    for _ in range(2):
        answer = await ask(Wanted("GET", "resp_1", query="include=x"), providers, kept)
        assert json.loads(answer.body)["id"] == "resp_1"
        assert (b"x-switchtower-provider", b"two") in answer.headers
    assert [len(upstream.asked) for upstream in upstreams] == [1, 2]
    assert upstreams[1].asked[0].line == "GET /v1/responses/resp_1?include=x HTTP/1.1"


async def test_its_input_cancelling_and_deleting_it(
    providers: list[Provider], upstreams: list[ResponsesUpstream]
) -> None:
    kept = Kept()
    kept.keep(("resp_1",), "two")
    items = await ask(Wanted("GET", "resp_1", "/input_items", "limit=5"), providers, kept)
    assert json.loads(items.body)["query"] == "limit=5"
    assert json.loads((await ask(Wanted("POST", "resp_1", "/cancel"), providers, kept)).body)["status"] == "cancelled"
    assert json.loads((await ask(Wanted("DELETE", "resp_1"), providers, kept)).body)["deleted"] is True
    assert len(kept) == 0
    assert not upstreams[0].asked
    with pytest.raises(FaultError) as gone:
        await ask(Wanted("GET", "resp_1"), providers, kept)
    assert gone.value.fault.kind is FaultKind.NOT_FOUND


async def test_a_stored_stream_is_passed_on(providers: list[Provider], upstreams: list[ResponsesUpstream]) -> None:
    answer = await ask(Wanted("GET", "resp_1", query="stream=true"), providers, Kept())
    assert (await whole(answer)) == upstreams[1].sent
    assert (b"content-type", b"text/event-stream; charset=utf-8") in answer.headers


async def test_a_stored_stream_that_breaks_off_ends_with_an_error(
    providers: list[Provider], upstreams: list[ResponsesUpstream]
) -> None:
    upstreams[1].kept["resp_1"]["status"] = "nowhere"
    answer = await ask(Wanted("GET", "resp_1", query="stream=true", request_id="r"), providers, Kept())
    assert b"broke the stream off" in await whole(answer)


async def test_a_stored_stream_that_failed_says_why(
    providers: list[Provider], upstreams: list[ResponsesUpstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Too much."}}
    event = b"data: " + json.dumps({"type": "response.failed", "response": failed}).encode() + b"\n\n"
    monkeypatch.setattr(upstreams[1], "_answer", lambda asked: (200, event, "text/event-stream"))
    answer = await ask(Wanted("GET", "resp_1", query="stream=true", request_id="r"), providers[1:], Kept())
    told = await whole(answer)
    assert b"Too much." in told
    assert b"rate_limit_exceeded" in told
    assert b"broke the stream off" not in told


@pytest.mark.parametrize("one", ["resp_9", "../models", "resp_1?x", "", "x" * 300])
async def test_what_nobody_keeps(providers: list[Provider], one: str) -> None:
    with pytest.raises(FaultError) as refused:
        await ask(Wanted("GET", one), providers, Kept())
    assert refused.value.fault.kind is FaultKind.NOT_FOUND
    assert "store: false" in refused.value.fault.text


async def test_who_keeps_none_is_not_asked(upstreams: list[ResponsesUpstream]) -> None:
    provider = made(upstreams[1], "openai-compatible")
    with pytest.raises(FaultError, match="No provider keeps"):
        await ask(Wanted("GET", "resp_1"), [provider], Kept())
    assert not upstreams[1].asked


async def test_a_provider_that_refuses_is_told_of_when_nobody_else_has_it(
    providers: list[Provider], upstreams: list[ResponsesUpstream]
) -> None:
    upstreams[0].error = (401, {"message": "Bad key."})
    assert (await ask(Wanted("GET", "resp_1"), providers, Kept())).status == 200
    with pytest.raises(FaultError) as refused:
        await ask(Wanted("GET", "resp_2"), providers, Kept())
    assert refused.value.fault.kind is FaultKind.AUTH


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_key_that_a_provider_repeats_is_not_passed_on(upstreams: list[ResponsesUpstream], status: int) -> None:
    log.remember(Secret("0123456789-canary"))  # one that has not the shape of a key
    upstreams[0].error = (status, {"message": "Bad key 0123456789-canary."})
    provider = made(upstreams[0])
    with pytest.raises(FaultError) as refused:
        await ask(Wanted("GET", "resp_1"), [provider], Kept())
    await provider.close()
    assert "canary" not in refused.value.fault.text
    assert refused.value.fault.provider == "one"
