"""What each kind of provider answers in the cases of the golden matrix: the same answer, in every dialect behind."""

import json
import sys
from collections.abc import Callable
from typing import Any

from dialects import matrix_cohere

TEXT = "In the kitchen. \U0001f373"
PIECES = ("In the ", "kitchen.", " \U0001f373")
THOUGHTS = ("Keys are ", "small.")
FIRST = '{"where":"kitchen","how":{"deep":12345678901234567890}}'
SECOND = '{"where": "h\u00e4ll"}'
CUTS = ((0, '{"where":"kit'), (1, '{"where": "h\u00e4'), (0, 'chen","how":{"deep":12345678901234567890}}'), (1, 'll"}'))
"""How the arguments of two calls come where they may interleave: the number of the call and a piece."""

JSON_TEXT = '{"city":"Genf","people":203856}'
LIMIT = "Too many requests. Slow down."
BROKE = "The model is overloaded."

Answer = tuple[int, str]
"""Status and body."""


def plain(value: Any, status: int = 200) -> Answer:
    """A body of JSON, in the bytes that are written here."""
    return status, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def stream(*items: Any) -> Answer:
    """A stream of events; one that has a `type` is named after it, as Anthropic and Responses do."""
    named = [f"event: {item['type']}\n" if "type" in item else "" for item in items]
    datas = [json.dumps(item, ensure_ascii=False) for item in items]
    return 200, "".join(f"{name}data: {data}\n\n" for name, data in zip(named, datas, strict=True))


# -- OpenAI chat


def _chat() -> dict[str, Answer]:
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": "gpt-x"}
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 12,
        "total_tokens": 42,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }

    def whole(message: dict[str, Any], finish: str) -> Answer:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
        return plain({**head, "choices": [choice], "usage": usage})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**head, "object": "chat.completion.chunk", "choices": [choice]}

    def chunks(*deltas: dict[str, Any], finish: str) -> Answer:
        begin = chunk({"role": "assistant", "content": ""})
        end = [chunk({}, finish), {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}]
        _, body = stream(begin, *(chunk(delta) for delta in deltas), *end)
        return 200, body + "data: [DONE]\n\n"

    calls = [
        {"id": f"call_{name}", "type": "function", "function": {"name": "look", "arguments": said}}
        for name, said in (("a", FIRST), ("b", SECOND))
    ]
    begun = [{"index": at, **call, "function": {"name": "look", "arguments": ""}} for at, call in enumerate(calls)]
    pieces = [{"tool_calls": [{"index": at, "function": {"arguments": said}}]} for at, said in CUTS]
    words = [{"content": piece} for piece in PIECES]
    broken = stream(chunk({"role": "assistant", "content": ""}), chunk({"content": PIECES[0]}), {"error": _ERROR})
    return {
        "words": whole({"content": TEXT, "refusal": None}, "stop"),
        "calls": whole({"content": TEXT, "tool_calls": calls}, "tool_calls"),
        "stream_thoughts": chunks(*({"reasoning_content": piece} for piece in THOUGHTS), *words, finish="stop"),
        "stream_calls": chunks(*words, *({"tool_calls": [call]} for call in begun), *pieces, finish="tool_calls"),
        "picture": whole({"content": TEXT}, "length"),
        "schema": whole({"content": JSON_TEXT, "reasoning_content": "".join(THOUGHTS)}, "stop"),
        "refused": plain({"error": _LIMIT}, 429),
        "broken": broken,
    }


_ERROR = {"message": BROKE, "type": "overloaded_error", "param": None, "code": "overloaded_error"}
_LIMIT = {"message": LIMIT, "type": "requests", "param": None, "code": "rate_limit_exceeded"}


# -- Anthropic


def _anthropic() -> dict[str, Answer]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    usage = {
        "input_tokens": 7,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 20,
        "output_tokens": 12,
    }

    def whole(blocks: str, stop: str) -> Answer:
        front = json.dumps(head)[:-1]
        end = f'"stop_reason": "{stop}", "stop_sequence": null, "usage": {json.dumps(usage)}}}'
        return 200, f'{front}, "content": [{blocks}], {end}'

    def text(words: str) -> str:
        return json.dumps({"type": "text", "text": words}, ensure_ascii=False)

    calls = ", ".join(
        f'{{"type": "tool_use", "id": "toolu_{name}", "name": "look", "input": {said}}}'
        for name, said in (("a", FIRST), ("b", SECOND))
    )
    thought = json.dumps({"type": "thinking", "thinking": "".join(THOUGHTS), "signature": "U0lHTkVE"})

    def events(*blocks: tuple[dict[str, Any], list[dict[str, Any]]], stop: str) -> list[dict[str, Any]]:
        start = {
            **head,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**usage, "output_tokens": 1},
        }
        out: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
        for at, (block, deltas) in enumerate(blocks):
            out.append({"type": "content_block_start", "index": at, "content_block": block})
            out += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
            out.append({"type": "content_block_stop", "index": at})
        end = {"stop_reason": stop, "stop_sequence": None}
        return [*out, {"type": "message_delta", "delta": end, "usage": {"output_tokens": 12}}, {"type": "message_stop"}]

    words = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in PIECES])
    thoughts = (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            *({"type": "thinking_delta", "thinking": piece} for piece in THOUGHTS),
            {"type": "signature_delta", "signature": "U0lHTkVE"},
        ],
    )
    tools = [
        (
            {"type": "tool_use", "id": f"toolu_{name}", "name": "look", "input": {}},
            [{"type": "input_json_delta", "partial_json": said} for at, said in CUTS if at == number],
        )
        for number, name in enumerate("ab")
    ]
    error = {"type": "error", "error": {"type": "overloaded_error", "message": BROKE}}
    limit = {"type": "error", "error": {"type": "rate_limit_error", "message": LIMIT}, "request_id": "req_9"}
    return {
        "words": whole(text(TEXT), "end_turn"),
        "calls": whole(f"{text(TEXT)}, {calls}", "tool_use"),
        "stream_thoughts": stream(*events(thoughts, words, stop="end_turn")),
        "stream_calls": stream(*events(words, *tools, stop="tool_use")),
        "picture": whole(text(TEXT), "max_tokens"),
        "schema": whole(f"{thought}, {text(JSON_TEXT)}", "end_turn"),
        "refused": plain(limit, 429),
        "broken": stream(*events(words, stop="end_turn")[:4], error),
    }


# -- Gemini


def _gemini() -> dict[str, Answer]:
    usage = {
        "promptTokenCount": 30,
        "cachedContentTokenCount": 20,
        "candidatesTokenCount": 8,
        "thoughtsTokenCount": 4,
        "totalTokenCount": 42,
    }
    foot = {"modelVersion": "gemini-x", "responseId": "R1"}

    def reply(parts: list[dict[str, Any]], finish: str = "") -> dict[str, Any]:
        candidate = {"content": {"parts": parts, "role": "model"}, **({"finishReason": finish} if finish else {})}
        return {"candidates": [candidate | {"index": 0}], "usageMetadata": usage, **foot}

    words = [{"text": piece} for piece in PIECES]
    calls = [
        {"functionCall": {"name": "look", "args": json.loads(FIRST)}, "thoughtSignature": "c2lnbmVk"},
        {"functionCall": {"name": "look", "args": json.loads(SECOND)}},
    ]
    thoughts = [{"text": piece, "thought": True} for piece in THOUGHTS]
    end = reply([{"text": ""}], "STOP")
    limit = {
        "code": 429,
        "message": LIMIT,
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}],
    }
    return {
        "words": plain(reply([{"text": TEXT}], "STOP")),
        "calls": plain(reply([{"text": TEXT}, *calls], "STOP")),
        "stream_thoughts": stream(*(reply([part]) for part in (*thoughts, *words)), end),
        "stream_calls": stream(*(reply([part]) for part in (*words, *calls)), end),
        "picture": plain(reply([{"text": TEXT}], "MAX_TOKENS")),
        "schema": plain(reply([*thoughts, {"text": JSON_TEXT}], "STOP")),
        "refused": plain({"error": limit}, 429),
        "broken": stream(reply(words[:1]), {"error": {"code": 503, "message": BROKE, "status": "UNAVAILABLE"}}),
    }


# -- Ollama


def _ollama() -> dict[str, Answer]:
    head = {"model": "local", "created_at": "2026-11-24T10:00:00.5Z"}
    counts = {
        "total_duration": 900000000,
        "load_duration": 1000,
        "prompt_eval_count": 30,
        "prompt_eval_duration": 200000000,
        "eval_count": 12,
        "eval_duration": 600000000,
    }

    def line(message: dict[str, Any], reason: str = "") -> dict[str, Any]:
        end = {"done": True, "done_reason": reason, **counts} if reason else {"done": False}
        return {**head, "message": {"role": "assistant", "content": "", **message}, **end}

    def lines(*messages: dict[str, Any]) -> Answer:
        rows = [*(line(message) for message in messages), line({}, "stop")]
        return 200, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    calls = [
        {"id": f"call_{name}", "function": {"index": at, "name": "look", "arguments": json.loads(said)}}
        for at, (name, said) in enumerate((("a", FIRST), ("b", SECOND)))
    ]
    words = [{"content": piece} for piece in PIECES]
    broken = f"{json.dumps(line(words[0]))}\n{json.dumps({'error': BROKE})}\n"
    return {
        "words": plain(line({"content": TEXT}, "stop")),
        "calls": plain(line({"content": TEXT, "tool_calls": calls}, "stop")),
        "stream_thoughts": lines(*({"thinking": piece} for piece in THOUGHTS), *words),
        "stream_calls": lines(*words, *({"tool_calls": [call]} for call in calls)),
        "picture": plain(line({"content": TEXT}, "length")),
        "schema": plain(line({"content": JSON_TEXT, "thinking": "".join(THOUGHTS)}, "stop")),
        "refused": plain({"error": LIMIT}, 429),
        "broken": (200, broken),
    }


# -- Responses


def _responses() -> dict[str, Answer]:
    head = {"id": "resp_1", "object": "response", "created_at": 1760000000, "model": "gpt-x"}
    usage = {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 20},
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 42,
    }

    def done(output: list[dict[str, Any]], why: str = "") -> dict[str, Any]:
        end = {"status": "incomplete" if why else "completed", "incomplete_details": {"reason": why} if why else None}
        return {**head, **end, "error": None, "output": output, "usage": usage}

    def message(text: str) -> dict[str, Any]:
        part = {"type": "output_text", "text": text, "annotations": []}
        return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}

    calls = [
        {
            "type": "function_call",
            "id": f"fc_{name}",
            "call_id": f"call_{name}",
            "name": "look",
            "arguments": said,
            "status": "completed",
        }
        for name, said in (("a", FIRST), ("b", SECOND))
    ]
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "".join(THOUGHTS)}],
        "encrypted_content": "RU5DUllQVEVE",
    }
    return {
        "words": plain(done([message(TEXT)])),
        "calls": plain(done([message(TEXT), *calls])),
        "stream_thoughts": _numbered(
            head, [_thought_events(thought, 0), _message_events(message(TEXT), 1)], done([thought, message(TEXT)])
        ),
        "stream_calls": _numbered(
            head, [_message_events(message(TEXT), 0), _call_events(calls, 1)], done([message(TEXT), *calls])
        ),
        "picture": plain(done([message(TEXT)], "max_output_tokens")),
        "schema": plain(done([thought, message(JSON_TEXT)])),
        "refused": plain({"error": _LIMIT}, 429),
        "broken": _numbered(
            head, [_message_events(message(TEXT), 0)[:3]], {"type": "error", "code": "server_error", "message": BROKE}
        ),
    }


def _numbered(head: dict[str, Any], parts: list[list[dict[str, Any]]], last: dict[str, Any]) -> Answer:
    """A stream of Responses events; `last` is the whole response, or an error."""
    begin = {"type": "response.created", "response": {**head, "status": "in_progress", "output": []}}
    end = last if "type" in last else {"type": "response.completed", "response": last}
    events = [begin, *(event for part in parts for event in part), end]
    return stream(*({**event, "sequence_number": at} for at, event in enumerate(events)))


def _thought_events(item: dict[str, Any], at: int) -> list[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": at, "summary_index": 0}
    deltas = [{"type": "response.reasoning_summary_text.delta", **place, "delta": piece} for piece in THOUGHTS]
    added = {"type": "response.output_item.added", "output_index": at, "item": {**item, "summary": []}}
    return [added, *deltas, {"type": "response.output_item.done", "output_index": at, "item": item}]


def _message_events(item: dict[str, Any], at: int) -> list[dict[str, Any]]:
    place = {"item_id": item["id"], "output_index": at, "content_index": 0}
    begun = {"type": "output_text", "text": "", "annotations": []}
    return [
        {"type": "response.output_item.added", "output_index": at, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": begun},
        *({"type": "response.output_text.delta", **place, "delta": piece} for piece in PIECES),
        {"type": "response.output_text.done", **place, "text": TEXT},
        {"type": "response.content_part.done", **place, "part": item["content"][0]},
        {"type": "response.output_item.done", "output_index": at, "item": item},
    ]


def _call_events(items: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    kind = "response.function_call_arguments"
    added = [
        {"type": "response.output_item.added", "output_index": first + at, "item": {**item, "arguments": ""}}
        for at, item in enumerate(items)
    ]
    deltas = [
        {"type": f"{kind}.delta", "item_id": items[at]["id"], "output_index": first + at, "delta": said}
        for at, said in CUTS
    ]
    ends = [
        {"type": "response.output_item.done", "output_index": first + at, "item": item} for at, item in enumerate(items)
    ]
    return [*added, *deltas, *ends]


PROVIDERS: dict[str, Callable[[], dict[str, Answer]]] = {
    "chat": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
    "cohere": lambda: matrix_cohere.answers(sys.modules[__name__]),
    "azure": _chat,
    "bedrock": _anthropic,
}
"""By provider, then by scenario."""
