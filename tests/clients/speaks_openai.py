"""OpenAI chat as a provider: strict about roles, ids of calls, parts and fields."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

from clients import checks
from clients.scripted import INPUT_TOKENS, OUTPUT_TOKENS, Say, Turn, pieces, vector
from clients.upstream import KEY, Asked, Sent, plain, shorn

MODEL = "gpt-4.1"
EMBEDS = "text-embedding-3-small"
USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
_FIELDS = checks.words(
    "model messages stream stream_options tools tool_choice parallel_tool_calls temperature top_p n stop max_tokens",
    "max_completion_tokens presence_penalty frequency_penalty logit_bias logprobs top_logprobs user seed",
    "response_format reasoning_effort store metadata service_tier prompt_cache_key safety_identifier verbosity",
    "prediction modalities audio web_search_options prompt_cache_retention",
)
_PARTS = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", "image_url", "input_audio", "file"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
}
_TURN_FIELDS = checks.words("role content name tool_calls tool_call_id refusal audio function_call")


class OpenAI:
    """`POST /v1/chat/completions` and `/v1/embeddings`."""

    name = "openai"

    def listing(self, asked: Asked) -> Sent:
        rows = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in (MODEL, EMBEDS)]
        return plain({"object": "list", "data": rows})

    def special(self, asked: Asked) -> Sent | None:
        given = asked.json
        if given["model"] not in (MODEL, EMBEDS):
            return self.error(404, f"The model {given['model']!r} does not exist.")
        if not asked.path.endswith("/embeddings"):
            return None
        many = [given["input"]] if isinstance(given["input"], str) else given["input"]
        if not all(isinstance(text, str) for text in many) or given["model"] != EMBEDS:
            return self.error(400, "input or model")
        length = given.get("dimensions") or 4
        rows = []
        for at, text in enumerate(many):
            found: Any = vector(text, length)
            if given.get("encoding_format") == "base64":
                found = base64.b64encode(struct.pack(f"<{length}f", *found)).decode()
            rows.append({"object": "embedding", "index": at, "embedding": found})
        usage = {"prompt_tokens": INPUT_TOKENS, "total_tokens": INPUT_TOKENS}
        return plain({"object": "list", "data": rows, "model": EMBEDS, "usage": usage})

    def problems(self, asked: Asked) -> Iterator[str]:
        given = asked.json
        if asked.headers.get("authorization") != f"Bearer {KEY}" or not asked.path.endswith("/chat/completions"):
            yield f"key or path {asked.path}"
        yield from checks.unknown(given, _FIELDS, "")
        if "stream_options" in given and not given.get("stream"):
            yield "stream_options without stream"
        if isinstance(given.get("stop"), list) and not 1 <= len(given["stop"]) <= 4:
            yield "stop"
        for tool in given.get("tools", ()):
            yield from _tool(tool)
        if "tools" in given and not given["tools"]:
            yield "tools: empty"
        if not given.get("tools"):
            yield from (f"{name} without tools" for name in ("tool_choice", "parallel_tool_calls") if name in given)
        yield from _messages(given["messages"])

    def read(self, asked: Asked) -> Turn:
        given = asked.json
        turn = Turn(stream=bool(given.get("stream")), tools=[_name(tool) for tool in given.get("tools", ())])
        turn.forced = checks.forced(given.get("tool_choice"), turn.tools, "required")
        for message in given["messages"]:
            content, role = message.get("content"), message["role"]
            if role in ("system", "developer"):
                turn.system = turn.system or checks.texts(content)
            elif role == "tool":
                turn.results.append(checks.texts(content))
            elif role == "assistant":
                turn.words, turn.pictures, turn.results = "", 0, []
            else:
                turn.words += checks.texts(content)
                turn.pictures += 0 if isinstance(content, str) else sum(p["type"] == "image_url" for p in content)
        form = given.get("response_format") or {}
        turn.shape = form if form.get("type", "text") != "text" else None
        return turn

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        calls = [
            {"id": f"call_{at}abc", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(say.calls)
        ]
        reason = "tool_calls" if calls else "stop"
        if not turn.stream:
            message = {"role": "assistant", "content": say.text or None, "refusal": None}
            message |= {"tool_calls": calls} if calls else {}
            choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
            return plain(_frame("chat.completion") | {"choices": [choice], "usage": USAGE})
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if say.text else None}]
        deltas += ({"content": piece} for piece in pieces(say.text))
        for at, call in enumerate(calls):
            begun = {**call, "function": {**call["function"], "arguments": ""}}
            deltas.append({"tool_calls": [{"index": at, **begun}]})
            deltas += (
                {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}
                for piece in pieces(call["function"]["arguments"])
            )
        chunks = [_chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
        chunks.append(_chunk([{"index": 0, "delta": {}, "finish_reason": reason}]))
        if (asked.json.get("stream_options") or {}).get("include_usage"):
            chunks.append(_chunk([], USAGE))
        return shorn(say, Sent([*chunks, b"data: [DONE]\n\n"], content_type="text/event-stream; charset=utf-8"))

    def error(self, status: int, message: str) -> Sent:
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        return Sent([json.dumps(body).encode()], status)


def _frame(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_760_000_000, "model": MODEL}


def _chunk(choices: list[Any], usage: Any = None) -> bytes:
    value = _frame("chat.completion.chunk") | {"choices": choices, "usage": usage}
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _name(tool: dict[str, Any]) -> str:
    name: str = tool[tool["type"]]["name"]
    return name


def _tool(tool: dict[str, Any]) -> Iterator[str]:
    if tool.get("type") == "custom":
        return
    inner = tool["function"]
    yield from checks.unknown(inner, ("name", "description", "parameters", "strict"), "tools.function.")
    if not checks.NAME.fullmatch(inner["name"]):
        yield f"tools: name {inner['name']!r}"
    if inner.get("parameters"):
        yield from checks.schema(inner["parameters"], f"tools.{inner['name']}")


def _messages(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Roles and parts, and that every call is answered at once and only calls are."""
    owed: set[str] = set()
    for at, message in enumerate(messages):
        where, role = f"messages.{at}.", message["role"]
        yield from checks.unknown(message, _TURN_FIELDS, where)
        if role == "tool":
            if message["tool_call_id"] not in owed:
                yield f"{where}tool_call_id {message['tool_call_id']!r} answers no call"
            owed.discard(message["tool_call_id"])
        elif owed:
            yield f"{where}calls {sorted(owed)} have no answer"
        yield from _content(message, where)
        yield from _calls(message, owed, where)
    if owed:
        yield f"calls {sorted(owed)} have no answer"


def _calls(message: dict[str, Any], owed: set[str], where: str) -> Iterator[str]:
    if "tool_calls" in message and not message["tool_calls"]:
        yield f"{where}tool_calls: empty"
    for call in message.get("tool_calls") or ():
        owed.add(call["id"])
        json.loads(call["function"]["arguments"])
        yield from checks.unknown(call, ("id", "type", "function", "custom"), f"{where}tool_calls.")


def _content(message: dict[str, Any], where: str) -> Iterator[str]:
    content = message.get("content")
    if message["role"] not in _PARTS:
        yield f"{where}role {message['role']!r}"
        return
    if content is None and not (
        message["role"] == "assistant" and (message.get("tool_calls") or message.get("refusal"))
    ):
        yield f"{where}content: null"
    if content == []:
        yield f"{where}content: empty list"
    for part in content if isinstance(content, list) else ():
        if part["type"] not in _PARTS[message["role"]]:
            yield f"{where}content: {part['type']} of {message['role']}"
        if part["type"] == "image_url":
            url = part["image_url"]["url"]
            head, _, data = url.partition(";base64,")
            if not url.startswith("https://"):
                yield from checks.picture(data, head.removeprefix("data:"), f"{where}image_url")
