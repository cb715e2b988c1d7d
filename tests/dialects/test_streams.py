"""Every client reads every provider's stream whole, however it is cut and however its calls interleave.

100 invented streams for each property here, 10,000 with SWITCHTOWER_LONG_TESTS=1, each translated for every client.
"""

import json
import os
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.dialects import anthropic, gemini, ollama, ollama_generate, openai_chat, responses
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest
from app.net.faults import fault_from_error
from dialects import invented, matrix, recorded, witness
from dialects.invented import Invented
from dialects.recorded import short
from dialects.responses_rig import checked_items
from dialects.translating import checked_blocks

LONG = bool(os.environ.get("SWITCHTOWER_LONG_TESTS"))
many = settings(
    max_examples=10_000 if LONG else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
slow = pytest.mark.timeout(3600 if LONG else 60)

_HI = [{"role": "user", "content": "Hi"}]
ASKED: dict[ModuleType, dict[str, Any]] = {
    openai_chat: {"model": "m", "messages": _HI, "stream": True, "stream_options": {"include_usage": True}},
    responses: {"model": "m", "input": "Hi", "stream": True, "reasoning": {"summary": "auto"}},
    anthropic: {"model": "m", "max_tokens": 9, "messages": _HI, "stream": True},
    gemini: {
        "contents": [{"parts": [{"text": "Hi"}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    },
    ollama: {"model": "m", "messages": _HI},
    ollama_generate: {"model": "m", "prompt": "Hi"},
}
REQUESTS: dict[ModuleType, ApiRequest] = {
    client: recorded.parser(client, "/v1beta/models/m:streamGenerateContent")(json.dumps(sent).encode())
    for client, sent in ASKED.items()
}


def translated(client: ModuleType, provider: str, reads: list[bytes]) -> tuple[bytes, Any]:
    """What the client gets for these reads, and the stream at its end."""
    stream = Translation(client, matrix.DIALECTS[provider], clock=lambda: 1.7e9).open_stream(REQUESTS[client])
    out = b"".join([stream.feed(read) for read in reads])
    return out + stream.finish(), stream


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in reads of any size."""
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(at)]


# -- the form of each client's stream, whole or broken off


def check_chat(out: bytes, *, whole: bool) -> None:
    """Every call is begun once with id and name, arguments go to calls that are begun, one finish, one end mark."""
    begun: set[int] = set()
    finishes = 0
    for at, chunk in enumerate(witness.events(out)):
        for choice in chunk["choices"]:
            delta = choice["delta"]
            assert ("role" in delta) is (at == 0)
            assert finishes == 0
            for call in delta.get("tool_calls", []):
                assert ("id" in call) is (call["index"] not in begun)
                assert ("name" in call["function"]) is ("id" in call)
                begun.add(call["index"])
            finishes += choice["finish_reason"] is not None
    assert (finishes, out.count(b"data: [DONE]\n\n")) == ((1, 1) if whole else (0, 0))
    assert begun == set(range(len(begun)))


def check_anthropic(out: bytes, *, whole: bool) -> None:
    """One open block at a time, deltas to the open one; all closed at the end."""
    checked_blocks(out)
    kinds = [event["type"] for event in witness.events(out)]
    assert kinds[:1] in (["message_start"], [])
    if whole:
        assert kinds[-2:] == ["message_delta", "message_stop"]
        assert kinds.count("content_block_start") == kinds.count("content_block_stop")
    else:
        assert not {"message_delta", "message_stop"} & set(kinds)


def check_responses(out: bytes, *, whole: bool) -> None:
    """Numbers without a gap; every item that is begun is done, with what its deltas said."""
    if whole:
        checked_items(out)
    kinds = [event["type"] for event in witness.events(out)]
    assert any(kind in ("response.completed", "response.incomplete") for kind in kinds) is whole
    assert [event["sequence_number"] for event in witness.events(out)] == list(range(len(kinds)))


def check_gemini(out: bytes, *, whole: bool) -> None:
    """The reason why it ended and the usage come in the last event."""
    events = witness.events(out)
    ends = [any("finishReason" in one for one in event["candidates"]) for event in events]
    assert ends == [False] * (len(ends) - whole) + [True] * whole
    assert ["usageMetadata" in event for event in events] == ends


def check_ollama(out: bytes, *, whole: bool) -> None:
    """Whole lines; only the last is the end."""
    lines = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
    assert [line["done"] for line in lines] == [False] * (len(lines) - whole) + [True] * whole


FORMS: dict[ModuleType, Callable[..., None]] = {
    openai_chat: check_chat,
    responses: check_responses,
    anthropic: check_anthropic,
    gemini: check_gemini,
    ollama: check_ollama,
    ollama_generate: check_ollama,
}


# -- what each client must have seen


NO_FILTER = frozenset({"ollama", "cohere"})
"""Who never says that an answer was filtered, and counts no cached tokens."""


def finish_for(client: ModuleType, provider: str, answer: Invented) -> str:
    """Why it ended, as far as provider and client can say it."""
    finish = answer.finish
    if provider in NO_FILTER and finish == "filter":
        finish = "stop"
    if client in (ollama, ollama_generate) and finish == "filter":
        finish = "stop"
    return "calls" if finish == "stop" and answer.calls and client is not ollama_generate else finish


def check(client: ModuleType, provider: str, answer: Invented, out: bytes) -> None:
    """The client sees what was said, nothing more, in order."""
    FORMS[client](out, whole=True)
    seen = witness.read(short(client), out, stream=True)
    assert seen.text + seen.refusal == answer.said("text")
    assert without_breaks(seen.thoughts) == without_breaks(answer.said("thought"))
    wanted = [(f"tool_{at}", json.loads(text or "{}")) for at, text in enumerate(answer.calls)]
    assert seen.calls == ([] if client is ollama_generate else wanted)
    into, cached, output = answer.tokens
    cached = 0 if provider in NO_FILTER or client in (ollama, ollama_generate) else cached
    assert tuple(count or 0 for count in seen.tokens) == (into, cached, output)
    assert seen.finish == finish_for(client, provider, answer)


def without_breaks(thoughts: str) -> str:
    """Thoughts without the blank lines that stand between two of them."""
    return thoughts.replace("\n\n", "")


@slow
@many
@given(st.sampled_from(list(invented.STREAMS)), invented.answers(), st.lists(st.integers(0, 1 << 16), max_size=12))
def test_every_client_sees_what_was_said(provider: str, answer: Invented, cuts: list[int]) -> None:
    sent = b"".join(invented.STREAMS[provider](answer))
    for client in ASKED:
        if client is not matrix.DIALECTS[provider]:
            out, stream = translated(client, provider, cut(sent, cuts))
            assert (stream.complete, stream.error) == (True, None)
            assert (stream.usage.input, stream.usage.output) == (answer.tokens[0], answer.tokens[2])
            check(client, provider, answer, out)


@slow
@many
@given(
    st.sampled_from(list(invented.STREAMS)),
    invented.answers(),
    st.lists(st.integers(0, 1 << 16), max_size=12),
    st.integers(0, 1 << 16),
)
def test_an_error_in_the_middle_is_told_in_every_dialect(
    provider: str, answer: Invented, cuts: list[int], place: int
) -> None:
    events = invented.STREAMS[provider](answer)
    ends = 1 + (provider == "anthropic") + 2 * (provider == "chat")
    at = place % (len(events) - ends + 1)
    sent = b"".join([*events[:at], invented.ERRORS[provider], *events[at:]])
    for client in ASKED:
        if client is not matrix.DIALECTS[provider]:
            out, stream = translated(client, provider, cut(sent, cuts))
            assert (stream.complete, stream.ended) == (False, True)
            assert stream.error is not None
            assert "Out of breath" in stream.error.message
            FORMS[client](out, whole=False)
            told = client.render_stream_fault(fault_from_error("Acme", stream.error), "req_1")
            assert b"Out of breath" in told


@slow
@many
@given(
    st.sampled_from(list(invented.STREAMS)),
    invented.answers(),
    st.lists(st.integers(0, 1 << 16), max_size=12),
    st.integers(0, 1 << 16),
)
def test_a_stream_that_breaks_off_is_never_complete_and_never_said_to_be(
    provider: str, answer: Invented, cuts: list[int], length: int
) -> None:
    events = invented.STREAMS[provider](answer)
    ends = 1 + (provider == "anthropic") + 2 * (provider == "chat")
    head = b"".join(events[: len(events) - ends])
    sent = head[: length % (len(head) + 1)]
    for client in ASKED:
        if client is not matrix.DIALECTS[provider]:
            whole, _ = translated(client, provider, [sent])
            out, stream = translated(client, provider, cut(sent, cuts))
            assert not stream.complete
            assert steady(out) == steady(whole)
            FORMS[client](out, whole=False)


def steady(out: bytes) -> bytes:
    """What a client gets without times, which pass."""
    return b"".join(line for line in out.splitlines(keepends=True) if b"_duration" not in line)
