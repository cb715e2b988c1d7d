"""What the tests of translated dialects share: requests, streams, and a reader of Anthropic events with checks."""

import json
from typing import Any

from app.dialects import anthropic, gemini, openai_chat
from app.domain.hub import ChatRequest
from app.domain.hub_reply import CallDelta, CallStarted, StreamEvent


def openai_request(**more: Any) -> ChatRequest:
    """An OpenAI client's request."""
    return openai_chat.read_request(
        json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}).encode()
    )


def anthropic_request(**more: Any) -> ChatRequest:
    """An Anthropic client's request."""
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}], **more}
    return anthropic.read_request(json.dumps(body).encode())


def to_anthropic(**more: Any) -> dict[str, Any]:
    """The body that an Anthropic provider gets for an OpenAI client's request."""
    body: dict[str, Any] = json.loads(anthropic.write_request(openai_request(**more), "claude-sonnet-4-5").body)
    return body


def to_openai(**more: Any) -> dict[str, Any]:
    """The body that an OpenAI provider gets for an Anthropic client's request."""
    body: dict[str, Any] = json.loads(openai_chat.write_request(anthropic_request(**more), "gpt").body)
    return body


def sse_events(stream: bytes) -> list[dict[str, Any]]:
    """The JSON of every event of a stream."""
    datas = [line[5:].strip() for line in stream.splitlines() if line.startswith(b"data:")]
    return [json.loads(data) for data in datas if data != b"[DONE]"]


def openai_stream(*deltas: dict[str, Any], finish: str | None = "stop", done: bool = True) -> bytes:
    """A provider's chat stream with these deltas."""
    chunks = [{"id": "c1", "model": "gpt", "created": 5, "choices": [{"index": 0, "delta": d}]} for d in deltas]
    if finish:
        chunks.append({"id": "c1", "model": "gpt", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        chunks.append({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}})
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return body + (b"data: [DONE]\n\n" if done else b"")


def call(index: int | None, arguments: str, call_id: str = "", name: str = "") -> dict[str, Any]:
    """A delta with a fragment of one tool call."""
    fragment: dict[str, Any] = {"function": {"arguments": arguments, **({"name": name} if name else {})}}
    fragment |= ({"index": index} if index is not None else {}) | ({"id": call_id} if call_id else {})
    return {"tool_calls": [fragment]}


def anthropic_stream(*blocks: tuple[dict[str, Any], list[dict[str, Any]]], stop: str = "end_turn") -> bytes:
    """A provider's message stream with these blocks and their deltas."""
    usage = {"input_tokens": 7, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 3, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "msg_1", "model": "c", "usage": usage}}]
    for at, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": at, "content_block": start})
        events += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": at})
    events += [
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def checked_blocks(stream: bytes) -> list[dict[str, Any]]:
    """The blocks of an Anthropic stream, each whole; fails when blocks overlap, stay open or get foreign deltas."""
    blocks: list[dict[str, Any]] = []
    opened: int | None = None
    for event in sse_events(stream):
        kind = event["type"]
        if kind == "content_block_start":
            assert opened is None
            assert event["index"] == len(blocks)
            opened = event["index"]
            blocks.append({**event["content_block"], "partial": "", "said": "", "signature": ""})
        elif kind == "content_block_delta":
            assert event["index"] == opened
            delta, block = event["delta"], blocks[-1]
            block["partial"] += delta.get("partial_json", "")
            block["said"] += delta.get("text", "") + delta.get("thinking", "")
            block["signature"] += delta.get("signature", "")
        elif kind == "content_block_stop":
            assert event["index"] == opened
            opened = None
        elif kind in ("message_delta", "message_stop"):
            assert opened is None
    return blocks


def called(events: list[StreamEvent]) -> list[tuple[str, str, str]]:
    """Id, name and whole arguments of every call."""
    found: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, CallStarted):
            found[event.index] = [event.id, event.name, ""]
        elif isinstance(event, CallDelta):
            found[event.index][2] += event.arguments
    return [(item[0], item[1], item[2]) for item in found.values()]


def gemini_request(**more: Any) -> ChatRequest:
    """A Gemini client's request."""
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], **more}
    return gemini.read_request(json.dumps(body).encode())


def to_gemini(model: str = "gemini-2.5-flash", **more: Any) -> dict[str, Any]:
    """The body that a Gemini provider gets for an OpenAI client's request."""
    body: dict[str, Any] = json.loads(gemini.write_request(openai_request(**more), model).body)
    return body


def gemini_stream(*parts: dict[str, Any], finish: str | None = "STOP") -> bytes:
    """A provider's Gemini stream with these parts."""
    usage = {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}
    head = {"modelVersion": "g", "responseId": "R"}
    events = [{"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}], **head} for part in parts]
    if finish:
        last = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": finish, "index": 0}
        events.append({"candidates": [last], "usageMetadata": usage, **head})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
