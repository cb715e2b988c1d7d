"""Invented answers for property tests: what a model says in a random order, and how each provider would stream it.

The streams are written here by hand, not by the program, with calls that interleave where the dialect lets them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SMALL = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(WORDS, SMALL, max_size=3)
FINISHES = ("stop", "length", "filter")
Step = tuple[str, int, str]
"""What comes next: `text`, `thought`, `call` or `arguments`, the number of the call, and the words."""


@dataclass
class Invented:
    """An answer: its steps in order, whole arguments by call, why it ended, and tokens of input, cache and output."""

    steps: list[Step]
    calls: list[str] = field(default_factory=list)
    finish: str = "stop"
    tokens: tuple[int, int, int] = (0, 0, 0)

    def said(self, kind: str) -> str:
        """All words of one kind."""
        return "".join(words for step, _, words in self.steps if step == kind)


@st.composite
def answers(draw: st.DrawFn) -> Invented:
    """Any answer: words and thoughts in turns, calls whose arguments come in pieces, interleaved at random."""
    texts = draw(st.lists(ARGUMENTS, max_size=3))
    calls = [draw(st.sampled_from(["", "{}"])) if not value else _spelled(draw, value) for value in texts]
    waiting = [_pieces(draw, text) for text in calls]
    steps: list[Step] = []
    begun = 0
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["text", "thought", "call", "arguments"]))
        if kind in ("text", "thought"):
            steps.append((kind, 0, draw(WORDS)))
        elif kind == "call" and begun < len(calls):
            steps.append(("call", begun, ""))
            begun += 1
        elif any(waiting[:begun]):
            at = draw(st.sampled_from([at for at in range(begun) if waiting[at]]))
            steps.append(("arguments", at, waiting[at].pop(0)))
    for at in range(begun, len(calls)):
        steps.append(("call", at, ""))
    rest = [at for at, pieces in enumerate(waiting) for _ in pieces]
    steps += [("arguments", at, waiting[at].pop(0)) for at in draw(st.permutations(rest))]
    cached = draw(st.integers(0, 50))
    tokens = (cached + draw(st.integers(0, 50)), cached, draw(st.integers(0, 50)))
    return Invented(steps, calls, draw(st.sampled_from(FINISHES)), tokens)


def _spelled(draw: st.DrawFn, value: object) -> str:
    spaced = draw(st.booleans())
    return json.dumps(value, ensure_ascii=draw(st.booleans()), indent=1 if spaced else None)


def _pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
    return [text[a:b] for a, b in pairwise(cuts)]


# -- how providers stream it


def sse(events: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> list[bytes]:
    """Events of a stream, named after their type where they have one."""
    return [
        (f"event: {event['type']}\n" if "type" in event else "").encode() + f"data: {json.dumps(event)}\n\n".encode()
        for event in events
    ]


def chat(answer: Invented) -> list[bytes]:
    """The events of an OpenAI chat stream."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    events = [chunk({"role": "assistant", "content": ""})]
    for kind, at, words in answer.steps:
        if kind == "call":
            inner = {"name": f"tool_{at}", "arguments": ""}
            events.append(
                chunk({"tool_calls": [{"index": at, "id": f"call_{at}", "type": "function", "function": inner}]})
            )
        elif kind == "arguments":
            events.append(chunk({"tool_calls": [{"index": at, "function": {"arguments": words}}]}))
        else:
            events.append(chunk({"content" if kind == "text" else "reasoning_content": words}))
    finish = "tool_calls" if answer.calls and answer.finish == "stop" else answer.finish
    events.append(chunk({}, finish.replace("filter", "content_filter")))
    into, cached, out = answer.tokens
    usage = {"prompt_tokens": into, "completion_tokens": out, "prompt_tokens_details": {"cached_tokens": cached}}
    return [*sse(events), *sse([{"id": "c1", "choices": [], "usage": usage}]), b"data: [DONE]\n\n"]


def anthropic(answer: Invented) -> list[bytes]:
    """The events of an Anthropic stream: one block after the other, a call's arguments in its block."""
    into, cached, out = answer.tokens
    usage = {"input_tokens": into - cached, "cache_read_input_tokens": cached, "output_tokens": 0}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": usage}}]
    pieces: dict[int, list[str]] = {at: [] for at in range(len(answer.calls))}
    for kind, at, words in answer.steps:
        if kind == "arguments":
            pieces[at].append(words)
    index = 0
    for kind, at, words in answer.steps:
        if kind == "arguments":
            continue
        start, deltas = _block(kind, at, words, pieces)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
        index += 1
    stop = "tool_use" if answer.calls and answer.finish == "stop" else answer.finish
    stop = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}.get(stop, stop)
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": out}})
    return sse([*events, {"type": "message_stop"}])


def _block(kind: str, at: int, words: str, pieces: dict[int, list[str]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if kind == "call":
        start = {"type": "tool_use", "id": f"call_{at}", "name": f"tool_{at}", "input": {}}
        return start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces[at]]
    if kind == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": words}]
    return {"type": "thinking", "thinking": "", "signature": ""}, [{"type": "thinking_delta", "thinking": words}]


def gemini(answer: Invented) -> list[bytes]:
    """The events of a Gemini stream: calls come whole."""
    into, cached, out = answer.tokens
    usage = {"promptTokenCount": into, "cachedContentTokenCount": cached, "candidatesTokenCount": out}
    events = [
        {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}], "usageMetadata": usage}
        for part in _parts(answer)
    ]
    reason = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}[answer.finish]
    return sse([*events, {"candidates": [{"finishReason": reason, "index": 0}], "usageMetadata": usage}])


def _parts(answer: Invented) -> Iterator[dict[str, Any]]:
    for kind, at, words in answer.steps:
        if kind == "call":
            yield {"functionCall": {"name": f"tool_{at}", "args": json.loads(answer.calls[at] or "{}")}}
        elif kind != "arguments":
            yield {"text": words, **({"thought": True} if kind == "thought" else {})}


def ollama(answer: Invented) -> list[bytes]:
    """The lines of an Ollama stream: calls come whole."""
    lines: list[dict[str, Any]] = []
    for kind, at, words in answer.steps:
        if kind == "call":
            inner = {"name": f"tool_{at}", "arguments": json.loads(answer.calls[at] or "{}")}
            lines.append({"content": "", "tool_calls": [{"id": f"call_{at}", "function": inner}]})
        elif kind != "arguments":
            lines.append({"content": words} if kind == "text" else {"content": "", "thinking": words})
    reason = "length" if answer.finish == "length" else "stop"
    counts = {"prompt_eval_count": answer.tokens[0], "eval_count": answer.tokens[2]}
    end = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": reason, **counts}
    rows = [*({"model": "m", "message": message, "done": False} for message in lines), end]
    return [json.dumps(row).encode() + b"\n" for row in rows]


def responses(answer: Invented) -> list[bytes]:
    """The events of a Responses stream: every step's words are an item of their own, calls interleave."""
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "resp_1", "model": "m"}}]
    output: list[dict[str, Any]] = []
    places: dict[int, int] = {}
    for kind, at, words in answer.steps:
        if kind == "arguments":
            place = {"item_id": f"fc_{at}", "output_index": places[at]}
            events.append({"type": "response.function_call_arguments.delta", **place, "delta": words})
            continue
        item, begun, deltas = _item(kind, at, words, answer)
        index = places[at] = len(output) if kind == "call" else places.get(at, 0)
        index = len(output)
        output.append(item)
        events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        events += [{**delta, "output_index": index, "item_id": item["id"]} for delta in deltas]
        if kind != "call":
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    for at, index in places.items():
        if at < len(answer.calls):
            events.append({"type": "response.output_item.done", "output_index": index, "item": output[index]})
    return sse([*events, _response_end(answer, output)])


def _item(
    kind: str, at: int, words: str, answer: Invented
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    if kind == "call":
        call = {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": f"tool_{at}"}
        return {**call, "arguments": answer.calls[at]}, {**call, "arguments": ""}, []
    if kind == "text":
        part = {"type": "output_text", "text": words, "annotations": []}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}
        return (
            item,
            {**item, "content": []},
            [{"type": "response.output_text.delta", "content_index": 0, "delta": words}],
        )
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": words}]}
    delta = {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": words}
    return item, {**item, "summary": []}, [delta]


def _response_end(answer: Invented, output: list[dict[str, Any]]) -> dict[str, Any]:
    why = {"length": "max_output_tokens", "filter": "content_filter"}.get(answer.finish)
    into, cached, out = answer.tokens
    usage = {"input_tokens": into, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": out}
    status = "incomplete" if why else "completed"
    details = {"reason": why} if why else None
    whole = {"id": "resp_1", "model": "m", "status": status, "incomplete_details": details, "output": output}
    return {"type": f"response.{status}", "response": {**whole, "usage": usage}}


def cohere(answer: Invented) -> list[bytes]:
    """The events of a Cohere stream: one block after the other, a call's arguments in its block."""
    events: list[dict[str, Any]] = [{"type": "message-start", "id": "co_1", "delta": {"message": {}}}]
    pieces: dict[int, list[str]] = {at: [] for at in range(len(answer.calls))}
    for kind, at, words in answer.steps:
        if kind == "arguments":
            pieces[at].append(words)
    for index, (kind, at, words) in enumerate(answer.steps):
        if kind == "call":
            inner = {"id": f"call_{at}", "type": "function", "function": {"name": f"tool_{at}", "arguments": ""}}
            events.append(_cohere_event("tool-call-start", at, tool_calls=inner))
            more = [{"function": {"arguments": piece}} for piece in pieces[at]]
            events += [_cohere_event("tool-call-delta", at, tool_calls=piece) for piece in more]
            events.append({"type": "tool-call-end", "index": at})
        elif kind != "arguments":
            name = "text" if kind == "text" else "thinking"
            events.append(_cohere_event("content-start", index, content={"type": name, name: ""}))
            events.append(_cohere_event("content-delta", index, content={name: words}))
            events.append({"type": "content-end", "index": index})
    reason = {"stop": "COMPLETE", "length": "MAX_TOKENS", "filter": "COMPLETE"}[answer.finish]
    reason = "TOOL_CALL" if answer.calls and answer.finish != "length" else reason
    usage = {"billed_units": {"input_tokens": answer.tokens[0], "output_tokens": answer.tokens[2]}}
    return sse([*events, {"type": "message-end", "delta": {"finish_reason": reason, "usage": usage}}])


def _cohere_event(kind: str, index: int, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


STREAMS: dict[str, Callable[[Invented], list[bytes]]] = {
    "chat": chat,
    "responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
    "cohere": cohere,
}
"""By provider: the events of its stream, each in its bytes."""

_SAYS = {"type": "error", "error": {"type": "overloaded_error", "message": "Out of breath."}}
ERRORS: dict[str, bytes] = {
    "chat": sse([{"error": {"message": "Out of breath.", "type": "server_error", "code": "overloaded"}}])[0],
    "responses": sse([{"type": "error", "code": "server_error", "message": "Out of breath."}])[0],
    "anthropic": sse([_SAYS])[0],
    "gemini": sse([{"error": {"code": 503, "message": "Out of breath.", "status": "UNAVAILABLE"}}])[0],
    "ollama": b'{"error":"Out of breath."}\n',
    "cohere": sse([{"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "Out of breath."}}])[0],
}
"""By provider: an error in the middle of a stream."""
