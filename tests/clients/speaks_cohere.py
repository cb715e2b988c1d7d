"""Cohere's chat, version 2, as a provider: strict about roles, results of calls, ranges and fields."""

import json
from collections.abc import Iterator
from typing import Any

from clients import checks
from clients.scripted import INPUT_TOKENS, OUTPUT_TOKENS, Say, Turn, pieces, vector
from clients.upstream import KEY, Asked, Sent, plain, shorn

MODEL = "command-a-reasoning-08-2025"
EMBEDS = "embed-v4.0"
USAGE = {
    "billed_units": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    "tokens": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
}
_FIELDS = checks.words(
    "model messages stream tools tool_choice temperature p k seed max_tokens stop_sequences frequency_penalty",
    "presence_penalty response_format thinking documents citation_options safety_mode strict_tools logprobs priority",
)
_RANGES = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1)}
_TURNS = {
    "system": checks.words("role content"),
    "user": checks.words("role content"),
    "assistant": checks.words("role content tool_plan tool_calls citations"),
    "tool": checks.words("role content tool_call_id"),
}
_PARTS = {
    "system": {"text"},
    "user": {"text", "image_url"},
    "assistant": {"text", "thinking"},
    "tool": {"text", "document"},
}


class Cohere:
    """`POST /v2/chat` and `/v2/embed`."""

    name = "cohere"

    def listing(self, asked: Asked) -> Sent:
        rows = [(MODEL, ["chat"]), (EMBEDS, ["embed"])]
        return plain({"models": [{"name": name, "endpoints": kinds, "context_length": 256000} for name, kinds in rows]})

    def special(self, asked: Asked) -> Sent | None:
        given = asked.json
        if given["model"] not in (MODEL, EMBEDS):
            return self.error(404, f"model '{given['model']}' not found")
        if asked.path != "/v2/embed":
            return None
        known = checks.words(
            "model texts input_type embedding_types output_dimension truncate inputs images max_tokens"
        )
        problems = [*checks.unknown(given, known, "")]
        if problems or not given.get("input_type"):
            return self.error(400, "; ".join(problems) or "input_type is required")
        vectors = [vector(text, given.get("output_dimension") or 4) for text in given["texts"]]
        return plain({"id": "e1", "embeddings": {"float": vectors}, "texts": given["texts"], "meta": USAGE})

    def problems(self, asked: Asked) -> Iterator[str]:
        given = asked.json
        if asked.headers.get("authorization") != f"Bearer {KEY}" or asked.path != "/v2/chat":
            yield f"key or path {asked.path}"
        yield from checks.unknown(given, _FIELDS, "")
        for name, (least, most) in _RANGES.items():
            if not least <= given.get(name, least) <= most:
                yield f"{name}: {given[name]}"
        if given.get("tool_choice", "NONE") not in ("NONE", "REQUIRED"):
            yield f"tool_choice {given['tool_choice']!r}"
        for tool in given.get("tools", ()):
            yield from checks.unknown(tool["function"], ("name", "description", "parameters"), "tools.function.")
            yield from checks.schema(tool["function"]["parameters"], f"tools.{tool['function']['name']}")
        if given.get("tools") and given.get("response_format", {}).get("type") == "json_object":
            yield "response_format beside tools"
        yield from _messages(given["messages"])

    def read(self, asked: Asked) -> Turn:
        given = asked.json
        turn = Turn(
            stream=bool(given.get("stream")), tools=[tool["function"]["name"] for tool in given.get("tools", ())]
        )
        turn.thinks = (given.get("thinking") or {}).get("type") == "enabled"
        turn.forced = turn.tools[0] if given.get("tool_choice") == "REQUIRED" else ""
        turn.shape = given.get("response_format")
        for message in given["messages"]:
            content, role = message.get("content"), message["role"]
            if role == "system":
                turn.system = turn.system or checks.texts(content)
            elif role == "tool":
                turn.results.append(_result(content))
            elif role == "assistant":
                turn.words, turn.pictures, turn.results = "", 0, []
            else:
                turn.words += checks.texts(content)
                turn.pictures += 0 if isinstance(content, str) else sum(p["type"] == "image_url" for p in content)
        return turn

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        content: list[dict[str, Any]] = [{"type": "thinking", "thinking": say.thought}] if say.thought else []
        content += [{"type": "text", "text": say.text}] if say.text else []
        calls = [
            {"id": f"{name}_{at}abc", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(say.calls)
        ]
        reason = "TOOL_CALL" if calls else "COMPLETE"
        if not turn.stream:
            message = {"role": "assistant", **({"content": content} if content else {})}
            message |= {"tool_plan": "I will look it up.", "tool_calls": calls} if calls else {}
            return plain({"id": "c1", "finish_reason": reason, "message": message, "usage": USAGE})
        events = [_event("message-start", id="c1", delta=_delta(role="assistant", content=[], tool_calls=[]))]
        for at, part in enumerate(content):
            events += _content_events(at, part)
        if calls:
            events.append(_event("tool-plan-delta", delta=_delta(tool_plan="I will look it up.")))
        for at, call in enumerate(calls):
            events += _call_events(at, call)
        events.append(_event("message-end", id="c1", delta={"finish_reason": reason, "usage": USAGE}))
        return shorn(say, Sent(events, content_type="text/event-stream"))

    def error(self, status: int, message: str) -> Sent:
        return Sent([json.dumps({"id": "x1", "message": message}).encode()], status)


def _event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n".encode()


def _delta(**message: Any) -> dict[str, Any]:
    return {"message": message}


def _content_events(at: int, part: dict[str, Any]) -> Iterator[bytes]:
    kind = part["type"]
    yield _event("content-start", index=at, delta=_delta(content={"type": kind, kind: ""}))
    for piece in pieces(part[kind]):
        yield _event("content-delta", index=at, delta=_delta(content={kind: piece}))
    yield _event("content-end", index=at)


def _call_events(at: int, call: dict[str, Any]) -> Iterator[bytes]:
    begun = {**call, "function": {**call["function"], "arguments": ""}}
    yield _event("tool-call-start", index=at, delta=_delta(tool_calls=begun))
    for piece in pieces(call["function"]["arguments"]):
        yield _event("tool-call-delta", index=at, delta=_delta(tool_calls={"function": {"arguments": piece}}))
    yield _event("tool-call-end", index=at)


def _result(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or json.dumps(part["document"]["data"]) for part in content)


def _messages(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Roles and parts, and that every call is answered at once and only calls are."""
    owed: set[str] = set()
    for at, message in enumerate(messages):
        where, role = f"messages.{at}.", message["role"]
        if role not in _TURNS:
            yield f"{where}role {role!r}"
            continue
        yield from checks.unknown(message, _TURNS[role], where)
        if role == "tool":
            if message["tool_call_id"] not in owed:
                yield f"{where}tool_call_id {message['tool_call_id']!r} answers no call"
            owed.discard(message["tool_call_id"])
        elif owed:
            yield f"{where}calls {sorted(owed)} have no result"
        yield from _content(message, where)
        owed |= {call["id"] for call in message.get("tool_calls", ())}
    if owed:
        yield f"calls {sorted(owed)} have no result"


def _content(message: dict[str, Any], where: str) -> Iterator[str]:
    content = message.get("content")
    if not content and not message.get("tool_calls"):
        yield f"{where}content: empty"
    for part in content if isinstance(content, list) else ():
        if part["type"] not in _PARTS[message["role"]]:
            yield f"{where}content: {part['type']} of {message['role']}"
        if part["type"] == "image_url":
            head, _, data = part["image_url"]["url"].partition(";base64,")
            yield from checks.picture(data, head.removeprefix("data:"), f"{where}image_url")
    for call in message.get("tool_calls", ()):
        json.loads(call["function"]["arguments"])
