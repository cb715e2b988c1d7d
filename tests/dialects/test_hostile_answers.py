"""In every place of a provider's answer something that cannot be: it is read or it fails, in every client's dialect."""

import copy
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from app.dialects import anthropic, cohere, gemini, ollama, ollama_generate, openai_chat, responses
from app.dialects.dialect import StreamReader
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest
from app.domain.faults import FaultError, InBandError
from dialects.test_hostile_json import places

HOSTILE = [None, True, -1, 10**400, "INF", "", "\ud800", "a\nb\r\n\r\ndata: c", [], {}, [["a"]], [{}], {"a": [1]}]
"""`INF` stands for a number that is too large for anybody."""

WORDS = [{"role": "user", "content": "Hi"}]
CLIENTS: dict[ModuleType, dict[str, Any]] = {
    openai_chat: {"model": "m", "messages": WORDS},
    anthropic: {"model": "m", "max_tokens": 9, "messages": WORDS},
    gemini: {"contents": [{"parts": [{"text": "Hi"}]}]},
    responses: {"model": "m", "input": "Hi"},
    ollama: {"model": "m", "messages": WORDS},
    ollama_generate: {"model": "m", "prompt": "Hi"},
}
USAGE = {"input_tokens": 1, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
SAID = {"type": "output_text", "text": "x", "annotations": [{"type": "url_citation", "url": "u", "title": "t"}]}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000,
    "status": "completed",
    "incomplete_details": {"reason": "max_output_tokens"},
    "model": "m",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"text": "t"}], "encrypted_content": "e"},
        {"type": "message", "id": "msg_1", "content": [SAID, {"type": "refusal", "refusal": "no"}]},
        CALL,
    ],
    "usage": USAGE,
}
COHERE_CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COHERE_USAGE = {"billed_units": {"input_tokens": 1.0, "output_tokens": 2}, "tokens": {"input_tokens": 3}}
REPLIES: list[tuple[ModuleType, dict[str, Any]]] = [
    (responses, RESPONSE),
    (
        cohere,
        {
            "id": "c",
            "finish_reason": "TOOL_CALL",
            "message": {
                "role": "assistant",
                "tool_plan": "p",
                "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}],
                "tool_calls": [COHERE_CALL],
                "citations": [{"sources": [{"document": {"url": "u", "title": "t"}}]}],
            },
            "usage": COHERE_USAGE,
        },
    ),
    (
        ollama,
        {
            "model": "m",
            "created_at": "2026-01-01T00:00:00Z",
            "message": {
                "role": "assistant",
                "content": "x",
                "thinking": "t",
                "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
            },
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 1,
            "eval_count": 2,
        },
    ),
    (
        openai_chat,
        {
            "id": "c",
            "created": 1_700_000_000,
            "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.1},
        },
    ),
    (anthropic, {"id": "m", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}], "usage": USAGE}),
    (
        gemini,
        {
            "candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
        },
    ),
]
STREAMS: list[tuple[ModuleType, list[dict[str, Any]]]] = [
    (
        responses,
        [
            {"type": "response.created", "response": {"id": "resp_1", "created_at": 1, "model": "m"}},
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1"}},
            {"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "summary_index": 0, "delta": "t"},
            {"type": "response.output_item.done", "output_index": 0, "item": RESPONSE["output"][0]},
            {"type": "response.output_text.delta", "item_id": "msg_1", "content_index": 0, "delta": "x"},
            {"type": "response.output_text.annotation.added", "item_id": "msg_1", "annotation": {"url": "u"}},
            {"type": "response.output_text.done", "item_id": "msg_1", "content_index": 0, "text": "xy"},
            {"type": "response.refusal.delta", "item_id": "msg_1", "content_index": 1, "delta": "no"},
            {"type": "response.content_part.done", "item_id": "msg_1", "content_index": 0, "part": SAID},
            {"type": "response.output_item.added", "output_index": 2, "item": CALL | {"arguments": ""}},
            {"type": "response.function_call_arguments.delta", "output_index": 2, "item_id": "fc_1", "delta": "{"},
            {"type": "response.function_call_arguments.done", "output_index": 2, "item_id": "fc_1", "arguments": "{}"},
            {"type": "response.output_item.done", "output_index": 2, "item": CALL},
            {"type": "response.completed", "response": RESPONSE},
        ],
    ),
    (
        cohere,
        [
            {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
            {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "p"}}},
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "x"}}}},
            {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"sources": [{"id": "s"}]}}}},
            {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": COHERE_CALL}}},
            {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": COHERE_CALL}}},
            {"type": "tool-call-end", "index": 0},
            {"type": "message-end", "delta": {"finish_reason": "ERROR", "usage": COHERE_USAGE}},
        ],
    ),
]


def spelled(value: Any) -> bytes:
    """As JSON, with a number that is too large where it is meant."""
    return json.dumps(value).replace('"INF"', "1e999").encode()


def spoilt(value: Any) -> Iterator[bytes]:
    """The value with something that cannot be in one place, for every place."""
    for *path, last in places(value):
        for hostile in HOSTILE:
            changed = copy.deepcopy(value)
            holder = changed
            for key in path:
                holder = holder[key]
            holder[last] = hostile
            yield spelled(changed)


def asked(client: ModuleType, *, stream: bool) -> ApiRequest:
    """A client's request."""
    body = CLIENTS[client]
    if client is gemini:
        return gemini.parse_request(spelled(body), "m", stream=stream)
    request: ApiRequest = client.parse_request(spelled(body | {"stream": stream}))
    return request


def translation(client: Any, provider: Any, request: ApiRequest) -> Translation:
    """The two joined, with the request read."""
    joined = Translation(client, provider)
    joined.write(request, "m")
    return joined


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.NAME)
@pytest.mark.parametrize(("provider", "reply"), REPLIES, ids=lambda value: getattr(value, "NAME", ""))
def test_replies(provider: ModuleType, reply: dict[str, Any], client: ModuleType) -> None:
    request = asked(client, stream=False)
    joined: Any = client if client is provider else translation(client, provider, request)
    for body in spoilt(reply):
        try:
            read = joined.parse_reply(request, body)
        except (FaultError, InBandError):
            continue
        for count in (read.usage.input, read.usage.output):
            assert count is None or 0 <= count < 2**55, body


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.NAME)
@pytest.mark.parametrize(("provider", "events"), STREAMS, ids=lambda value: getattr(value, "NAME", ""))
def test_streams(provider: ModuleType, events: list[dict[str, Any]], client: ModuleType) -> None:
    request = asked(client, stream=True)
    for at, event in enumerate(events):
        before, after = map(_framed, (events[:at], events[at + 1 :]))
        for body in spoilt(event):
            joined: Any = client if client is provider else translation(client, provider, request)
            reader: StreamReader = joined.open_stream(request)
            reader.feed(before + b"data: " + body + b"\n\n")
            reader.feed(after)
            reader.finish()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.NAME)
def test_bytes_that_are_no_text(client: ModuleType) -> None:
    wrong = b'{"id":"m","content":[{"type":"tool_use","id":"a","name":"f","input":{"a":"\xff"}}],"usage":{}}'
    request = asked(client, stream=False)
    joined: Any = client if client is anthropic else translation(client, anthropic, request)
    assert joined.parse_reply(request, wrong).body
    stream: StreamReader = joined.open_stream(asked(client, stream=True))
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}'
    for text in (b"x", b"\xff"):
        stream.feed(b"data: " + delta % text + b"\n\n")
    stream.finish()


def _framed(events: list[dict[str, Any]]) -> bytes:
    return b"".join(b"data: " + spelled(event) + b"\n\n" for event in events)
