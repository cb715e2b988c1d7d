"""How the faulty upstream speaks in the dialect of the path it is asked on: answers, events, errors and nonsense."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from faults import answers, cohere_speech
from faults.answers import EventScript, Voice, encode, event

Request = dict[str, Any]

_STOPS = {401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error"} | {
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 503: "api_error", 529: "overloaded_error",
}  # fmt: skip
_STATUSES = {401: "UNAUTHENTICATED", 402: "FAILED_PRECONDITION", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"} | {
    400: "INVALID_ARGUMENT", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 529: "UNAVAILABLE",
}  # fmt: skip
_TOO_LONG = "context_length_exceeded"


@dataclass(frozen=True, slots=True)
class Speech:
    """One dialect.

    `error` spells an error body of OpenAI's with its status (None: as it is), `malformed` is an event that is no JSON,
    `comment` what says nothing, `begun` the beginning of an event that never ends.
    """

    content_type: str
    plain: Callable[[Voice, Request], bytes]
    stream: Callable[[Voice, Request], EventScript]
    error: Callable[[dict[str, Any], int], Any] | None
    event: Callable[[bytes], bytes]
    malformed: bytes
    comment: bytes
    begun: bytes


def is_streamed(path: str, request: Request) -> bool:
    """Whether a stream is asked for."""
    if path.endswith("GenerateContent"):
        return path.endswith(":streamGenerateContent")
    return request.get("stream", path.endswith("/api/chat")) is True


def error_body(speech: Speech, body: bytes, status: int) -> bytes:
    """A play's body in the dialect, where it is an error of OpenAI's."""
    if speech.error is None:
        return body
    try:
        error = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError):
        return body
    if not isinstance(error, dict):
        return body
    told = error["code"] if isinstance(error.get("code"), int) else status
    return encode(speech.error(error, 500 if told == 200 else told))


# -- Anthropic


def _message(voice: Voice) -> dict[str, Any]:
    usage = {
        "input_tokens": voice.prompt_tokens - voice.cached_tokens,
        "cache_read_input_tokens": voice.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": voice.completion_tokens,
        "output_tokens_details": {"thinking_tokens": voice.reasoning_tokens},
    }
    head = {"id": "msg_t1", "type": "message", "role": "assistant", "model": "m"}
    return head | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _anthropic_plain(voice: Voice, request: Request) -> bytes:
    text = {"type": "text", "text": voice.text}
    return encode(_message(voice) | {"content": [text], "stop_reason": "end_turn"})


def _anthropic_stream(voice: Voice, request: Request) -> EventScript:
    def said(value: dict[str, Any]) -> bytes:
        return f"event: {value['type']}\n".encode() + event(encode(value))

    usage = _message(voice)["usage"]
    opening = {"type": "message_start", "message": _message(voice) | {"usage": usage | {"output_tokens": 1}}}
    begin = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in voice.pieces
    ]
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage}
    finish = ({"type": "content_block_stop", "index": 0}, end)
    return EventScript(
        (said(opening), said(begin)),
        tuple(map(said, deltas)),
        tuple(map(said, finish)),
        (said({"type": "message_stop"}),),
    )


def _anthropic_error(error: dict[str, Any], status: int) -> Any:
    message = error["message"]
    if error.get("code") == _TOO_LONG:
        message = "prompt is too long: 9001 tokens > 8192 maximum"
    kind = _STOPS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_t1"}


# -- Gemini


def _gemini_reply(voice: Voice, text: str, finish: str = "") -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    usage = {
        "promptTokenCount": voice.prompt_tokens,
        "cachedContentTokenCount": voice.cached_tokens,
        "candidatesTokenCount": voice.completion_tokens - voice.reasoning_tokens,
        "thoughtsTokenCount": voice.reasoning_tokens,
        "totalTokenCount": voice.prompt_tokens + voice.completion_tokens,
    }
    if finish:
        candidate["finishReason"] = finish
    return encode({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "t1"})


def _gemini_stream(voice: Voice, request: Request) -> EventScript:
    pieces = tuple(event(_gemini_reply(voice, piece)) for piece in voice.pieces)
    opening = (event(_gemini_reply(voice, "")),)
    return EventScript(opening, pieces, (event(_gemini_reply(voice, "", "STOP")),), ())


def _gemini_error(error: dict[str, Any], status: int) -> Any:
    message, details = error["message"], list[Any]()
    if error.get("code") == _TOO_LONG:
        message = "The input token count (9001) exceeds the maximum number of tokens allowed (8192)."
    if error.get("code") == "insufficient_quota":
        violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
        details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}]
    if error.get("code") == "invalid_api_key":
        status, details = 400, [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    told = {"code": status, "message": message, "status": _STATUSES.get(status, "UNAVAILABLE")}
    return {"error": told | ({"details": details} if details else {})}


# -- Ollama


def _ollama_line(voice: Voice, text: str, *, done: bool) -> bytes:
    head = {"model": "m", "created_at": "2026-11-24T10:00:00Z", "message": {"role": "assistant", "content": text}}
    counts = {"prompt_eval_count": voice.prompt_tokens, "eval_count": voice.completion_tokens}
    return encode(head | {"done": done} | ({"done_reason": "stop", **counts} if done else {}))


def _ollama_stream(voice: Voice, request: Request) -> EventScript:
    pieces = tuple(_ollama_line(voice, piece, done=False) + b"\n" for piece in voice.pieces)
    opening = (_ollama_line(voice, "", done=False) + b"\n",)
    return EventScript(opening, pieces, (_ollama_line(voice, "", done=True) + b"\n",), ())


# -- Responses


def _response(voice: Voice, output: list[dict[str, Any]], status: str) -> dict[str, Any]:
    usage = {
        "input_tokens": voice.prompt_tokens,
        "input_tokens_details": {"cached_tokens": voice.cached_tokens},
        "output_tokens": voice.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": voice.reasoning_tokens},
        "total_tokens": voice.prompt_tokens + voice.completion_tokens,
    }
    head = {"id": "resp_t1", "object": "response", "created_at": answers.CREATED, "status": status, "model": "m"}
    return head | {"error": None, "incomplete_details": None, "output": output} | ({"usage": usage} if output else {})


def _output(voice: Voice) -> dict[str, Any]:
    part = {"type": "output_text", "text": voice.text, "annotations": []}
    return {"type": "message", "id": "msg_t1", "status": "completed", "role": "assistant", "content": [part]}


def _responses_plain(voice: Voice, request: Request) -> bytes:
    return encode(_response(voice, [_output(voice)], "completed"))


def _responses_stream(voice: Voice, request: Request) -> EventScript:
    def said(kind: str, **more: Any) -> bytes:
        return f"event: response.{kind}\n".encode() + event(encode({"type": f"response.{kind}", **more}))

    item = _output(voice)
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    opening = (
        said("created", response=_response(voice, [], "in_progress")),
        said("output_item.added", output_index=0, item=item | {"content": []}),
    )
    deltas = tuple(said("output_text.delta", **place, delta=piece) for piece in voice.pieces)
    finish = (said("output_item.done", output_index=0, item=item),)
    return EventScript(opening, deltas, finish, (said("completed", response=_response(voice, [item], "completed")),))


# -- vectors


def _vectors(count: int) -> list[list[float]]:
    return [[0.25, -0.5, float(at)] for at in range(count)]


def _gemini_vectors(voice: Voice, request: Request) -> bytes:
    rows = [{"values": vector} for vector in _vectors(len(request["requests"]))]
    return encode({"embeddings": rows, "usageMetadata": {"promptTokenCount": voice.prompt_tokens}})


def _ollama_vectors(voice: Voice, request: Request) -> bytes:
    texts = request["input"]
    rows = _vectors(1 if isinstance(texts, str) else len(texts))
    return encode({"model": "m", "embeddings": rows, "prompt_eval_count": voice.prompt_tokens})


# -- who speaks


def _openai(path: str) -> Speech:
    return Speech(
        content_type="text/event-stream; charset=utf-8",
        plain=lambda voice, request: answers.plain(voice, path, request),
        stream=lambda voice, request: answers.stream(voice, path, request),
        error=None,
        event=event,
        malformed=event(b'{"choices":[{"index":0,"delta":{"conte'),
        comment=b": still working\n\n",
        begun=b'data: {"choices":[{"index":0,"delta":{"content":"',
    )


_ANTHROPIC = Speech(
    content_type="text/event-stream; charset=utf-8",
    plain=_anthropic_plain,
    stream=_anthropic_stream,
    error=_anthropic_error,
    event=lambda data: b"event: error\n" + event(data),
    malformed=b"event: content_block_delta\n" + event(b'{"type":"content_block_delta","ind'),
    comment=b": still working\n\n",
    begun=b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"',
)
_GEMINI = Speech(
    content_type="text/event-stream",
    plain=lambda voice, request: _gemini_reply(voice, voice.text, "STOP"),
    stream=_gemini_stream,
    error=_gemini_error,
    event=event,
    malformed=event(b'{"candidates":[{"cont'),
    comment=b": still working\n\n",
    begun=b'data: {"candidates":[{"content":{"parts":[{"text":"',
)
_OLLAMA = Speech(
    content_type="application/x-ndjson",
    plain=lambda voice, request: _ollama_line(voice, voice.text, done=True),
    stream=_ollama_stream,
    error=lambda error, status: {"error": error["message"]},
    event=lambda data: data + b"\n",
    malformed=b'{"model":"m","mess\n',
    comment=b"\n",
    begun=b'{"model":"m","message":{"content":"',
)


_RESPONSES = Speech(
    content_type="text/event-stream; charset=utf-8",
    plain=_responses_plain,
    stream=_responses_stream,
    error=lambda error, status: {"type": "error", "error": error},
    event=lambda data: b"event: error\n" + event(data),
    malformed=b"event: response.output_text.delta\n" + event(b'{"type":"response.output_text.del'),
    comment=b": still working\n\n",
    begun=b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"',
)


_COHERE = Speech(
    content_type="text/event-stream",
    plain=cohere_speech.plain,
    stream=cohere_speech.stream,
    error=cohere_speech.error,
    event=event,
    malformed=event(b'{"type":"content-delta","ind'),
    comment=b": still working\n\n",
    begun=b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"',
)


_BY_END = (
    ("/v1/messages", _ANTHROPIC),
    ("enerateContent", _GEMINI),
    ("/responses", _RESPONSES),
    (":batchEmbedContents", replace(_GEMINI, plain=_gemini_vectors)),
    ("/api/embed", replace(_OLLAMA, plain=_ollama_vectors)),
    ("/api/chat", _OLLAMA),
    ("/v2/chat", _COHERE),
    ("/v2/embed", replace(_COHERE, plain=cohere_speech.vectors)),
)


def speech_for(path: str) -> Speech:
    """How to speak on `path`."""
    return next((speech for end, speech in _BY_END if path.endswith(end)), None) or _openai(path)
