"""Whatever JSON comes, requests are read or refused and replies and streams are read or fail: never anything else."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dialects import anthropic, gemini, openai_chat
from app.domain.faults import FaultError, InBandError
from dialects.translating import (
    anthropic_request,
    anthropic_stream,
    call,
    gemini_request,
    gemini_stream,
    openai_request,
    openai_stream,
    sse_events,
)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.builds(lambda: {"type": "text"})),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)
OPENAI = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s", "name": "n"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/plain;base64,QQ=="}}]},
        {
            "role": "assistant",
            "content": None,
            "reasoning_details": [{"type": "reasoning.text", "text": "t", "format": "f"}],
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "r"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"properties": {"a": {}}}}},
    "stop": ["x"],
    "reasoning": {"effort": "low"},
}
ANTHROPIC = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "x"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}]},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u"},
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "x"}, {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}]},
        {
            "role": "model",
            "parts": [
                {"text": "t", "thought": True, "thoughtSignature": "s"},
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "r"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {}}}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {"stopSequences": ["x"], "thinkingConfig": {"thinkingBudget": 5}, "responseSchema": {}},
}
REPLIES = [
    {
        "candidates": [
            {
                "content": {"parts": [{"text": "t", "thoughtSignature": "s"}, {"functionCall": {"name": "f"}}]},
                "finishReason": "STOP",
                "groundingMetadata": {"groundingChunks": [{"web": {"uri": "u"}}]},
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}]},
    },
    {
        "id": "c",
        "choices": [
            {
                "message": {
                    "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}],
                    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
                    "annotations": [{"url_citation": {"url": "u"}}],
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}},
    },
    {
        "id": "m",
        "content": [{"type": "text", "text": "x", "citations": [{"url": "u"}]}, {"type": "tool_use", "input": {}}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens_details": {"thinking_tokens": 1}},
    },
]
EVENTS = (
    sse_events(
        anthropic_stream(
            ({"type": "tool_use", "id": "a", "name": "f"}, [{"type": "input_json_delta", "partial_json": "{"}])
        )
    )
    + sse_events(gemini_stream({"text": "a"}, {"functionCall": {"name": "f", "args": {}}}))
    + sse_events(openai_stream({"content": "a", "reasoning_details": [{"text": "t"}]}, call(0, "{}", "a", "f")))
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value inside stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in ((*path, key), *places(item, (*path, key)))]


def changed(value: Any, draw: Any) -> bytes:
    """The value with something else in one or two places."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from(places(value)))
        holder = value
        for key in path:
            holder = holder[key]
        holder[last] = draw(JSON)
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("reader", "sent"),
    [(openai_chat, OPENAI), (anthropic, ANTHROPIC), (gemini, GEMINI)],
    ids=["openai", "anthropic", "gemini"],
)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_requests(reader: Any, sent: dict[str, Any], data: Any) -> None:
    body = changed(sent, data.draw)
    for writer in (openai_chat, anthropic, gemini):
        try:
            json.loads(writer.write_request(reader.read_request(body), "m").body)
        except FaultError as refused:
            assert refused.fault.message  # noqa: PT017 - being refused is one of the two good ends


@settings(max_examples=200, deadline=None)
@given(data=st.data(), sent=st.sampled_from(REPLIES))
def test_replies(data: Any, sent: dict[str, Any]) -> None:
    reader: Any = openai_chat if "choices" in sent else gemini if "candidates" in sent else anthropic
    try:
        reply = reader.read_reply(changed(sent, data.draw))
    except (FaultError, InBandError):
        return
    json.loads(openai_chat.write_reply(reply, openai_request()))
    json.loads(anthropic.write_reply(reply, anthropic_request()))
    json.loads(gemini.write_reply(reply, gemini_request()))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_streams(data: Any) -> None:
    events = [changed(event, data.draw) if data.draw(st.booleans()) else json.dumps(event).encode() for event in EVENTS]
    stream = b"".join(b"data: " + event + b"\n\n" for event in events)
    gemini.open_stream(gemini.parse_request(b'{"contents":[]}', "m")).feed(stream)
    for reader in (openai_chat.event_reader(), anthropic.event_reader(), gemini.event_reader()):
        for writer in (
            openai_chat.event_writer(openai_request()),
            anthropic.event_writer(anthropic_request()),
            gemini.event_writer(gemini_request()),
        ):
            writer.write([*reader.feed(stream), *reader.finish()])
