"""What the faulty upstream answers when it is well: invented chat, completion and embedding answers with usage."""

import json
from dataclasses import dataclass
from typing import Any

CREATED = 1_760_000_000
WORDS = ("says", "one", "two", "three", "four", "five", "six", "seven")


@dataclass(frozen=True, slots=True)
class Voice:
    """Who is speaking: the name stands in every answer, the token counts in every usage object."""

    name: str = "upstream"
    models: tuple[str, ...] = ("test-small", "test-large")
    prompt_tokens: int = 11
    completion_tokens: int = 9
    cached_tokens: int = 3
    reasoning_tokens: int = 2

    @property
    def text(self) -> str:
        """The text of every chat and completion answer."""
        return " ".join((self.name, *WORDS))

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text as the content events bring it."""
        return (self.name, *(f" {word}" for word in WORDS))

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object of chat and completions."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


CONTENT_EVENTS = len(WORDS) + 1


def encode(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def event(data: bytes) -> bytes:
    """One event of an event stream."""
    return b"data: " + data + b"\n\n"


DONE = event(b"[DONE]")


def plain(voice: Voice, path: str, request: dict[str, Any]) -> bytes:
    """The answer to a request that does not stream."""
    model = request.get("model", "")
    if path.endswith("/embeddings"):
        return encode(_embeddings(voice, model, request))
    chat = path.endswith("/chat/completions")
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
    message = {"role": "assistant", "content": voice.text, "refusal": None}
    choice |= {"message": message} if chat else {"text": voice.text}
    body = _frame(chat=chat, model=model, chunk=False)
    return encode(body | {"choices": [choice], "usage": voice.usage})


def _frame(*, chat: bool, model: str, chunk: bool) -> dict[str, Any]:
    kind = ("chat.completion.chunk" if chunk else "chat.completion") if chat else "text_completion"
    return {"id": "chatcmpl-t1" if chat else "cmpl-t1", "object": kind, "created": CREATED, "model": model}


def _embeddings(voice: Voice, model: str, request: dict[str, Any]) -> dict[str, Any]:
    given = request.get("input", "")
    many = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    data = [{"object": "embedding", "index": i, "embedding": [0.25, -0.5, float(i)]} for i in range(len(many))]
    usage = {"prompt_tokens": voice.prompt_tokens, "total_tokens": voice.prompt_tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


@dataclass(frozen=True, slots=True)
class EventScript:
    """The events of a stream in their three parts: before the first content, the content, and the end."""

    opening: tuple[bytes, ...]
    content: tuple[bytes, ...]
    finish: tuple[bytes, ...]
    done: tuple[bytes, ...] = (DONE,)


def stream(voice: Voice, path: str, request: dict[str, Any]) -> EventScript:
    """The events of a streamed answer."""
    chat = path.endswith("/chat/completions")
    frame = _frame(chat=chat, model=request.get("model", ""), chunk=True)

    def chunk(piece: dict[str, Any], finish: str | None = None) -> bytes:
        inner = {"delta": piece} if chat else {"text": piece.get("content", "")}
        return event(encode(frame | {"choices": [{"index": 0, **inner, "logprobs": None, "finish_reason": finish}]}))

    opening = (chunk({"role": "assistant", "content": "", "refusal": None}),) if chat else ()
    finish = (chunk({}, "stop"),)
    if (request.get("stream_options") or {}).get("include_usage"):
        finish += (event(encode(frame | {"choices": [], "usage": voice.usage})),)
    return EventScript(opening, tuple(chunk({"content": piece}) for piece in voice.pieces), finish)


def models(voice: Voice) -> bytes:
    """The model list."""
    rows = [{"id": m, "object": "model", "created": CREATED, "owned_by": voice.name} for m in voice.models]
    return encode({"object": "list", "data": rows})
