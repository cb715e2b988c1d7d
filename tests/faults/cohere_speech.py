"""How Cohere says what the faulty upstream has to say: `/v2/chat` plain and streamed, `/v2/embed`, its error bodies."""

from typing import Any

from faults.answers import EventScript, Voice, encode, event

Request = dict[str, Any]


def plain(voice: Voice, request: Request) -> bytes:
    """A plain answer of words."""
    message = {"role": "assistant", "content": [{"type": "text", "text": voice.text}]}
    return encode({"id": "t1", "finish_reason": "COMPLETE", "message": message, "usage": _usage(voice)})


def stream(voice: Voice, request: Request) -> EventScript:
    """The events of a streamed answer of words."""

    def said(kind: str, **more: Any) -> bytes:
        return f"event: {kind}\n".encode() + event(encode({"type": kind, **more}))

    def content(kind: str, text: str) -> bytes:
        return said(kind, index=0, delta={"message": {"content": {"type": "text", "text": text}}})

    opening = (
        said("message-start", id="t1", delta={"message": {"role": "assistant", "content": []}}),
        content("content-start", ""),
    )
    deltas = tuple(content("content-delta", piece) for piece in voice.pieces)
    end = said("message-end", delta={"finish_reason": "COMPLETE", "usage": _usage(voice)})
    return EventScript(opening, deltas, (said("content-end", index=0), end), ())


def vectors(voice: Voice, request: Request) -> bytes:
    """A vector for each text."""
    rows = [[0.25, -0.5, float(at)] for at in range(len(request["texts"]))]
    return encode({"embeddings": {"float": rows}, "meta": {"billed_units": {"input_tokens": voice.prompt_tokens}}})


def error(told: dict[str, Any], status: int) -> Any:
    """An error body: words, and nothing that a program could tell it by."""
    words = {
        "context_length_exceeded": "too many tokens: size limit exceeded by 809 tokens. Try using shorter inputs.",
        "insufficient_quota": "You are using a Trial key, which is limited to 1000 API calls / month.",
    }
    return {"id": "t1", "message": words.get(told.get("code") or "", told["message"])}


def _usage(voice: Voice) -> dict[str, Any]:
    counts = {"input_tokens": voice.prompt_tokens, "output_tokens": voice.completion_tokens}
    return {"billed_units": counts, "tokens": counts | {"input_tokens": voice.prompt_tokens + 500}}
