"""Ollama's own API as a provider: types as its server decodes them, lines of JSON."""

import json
from collections.abc import Iterator
from typing import Any

from clients import checks
from clients.scripted import INPUT_TOKENS, OUTPUT_TOKENS, Say, Turn, pieces, vector
from clients.upstream import Asked, Sent, plain, shorn

MODEL = "qwen3:8b"
EMBEDS = "nomic-embed-text:latest"
_TIME = "2026-01-02T03:04:05.678901Z"
_DONE = {
    "done": True,
    "total_duration": 9,
    "load_duration": 1,
    "prompt_eval_count": INPUT_TOKENS,
    "prompt_eval_duration": 3,
    "eval_count": OUTPUT_TOKENS,
    "eval_duration": 5,
}
_TYPES: dict[str, type] = {"model": str, "messages": list, "stream": bool, "tools": list, "options": dict}
_OPTIONS = {"num_ctx": int, "num_predict": int, "top_k": int, "seed": int, "stop": list}


class Ollama:
    """`POST /api/chat`, `/api/generate` and `/api/embed`."""

    name = "ollama"

    def listing(self, asked: Asked) -> Sent:
        return plain({"models": [{"name": name, "model": name, "size": 1} for name in (MODEL, EMBEDS)]})

    def special(self, asked: Asked) -> Sent | None:
        given = asked.json
        if given["model"] not in (MODEL, EMBEDS):
            return self.error(404, f"model {given['model']!r} not found")
        if asked.path == "/api/embed":
            many = [given["input"]] if isinstance(given["input"], str) else given["input"]
            vectors = [vector(text, given.get("dimensions") or 4) for text in many]
            return plain({"model": EMBEDS, "embeddings": vectors, "prompt_eval_count": INPUT_TOKENS})
        if asked.path == "/api/generate":
            words = given["prompt"] + (f" … {given['suffix']}" if given.get("suffix") else "")
            line = {
                "model": MODEL,
                "created_at": _TIME,
                "response": f"You said: {words}",
                **_DONE,
                "done_reason": "stop",
            }
            return plain(line) if given.get("stream") is False else Sent([_line(line)], content_type=_NDJSON)
        return None

    def problems(self, asked: Asked) -> Iterator[str]:
        given = asked.json
        if "authorization" in asked.headers or asked.path != "/api/chat":
            yield f"key or path {asked.path}"
        options = given.get("options", {})
        yield from (
            f"{name}: wrong type" for name, kind in _TYPES.items() if not isinstance(given.get(name, kind()), kind)
        )
        yield from (
            f"options.{name}: wrong type"
            for name, kind in _OPTIONS.items()
            if not isinstance(options.get(name, kind()), kind)
        )
        if given.get("think", False) not in (True, False, "low", "medium", "high"):
            yield f"think {given['think']!r}"
        if isinstance(given.get("format"), str) and given["format"] not in ("", "json"):
            yield f"format {given['format']!r}"
        for tool in given.get("tools", ()):
            function = tool["function"]
            yield from checks.schema(function["parameters"], f"tools.{function['name']}")
        for at, message in enumerate(given["messages"]):
            yield from _message(message, f"messages.{at}.")

    def read(self, asked: Asked) -> Turn:
        given = asked.json
        turn = Turn(
            stream=given.get("stream") is not False,
            tools=[tool["function"]["name"] for tool in given.get("tools", ())],
            thinks=given.get("think") not in (None, False),
            shape=given.get("format") or None,
        )
        for message in given["messages"]:
            if message["role"] == "system":
                turn.system = turn.system or message["content"]
            elif message["role"] == "tool":
                turn.results.append(message["content"])
            elif message["role"] == "assistant":
                turn.words, turn.pictures, turn.results = "", 0, []
            else:
                turn.words += message["content"]
                turn.pictures += len(message.get("images", ()))
        return turn

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        calls = [{"function": {"name": name, "arguments": json.loads(arguments)}} for name, arguments in say.calls]
        message: dict[str, Any] = {"role": "assistant", "content": say.text}
        message |= {"thinking": say.thought} if say.thought else {}
        message |= {"tool_calls": calls} if calls else {}
        head = {"model": MODEL, "created_at": _TIME}
        if not turn.stream:
            return plain(head | {"message": message, **_DONE, "done_reason": "stop"})
        parts: list[dict[str, Any]] = [{"content": "", "thinking": say.thought}] if say.thought else []
        parts += ({"content": piece} for piece in pieces(say.text))
        parts += ({"content": "", "tool_calls": [call]} for call in calls)
        lines = [head | {"message": {"role": "assistant", **part}, "done": False} for part in parts]
        lines.append(head | {"message": {"role": "assistant", "content": ""}, **_DONE, "done_reason": "stop"})
        return shorn(say, Sent([_line(line) for line in lines], content_type=_NDJSON))

    def error(self, status: int, message: str) -> Sent:
        return Sent([json.dumps({"error": message}).encode()], status)


_NDJSON = "application/x-ndjson"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _message(message: dict[str, Any], where: str) -> Iterator[str]:
    if message["role"] not in ("system", "user", "assistant", "tool"):
        yield f"{where}role {message['role']!r}"
    if not isinstance(message.get("content", ""), str):
        yield f"{where}content: no string"
    for data in message.get("images", ()):
        yield from checks.picture(data, "image/png", f"{where}images")
    for call in message.get("tool_calls", ()):
        if not isinstance(call["function"]["arguments"], dict):
            yield f"{where}tool_calls: arguments are no object"
