"""Rows of the fault table with clients and providers of other dialects: streamed and plain, alone and with a second.

The provider's failures are in its dialect, what the client sees is in the client's, and a second provider speaks
OpenAI's. What is said of the rows in `test_table.py` holds for all of them.
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.dialects import anthropic, gemini, ollama, openai_chat, responses
from app.dialects.dialect import Dialect
from app.domain.chat import Answer
from app.domain.faults import Fault, FaultKind
from app.engine.attempt import Call
from dialects import recorded, witness
from dialects.recorded import short
from engine.rig import Rig, make_provider
from faults import plays
from faults.test_table import FINE, ROWS, TIMEOUTS, Case, Seen, final
from faults.upstream import FaultyUpstream

LONG = bool(os.environ.get("SWITCHTOWER_LONG_TESTS"))

_HI = [{"role": "user", "content": "hello"}]
CLIENTS: dict[str, tuple[Dialect, dict[str, Any]]] = {
    "openai": (openai_chat, {"model": "demo", "messages": _HI, "stream_options": {"include_usage": True}}),
    "anthropic": (anthropic, {"model": "demo", "max_tokens": 9, "messages": _HI}),
    "gemini": (gemini, {"contents": [{"parts": [{"text": "hello"}]}]}),
    "ollama": (ollama, {"model": "demo", "messages": _HI}),
    "responses": (responses, {"model": "demo", "input": "hello"}),
}
KINDS = {
    "anthropic": "anthropic",
    "gemini": "gemini",
    "ollama": "ollama-native",
    "cohere": "cohere",
    "responses": "responses-compatible",
}
_MORE = [
    ("responses", "responses"),
    ("responses", "anthropic"),
    ("openai", "responses"),
    ("openai", "anthropic"),
    ("openai", "cohere"),
    ("anthropic", "cohere"),
    ("openai", "ollama"),
    ("ollama", "gemini"),
]
PAIRS = [
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("ollama", "ollama"),
    ("anthropic", "gemini"),
    ("gemini", "anthropic"),
    *(_MORE if LONG else []),
]
"""Client and provider; more of them in the long tests."""

OTHERWISE: dict[tuple[str, int], Seen] = {
    ("anthropic", 19): final(400, "invalid_request_error"),
    ("gemini", 19): final(400, "invalid_request_error"),
    ("cohere", 19): final(400, "invalid_request_error"),
    ("ollama", 19): final(400, "invalid_request_error"),
}
"""What a provider's dialect cannot say: that a filter refused the request."""


@dataclass
class DialectRig(Rig):
    """A relay asked by a client of any dialect."""

    client: str = "openai"

    def call(self, model: str = "demo", operation: Any = None, *, stream: bool = False, **more: Any) -> Call:
        dialect, sent = CLIENTS[self.client]
        sent = sent if dialect is gemini else sent | {"stream": stream}
        verb = "streamGenerateContent" if stream else "generateContent"
        request = recorded.parser(dialect, f"/v1beta/models/demo:{verb}")(json.dumps(sent).encode())  # type: ignore[arg-type]  # a module fulfils the protocol
        return Call(request, dialect, "req_test", "default")


class DialectCase(Case):
    """A case whose first provider and client speak what `pair` says."""

    pair = ("openai", "anthropic")

    def build(self, base_url: str = "", **settings: Any) -> Rig:
        client, provider = self.pair
        values = {"timeouts": TIMEOUTS, "priority": 0, "kind": KINDS[provider]} | settings
        first = base_url or f"http://127.0.0.1:{self.first.port}"
        providers = [make_provider(self.bus, "first", first, **values)]
        if self.healthy:
            providers.append(make_provider(self.bus, "second", self.second.base_url, timeouts=TIMEOUTS, priority=1))
        self.rig = DialectRig(self.bus, providers, client=client)
        return self.rig

    async def see(self, seen: Seen, *, stream: bool) -> None:
        """What the client sees, in its dialect, and who was asked how often."""
        client = self.pair[0]
        answer, body = await self.ask(stream=stream)
        mended = self.healthy and seen.mended
        if mended or not seen.code:
            name = b"second" if mended else b"first"
            assert dict(answer.headers)[b"x-switchtower-provider"] == name
            check_good(client, answer, body, stream=stream, text=name.decode())
        else:
            check_fault(client, answer, body, seen)
        assert len(self.first.posts) == seen.calls
        assert len(self.second.posts) == mended
        assert len(self.rig.finished) == 1


def check_good(client: str, answer: Answer, body: bytes, *, stream: bool, text: str) -> None:
    """The whole answer, with its end and its usage."""
    assert answer.status == 200
    seen = witness.read(short(CLIENTS[client][0]), body, stream=stream)  # type: ignore[arg-type]  # a module
    assert seen.text.startswith(f"{text} says one")
    assert seen.finish == "stop"
    assert (seen.tokens[0], seen.tokens[2]) == (11, 9)


ENDS = {
    "openai": b"[DONE]",
    "anthropic": b"message_stop",
    "gemini": b"finishReason",
    "ollama": b'"done":true',
    "responses": b"response.completed",
}


def check_fault(client: str, answer: Answer, body: bytes, seen: Seen) -> None:
    """The fault, in an envelope or as the last event of a stream that has no end mark."""
    assert answer.status == (529 if seen.code == "provider_overloaded" and client == "anthropic" else seen.status)
    if seen.in_stream:
        assert ENDS[client] not in body
        assert b"says" in body
        body = body.strip().split(b"\n")[-1].removeprefix(b"data: ")
    assert code_of(client, json.loads(body)) == seen.code
    headers = dict(answer.headers)
    if not seen.in_stream:
        helps = Fault(FaultKind(seen.code), "x").policy.should_retry
        assert (headers.get(b"x-should-retry") != b"false") is helps
        assert (b"retry-after" in headers) is helps


def code_of(client: str, told: Any) -> str:
    """Our code in the client's envelope, which must be whole."""
    if client == "ollama":
        assert told["error"]
        return str(told["code"])
    error = told["error"]
    assert error["message"]
    if client == "anthropic":
        assert (told["type"], told["request_id"]) == ("error", "req_test")
        assert error["type"]
    if client == "gemini":
        assert error["status"].isupper()
        return str(error["details"][0]["reason"]).lower()
    return str(error["code"])


@pytest.fixture(params=["alone", "with a healthy second"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[DialectCase]:
    async with FaultyUpstream("first") as first, FaultyUpstream("second") as second:
        made = DialectCase(first, second, healthy=request.param != "alone")
        yield made
        await made.nothing_is_left()


both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])


@both
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
async def test_row(case: DialectCase, pair: tuple[str, str], row: int, stream: bool) -> None:
    play, streamed, plain = ROWS[row]
    case.pair = pair
    case.first.script(play)
    case.build()
    await case.see(OTHERWISE.get((pair[1], row), streamed if stream else plain), stream=stream)


@both
@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
async def test_all_is_well(case: DialectCase, pair: tuple[str, str], stream: bool) -> None:
    case.pair = pair
    case.build()
    await case.see(FINE, stream=stream)


@pytest.mark.parametrize("after", [0, 1, 8])
@pytest.mark.parametrize(
    "play", [plays.ERROR_LATER, plays.TRUNCATED_CHUNKED, plays.NO_FINISH, plays.MALFORMED_EVENT], ids=str
)
@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
@pytest.mark.parametrize("case", ["with a healthy second"], indirect=True)
async def test_before_the_first_content_failover_is_invisible_after_it_there_is_none(
    case: DialectCase, pair: tuple[str, str], play: plays.Play, after: int
) -> None:
    case.pair = pair
    case.first.script(play.but(after=after))
    rig = case.build()
    answer, body = await case.ask(stream=True)
    if after == 0:
        check_good(pair[0], answer, body, stream=True, text="second")
        return
    assert len(case.second.posts) == 0
    assert ENDS[pair[0]] not in body
    code_of(pair[0], json.loads(body.strip().split(b"\n")[-1].removeprefix(b"data: ")))
    assert rig.finished[0].outcome == "incomplete"
