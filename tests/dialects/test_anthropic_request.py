"""Anthropic requests into the hub, and the identity of a round trip on everything recorded."""

import copy
import json
from typing import Any

import pytest

from app.dialects import anthropic
from app.domain.faults import FaultError
from app.domain.hub import CacheMark, ChoiceMode, Document, Image, Opaque, Reasoning, Role, Text, Thought, ToolResult
from dialects.translating import anthropic_request


def blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def same(body: dict[str, Any]) -> dict[str, Any]:
    """What a request says: strings as blocks, turns of one role joined as the API joins them, nulls and blanks gone."""
    body = {key: value for key, value in copy.deepcopy(body).items() if value not in (None, False)}
    turns: list[dict[str, Any]] = []
    for message in body["messages"]:
        found = [block for block in blocks(message["content"]) if block.get("text", "x").strip()]
        for block in found:
            if block["type"] == "tool_result":
                block["content"] = blocks(block.get("content") or [])
                block["is_error"] = bool(block.get("is_error"))
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += found
        else:
            turns.append({"role": message["role"], "content": found})
    tools = [{k: v for k, v in tool.items() if (k, v) != ("description", "")} for tool in body.pop("tools", [])]
    return {**body, "system": blocks(body.get("system")), "messages": turns, "tools": tools}


def test_a_round_trip_says_the_same_for_every_recorded_request(anthropic_exchanges: list[dict[str, Any]]) -> None:
    assert len(anthropic_exchanges) > 130
    for exchange in anthropic_exchanges:
        body = exchange["req"]
        written = anthropic.write_request(anthropic.read_request(json.dumps(body).encode()), body["model"])
        assert same(json.loads(written.body)) == same(body)
        assert written.dropped == ()


def test_tool_results_become_messages_of_their_own() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": "no"}
    request = anthropic_request(
        messages=[{"role": "user", "content": [{"type": "text", "text": "Go on."}, result]}], system="Be brief."
    )
    assert [m.role for m in request.messages] == [Role.SYSTEM, Role.TOOL, Role.USER]
    assert request.messages[1].parts == (ToolResult("a", (Text("no"),), is_error=True),)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("a", CacheMark("1h")),
        ),
        ({"type": "thinking", "thinking": "t", "signature": "S"}, Thought("t", "S", origin="anthropic")),
        ({"type": "redacted_thinking", "data": "D"}, Thought(sealed="D", origin="anthropic")),
        ({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}, Image(url="https://x/y.png")),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "w"}},
            Document(text="w", media_type="text/plain", name="T"),
        ),
        ({"type": "compaction", "content": "x"}, Opaque("anthropic", {"type": "compaction", "content": "x"})),
    ],
)
def test_every_block_has_its_place_and_unknown_ones_are_kept(block: dict[str, Any], part: object) -> None:
    assert anthropic_request(messages=[{"role": "user", "content": [block]}]).messages[0].parts == (part,)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Reasoning(budget=2048)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(budget=-1, show=False)),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget=0)),
        ({"output_config": {"effort": "high"}}, Reasoning("high")),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, Reasoning(budget=0)),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, Reasoning("low")),
        ({}, None),
    ],
)
def test_thinking(sent: dict[str, Any], read: Reasoning | None) -> None:
    assert anthropic_request(**sent).reasoning == read


def test_tool_choice() -> None:
    choice = anthropic_request(tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True}).tool_choice
    assert (choice.mode, choice.names, choice.parallel) == (ChoiceMode.REQUIRED, ("f",), False)
    assert anthropic_request(tool_choice={"type": "none"}).tool_choice.mode is ChoiceMode.NONE


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
        {"tools": [{"description": "x"}]},
        {"tool_choice": {"type": "maybe"}},
        {"max_tokens": "many"},
    ],
)
def test_nonsense_is_refused_by_name(body: dict[str, Any]) -> None:
    with pytest.raises(FaultError) as refused:
        anthropic_request(**body)
    assert refused.value.fault.param
