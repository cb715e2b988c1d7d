"""A request that a provider refused for one thing is repaired once, and the repair is remembered where it lasts."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.dialects import anthropic, ollama
from app.dialects.dialect import Dialect
from engine.rig import Rig, read
from faults import plays
from faults.play import Play
from faults.upstream import FaultyUpstream

MakeRig = Callable[..., Rig]
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "foreign"}
TALK = [
    {"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "text", "text": ""}]},
    {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "a"}]},
    {"role": "user", "content": "r"},
]
Case = tuple[Play, dict[str, Any], str, bool]
"""The refusal, the request, what is changed, whether it lasts."""

CASES: dict[str, Case] = {
    "range": (plays.TOO_WARM, {"temperature": 1.7}, "temperature", True),
    "empty": (plays.EMPTY_TEXT, {"messages": TALK}, "messages.text", True),
    "thoughts": (plays.FOREIGN_SIGNATURE, {"messages": TALK}, "messages.thinking", False),
    "budget": (
        plays.SMALL_BUDGET, {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 5}},
        "thinking.budget_tokens", True,
    ),
    "option": (plays.UNSUPPORTED_PARAMETER, {"temperature": 0.5}, "temperature", True),
    "deprecated": (plays.DEPRECATED, {"temperature": 0.5}, "temperature", True),
    "thinking": (plays.NO_THINKING, {"reasoning_effort": "high"}, "reasoning_effort", True),
    "medium": (plays.NO_MEDIUM, {"reasoning_effort": "medium"}, "reasoning_effort", False),
    "length": (plays.LONG_USER, {"user": "u" * 65}, "user", False),
}  # fmt: skip


def header(answer: Any, name: str) -> str | None:
    return next((value.decode() for key, value in answer.headers if key == name.encode()), None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_it_is_sent_once_more_and_said(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, case: Case, stream: bool
) -> None:
    refusal, asked, changed, lasts = case
    first.script(refusal, plays.OK)
    answer = await rig.ask(**asked, stream=stream)
    assert (answer.status, len(first.posts), len(second.posts)) == (200, 2, 0)
    assert header(answer, "x-switchtower-dropped-params") == changed
    if stream:
        assert b"[DONE]" in await read(answer)
    refused, repaired = rig.finished[0].attempts
    assert refused.fault in ("invalid_request_error", "unsupported_parameter")
    assert repaired.reason.startswith("again, with")
    assert first.posts[0].json != first.posts[1].json
    first.script(plays.OK)
    again = await rig.ask(**asked)
    assert header(again, "x-switchtower-dropped-params") == (changed if lasts else None)
    assert rig.finished[1].attempts[0].reason == refused.reason


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_it_is_not_repaired_twice(make_rig: MakeRig, first: FaultyUpstream, case: Case) -> None:
    refusal, asked, _, _ = case
    rig = make_rig(first)
    first.script(refusal)
    assert ((await rig.ask(**asked)).status, len(first.posts)) == (400, 2)


@pytest.mark.parametrize("refusal", [plays.EMPTY_TEXT, plays.FOREIGN_SIGNATURE, plays.SMALL_BUDGET, plays.TOO_WARM])
async def test_where_nothing_can_be_changed_nothing_is_repeated(
    make_rig: MakeRig, first: FaultyUpstream, refusal: Play
) -> None:
    rig = make_rig(first)
    first.script(refusal)
    assert ((await rig.ask(temperature=0.5)).status, len(first.posts)) == (400, 1)
    assert rig.providers[0].repairs == {}


async def test_the_repair_of_one_conversation_is_not_that_of_another_provider(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.script(plays.FOREIGN_SIGNATURE, plays.SERVER_ERROR)
    assert (await rig.ask(messages=TALK)).status == 200
    assert second.posts[0].json["messages"] == TALK


NATIVE: dict[str, tuple[str, Dialect, Play, dict[str, Any], str]] = {
    "anthropic": ("anthropic", anthropic, plays.DEPRECATED, {"temperature": 0.5, "max_tokens": 9}, "temperature"),
    "ollama": ("ollama-native", ollama, plays.NO_THINKING, {"think": True, "stream": False}, "think"),
    "medium": ("ollama-native", ollama, plays.NO_MEDIUM, {"think": "medium", "stream": False}, "think"),
}


@pytest.mark.parametrize(("kind", "dialect", "refusal", "asked", "changed"), NATIVE.values(), ids=NATIVE)
async def test_what_passes_through_in_a_dialect_of_its_own_is_repaired_too(
    make_rig: MakeRig,
    first: FaultyUpstream,
    kind: str,
    dialect: Dialect,
    refusal: Play,
    asked: dict[str, Any],
    changed: str,
) -> None:
    rig = make_rig(first, kind=kind)
    first.script(refusal, plays.OK)
    call = rig.call()
    body = json.dumps(json.loads(call.request.body) | asked).encode()
    answer = await rig.relay.handle(replace(call, request=dialect.parse_request(body), dialect=dialect))
    assert (answer.status, len(first.posts)) == (200, 2)
    assert header(answer, "x-switchtower-dropped-params") == changed
    assert {**first.posts[1].json, changed: asked[changed]} == first.posts[0].json


async def test_a_wish_to_think_that_is_left_out_is_named_whatever_the_client_called_it(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    first.script(plays.NO_THINKING, plays.OK)
    rig = make_rig(first, kind="ollama-native")
    answer = await rig.ask(reasoning_effort="high")
    assert (answer.status, header(answer, "x-switchtower-dropped-params")) == (200, "think")
    assert [post.json.get("think") for post in first.posts] == ["high", None]


async def test_a_claude_that_always_thinks_is_asked_again_each_time_it_was_told_not_to(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first, kind="anthropic")
    first.script(plays.ALWAYS_THINKS, plays.OK)
    answer = await rig.ask("claude-opus-5-5", reasoning_effort="none")
    assert (answer.status, header(answer, "x-switchtower-dropped-params")) == (200, "thinking")
    assert [post.json.get("thinking") for post in first.posts] == [{"type": "disabled"}, None]
    assert rig.finished[0].attempts[1].reason == "again, without thinking"
    first.script(plays.OK)
    assert (await rig.ask("claude-opus-5-5", reasoning_effort="high")).status == 200
    assert first.posts[2].json["thinking"] == {"type": "adaptive", "display": "summarized"}
