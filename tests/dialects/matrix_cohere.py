"""What Cohere answers in the cases of the golden matrix; `say` has the words that every provider says there."""

from types import ModuleType
from typing import Any


def answers(say: ModuleType) -> dict[str, tuple[int, str]]:
    """Status and body by scenario."""
    usage = {
        "billed_units": {"input_tokens": 10, "output_tokens": 12},
        "tokens": {"input_tokens": 530, "output_tokens": 14},
        "cached_tokens": 512,
    }
    text = {"type": "text", "text": say.TEXT}
    thought = {"type": "thinking", "thinking": "".join(say.THOUGHTS)}
    calls = [
        {"id": f"look_{name}", "type": "function", "function": {"name": "look", "arguments": said}}
        for name, said in (("a", say.FIRST), ("b", say.SECOND))
    ]

    def whole(message: dict[str, Any], finish: str) -> tuple[int, str]:
        said = {"role": "assistant", **message}
        answer: tuple[int, str] = say.plain({"id": "c1", "finish_reason": finish, "message": said, "usage": usage})
        return answer

    words = _block(1, "text", say.PIECES)
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}
    called = end | {"delta": {"finish_reason": "TOOL_CALL", "usage": usage}}
    plan = [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}} for piece in say.PIECES]
    return {
        "words": whole({"content": [text]}, "COMPLETE"),
        "calls": whole({"tool_plan": say.TEXT, "tool_calls": calls}, "TOOL_CALL"),
        "stream_thoughts": say.stream(_START, *_block(0, "thinking", say.THOUGHTS), *words, end),
        "stream_calls": say.stream(_START, *plan, *_calls(calls, say.CUTS), called),
        "picture": whole({"content": [text]}, "MAX_TOKENS"),
        "schema": whole({"content": [thought, {"type": "text", "text": say.JSON_TEXT}]}, "COMPLETE"),
        "refused": say.plain({"id": "e1", "message": say.LIMIT}, 429),
        "broken": say.stream(_START, *words[:2], end | {"delta": {"finish_reason": "ERROR", "error": say.BROKE}}),
    }


_START = {"id": "c1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}


def _block(at: int, kind: str, pieces: tuple[str, ...]) -> list[dict[str, Any]]:
    def event(name: str, content: dict[str, str]) -> dict[str, Any]:
        return {"type": name, "index": at, "delta": {"message": {"content": content}}}

    begun = event("content-start", {"type": kind, kind: ""})
    return [begun, *(event("content-delta", {kind: piece}) for piece in pieces), {"type": "content-end", "index": at}]


def _calls(calls: list[dict[str, Any]], cuts: tuple[tuple[int, str], ...]) -> list[dict[str, Any]]:
    def event(name: str, at: int, call: dict[str, Any]) -> dict[str, Any]:
        return {"type": name, "index": at, "delta": {"message": {"tool_calls": call}}}

    out = []
    for at, call in enumerate(calls):
        out.append(event("tool-call-start", at, call | {"function": {"name": "look", "arguments": ""}}))
        out += [event("tool-call-delta", at, {"function": {"arguments": said}}) for n, said in cuts if n == at]
        out.append({"type": "tool-call-end", "index": at})
    return out
