"""Anthropic messages as a provider: strict about turns, blocks, ids of calls, signatures and fields."""

import json
import re
from collections.abc import Iterator
from typing import Any

from clients import checks
from clients.scripted import INPUT_TOKENS, OUTPUT_TOKENS, Say, Turn, pieces
from clients.upstream import KEY, Asked, Sent, plain, shorn

MODEL = "claude-sonnet-4-5"
SIGNATURE = "EqQBCkYIBxgCKkBzaWduYXR1cmU="
USAGE = {
    "input_tokens": INPUT_TOKENS - 5,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 2,
    "output_tokens": OUTPUT_TOKENS,
}
_FIELDS = checks.words(
    "model messages max_tokens system stream tools tool_choice temperature top_p top_k stop_sequences metadata",
    "thinking service_tier output_config output_format container context_management cache_control",
)
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


class Anthropic:
    """`POST /v1/messages` and its counter."""

    name = "anthropic"

    def listing(self, asked: Asked) -> Sent:
        row = {"type": "model", "id": MODEL, "display_name": "Claude", "created_at": "2025-09-29T00:00:00Z"}
        return plain({"data": [row], "has_more": False, "first_id": MODEL, "last_id": MODEL})

    def special(self, asked: Asked) -> Sent | None:
        if asked.json["model"] != MODEL:
            return self.error(404, f"model: {asked.json['model']}")
        return plain({"input_tokens": 4711}) if asked.path.endswith("/count_tokens") else None

    def problems(self, asked: Asked) -> Iterator[str]:
        given, headers = asked.json, asked.headers
        if headers.get("x-api-key") != KEY or "anthropic-version" not in headers or asked.path != "/v1/messages":
            yield f"key, version or path {asked.path}"
        yield from checks.unknown(given, _FIELDS, "")
        if not isinstance(given.get("max_tokens"), int) or given["max_tokens"] < 1:
            yield "max_tokens: required"
        yield from _sampling(given)
        names = [tool.get("name", "") for tool in given.get("tools", ())]
        for tool in given.get("tools", ()):
            if not _NAME.fullmatch(tool.get("name", "")):
                yield f"tools: name {tool.get('name')!r}"
            if tool.get("type", "custom") == "custom":
                yield from checks.schema(tool.get("input_schema"), f"tools.{tool.get('name')}.input_schema")
        if "tool_choice" in given and not names:
            yield "tool_choice without tools"
        if len(re.findall(rb'"cache_control"', asked.body)) > 4:
            yield "cache_control: more than 4"
        yield from _turns(given)

    def read(self, asked: Asked) -> Turn:
        given = asked.json
        turn = Turn(stream=bool(given.get("stream")), tools=[tool["name"] for tool in given.get("tools", ())])
        turn.system = checks.texts(given.get("system"))
        turn.thinks = (given.get("thinking") or {}).get("type") in ("enabled", "adaptive")
        turn.shape = (given.get("output_config") or {}).get("format") or given.get("output_format")
        turn.forced = checks.forced(given.get("tool_choice"), turn.tools, "any")
        last = given["messages"][-1]
        for block in _blocks(last):
            if block["type"] == "tool_result":
                turn.results.append(checks.texts(block.get("content") or ""))
            elif block["type"] == "image":
                turn.pictures += 1
            elif block["type"] == "text":
                turn.words += block["text"]
        return turn

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        blocks: list[dict[str, Any]] = []
        if say.thought:
            blocks.append({"type": "thinking", "thinking": say.thought, "signature": SIGNATURE})
        if say.text:
            blocks.append({"type": "text", "text": say.text})
        for at, (name, arguments) in enumerate(say.calls):
            blocks.append({"type": "tool_use", "id": f"toolu_{at}abc", "name": name, "input": json.loads(arguments)})
        reason = "tool_use" if say.calls else "end_turn"
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}
        end = {"stop_reason": reason, "stop_sequence": None}
        if not turn.stream:
            return plain(head | {"content": blocks, **end, "usage": USAGE})
        began = head | {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": USAGE | {"output_tokens": 1},
        }
        events: list[dict[str, Any]] = [{"type": "message_start", "message": began}, {"type": "ping"}]
        for at, block in enumerate(blocks):
            events += _block_events(at, block)
        events += [
            {"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT_TOKENS}},
            {"type": "message_stop"},
        ]
        sent = [b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events]
        return shorn(say, Sent(sent, content_type="text/event-stream; charset=utf-8"))

    def error(self, status: int, message: str) -> Sent:
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            404: "not_found_error",
            429: "rate_limit_error",
        }
        body = {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}
        return Sent([json.dumps(body).encode()], status)


def _block_events(at: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    deltas: list[dict[str, Any]]
    if block["type"] == "thinking":
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif block["type"] == "text":
        empty = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    else:
        empty = block | {"input": {}}
        text = json.dumps(block["input"], ensure_ascii=False)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces(text))]
    yield {"type": "content_block_start", "index": at, "content_block": empty}
    yield from ({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas)
    yield {"type": "content_block_stop", "index": at}


def _sampling(given: dict[str, Any]) -> Iterator[str]:
    if not 0 <= given.get("temperature", 1) <= 1:
        yield "temperature: 0 to 1"
    if "temperature" in given and "top_p" in given:
        yield "temperature and top_p"
    thinking = given.get("thinking") or {}
    if thinking.get("type") == "enabled":
        if not 1024 <= thinking["budget_tokens"] < given["max_tokens"]:
            yield "thinking.budget_tokens"
        if given.get("temperature", 1) != 1 or "top_k" in given:
            yield "thinking with temperature or top_k"
        if (given.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "thinking with a forced tool"


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _turns(given: dict[str, Any]) -> Iterator[str]:
    messages = given["messages"]
    if not messages or messages[0]["role"] != "user":
        yield "messages: the first is not the user's"
    thinks = (given.get("thinking") or {}).get("type") == "enabled"
    owed: list[str] = []
    for at, message in enumerate(messages):
        where, blocks = f"messages.{at}.", _blocks(message)
        yield from checks.unknown(message, ("role", "content"), where)
        yield from _results(blocks, owed, where)
        for block in blocks:
            yield from _check_block(block, message["role"], where)
        owed = [block["id"] for block in blocks if block["type"] == "tool_use"]
        in_progress = all(_is_result(later) for later in messages[at + 1 :: 2])
        if owed and thinks and in_progress and not blocks[0]["type"].endswith("thinking"):
            yield f"{where}a call of this turn without its thinking"
    if owed:
        yield f"calls {owed} have no answer"
    yield from _ending(messages[-1])


def _is_result(message: dict[str, Any]) -> bool:
    return any(block["type"] == "tool_result" for block in _blocks(message))


def _results(blocks: list[dict[str, Any]], owed: list[str], where: str) -> Iterator[str]:
    """Every call has its result, and results stand in front."""
    kinds = [block["type"] for block in blocks]
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    if not blocks:
        yield f"{where}content: empty"
    if sorted(results) != sorted(owed):
        yield f"{where}calls {owed} are answered by {results}"
    if "tool_result" in kinds and set(kinds[: len(results)]) != {"tool_result"}:
        yield f"{where}results do not come first"


def _ending(message: dict[str, Any]) -> Iterator[str]:
    last = _blocks(message)[-1]
    if message["role"] == "assistant" and last["type"] == "text" and last["text"] != last["text"].rstrip():
        yield "the last text ends in blanks"


_ROLES = {
    "text": ("user", "assistant"),
    "image": ("user",),
    "document": ("user",),
    "tool_result": ("user",),
    "tool_use": ("assistant",),
    "thinking": ("assistant",),
    "redacted_thinking": ("assistant",),
}


def _check_block(block: dict[str, Any], role: str, where: str) -> Iterator[str]:
    kind = block["type"]
    if role not in _ROLES.get(kind, ()):
        yield f"{where}{kind} of {role}"
    if kind == "text" and not block["text"].strip():
        yield f"{where}text: blank"
    elif kind == "image" and block["source"]["type"] == "base64":
        yield from checks.picture(block["source"]["data"], block["source"]["media_type"], f"{where}image")
    elif kind == "thinking" and block["signature"] != SIGNATURE:
        yield f"{where}thinking: signature {block['signature']!r} is not mine"
    elif kind == "tool_use" and not (isinstance(block["input"], dict) and _ID.fullmatch(block["id"])):
        yield f"{where}tool_use: input or id"
