"""OpenAI Responses as a provider: strict about items, ids of calls, sealed thoughts and fields."""

import json
from collections.abc import Iterator
from typing import Any

from clients import checks
from clients.scripted import INPUT_TOKENS, OUTPUT_TOKENS, Say, Turn, pieces
from clients.upstream import KEY, Asked, Sent, plain, shorn

MODEL = "gpt-5.1-codex"
SEALED = "gAAAAABsealed"
USAGE = {
    "input_tokens": INPUT_TOKENS,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens": OUTPUT_TOKENS,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
}
_FIELDS = checks.words(
    "model input instructions stream store tools tool_choice parallel_tool_calls temperature top_p max_output_tokens",
    "text reasoning include metadata user prompt_cache_key safety_identifier service_tier truncation top_logprobs",
    "previous_response_id background max_tool_calls prompt stream_options prompt_cache_retention conversation",
    "client_metadata",
)
_PARTS = {
    "user": {"input_text", "input_image", "input_file"},
    "system": {"input_text"},
    "developer": {"input_text"},
    "assistant": {"output_text", "refusal"},
}
_ITEMS = {
    "message": checks.words("type role content id status phase"),
    "function_call": checks.words("type call_id name arguments id status"),
    "function_call_output": checks.words("type call_id output id status"),
    "custom_tool_call": checks.words("type call_id name input id status"),
    "custom_tool_call_output": checks.words("type call_id output id status"),
    "item_reference": checks.words("type id"),
    "reasoning": checks.words("type id summary encrypted_content content status"),
}


class Responses:
    """`POST /v1/responses`."""

    name = "responses"

    def listing(self, asked: Asked) -> Sent:
        return plain({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "openai"}]})

    def special(self, asked: Asked) -> Sent | None:
        if asked.json["model"] != MODEL:
            return self.error(404, f"The model {asked.json['model']!r} does not exist.")
        if not asked.path.endswith("/compact"):
            return None
        sealed = {"id": "cmp_1", "type": "compaction", "encrypted_content": SEALED}
        head = {"id": "resp_2", "object": "response.compaction", "created_at": 1_760_000_000}
        return plain(head | {"output": [sealed], "usage": USAGE})

    def problems(self, asked: Asked) -> Iterator[str]:
        given = asked.json
        if asked.headers.get("authorization") != f"Bearer {KEY}" or asked.path != "/v1/responses":
            yield f"key or path {asked.path}"
        yield from checks.unknown(given, _FIELDS, "")
        yield from checks.unknown(given.get("text") or {}, ("format", "verbosity"), "text.")
        yield from checks.unknown(given.get("reasoning") or {}, ("effort", "summary", "generate_summary"), "reasoning.")
        if (given.get("max_output_tokens") or 16) < 16:
            yield "max_output_tokens: at least 16"
        for tool in given.get("tools") or ():
            yield from _tool(tool)
        yield from _items(given["input"])

    def read(self, asked: Asked) -> Turn:
        given = asked.json
        turn = Turn(stream=bool(given.get("stream")), tools=[tool.get("name", "") for tool in given.get("tools") or ()])
        turn.system = given.get("instructions") or ""
        turn.forced = checks.forced(given.get("tool_choice"), turn.tools, "required")
        turn.thinks = bool(given.get("reasoning"))
        form = (given.get("text") or {}).get("format") or {}
        turn.shape = form if form.get("type", "text") != "text" else None
        if isinstance(given["input"], str):
            turn.words = given["input"]
            return turn
        for item in given["input"]:
            _read_item(item, turn)
        return turn

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        output: list[dict[str, Any]] = []
        if say.thought:
            summary = [{"type": "summary_text", "text": say.thought}]
            seal = (
                {"encrypted_content": SEALED} if "reasoning.encrypted_content" in asked.json.get("include", ()) else {}
            )
            output.append({"id": "rs_1", "type": "reasoning", "summary": summary, **seal})
        if say.text:
            text = {"type": "output_text", "text": say.text, "annotations": [], "logprobs": []}
            output.append(
                {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
            )
        output += (
            {
                "id": f"fc_{at}",
                "type": "function_call",
                "call_id": f"call_{at}abc",
                "name": name,
                "arguments": arguments,
                "status": "completed",
            }
            for at, (name, arguments) in enumerate(say.calls)
        )
        thinks = {"effort": None, "summary": None} | (asked.json.get("reasoning") or {})
        whole = _frame("completed") | {"output": output, "usage": USAGE, "reasoning": thinks}
        return shorn(say, _streamed(whole)) if turn.stream else plain(whole)

    def error(self, status: int, message: str) -> Sent:
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        return Sent([json.dumps(body).encode()], status)


_REST: dict[str, Any] = {
    "output": [],
    "usage": None,
    "instructions": None,
    "metadata": {},
    "store": False,
    "background": False,
    "completed_at": None,
    "previous_response_id": None,
    "truncation": "disabled",
    "text": {"format": {"type": "text"}},
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "reasoning": {"effort": None, "summary": None},
    "max_output_tokens": None,
    "max_tool_calls": None,
    "service_tier": "default",
    "safety_identifier": None,
    "prompt_cache_key": None,
}


def _frame(status: str) -> dict[str, Any]:
    fixed = {"tool_choice": "auto", "tools": [], "parallel_tool_calls": True, "error": None, "incomplete_details": None}
    head = {"id": "resp_1", "object": "response", "created_at": 1_760_000_000, "status": status, "model": MODEL}
    return head | fixed | _REST


def _streamed(whole: dict[str, Any]) -> Sent:
    events: list[dict[str, Any]] = [
        {"type": f"response.{kind}", "response": _frame("in_progress")} for kind in ("created", "in_progress")
    ]
    for at, item in enumerate(whole["output"]):
        events += ({**event, "output_index": at} for event in _item_events(item))
    events.append({"type": "response.completed", "response": whole})
    sent = [
        b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps({**e, "sequence_number": at}).encode())
        for at, e in enumerate(events)
    ]
    return Sent(sent, content_type="text/event-stream; charset=utf-8")


def _item_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    empty = {"message": {"content": []}, "function_call": {"arguments": ""}, "reasoning": {"summary": []}}
    begun = item | empty[item["type"]] | ({"status": "in_progress"} if "status" in item else {})
    yield {"type": "response.output_item.added", "item": begun}
    own = {"item_id": item["id"]}
    if item["type"] == "message":
        (part,) = item["content"]
        own |= {"content_index": 0}
        yield {"type": "response.content_part.added", **own, "part": part | {"text": ""}}
        for piece in pieces(part["text"]):
            yield {"type": "response.output_text.delta", **own, "delta": piece, "logprobs": []}
        yield {"type": "response.output_text.done", **own, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **own, "part": part}
    elif item["type"] == "function_call":
        for piece in pieces(item["arguments"]):
            yield {"type": "response.function_call_arguments.delta", **own, "delta": piece}
        yield {
            "type": "response.function_call_arguments.done",
            **own,
            "name": item["name"],
            "arguments": item["arguments"],
        }
    else:
        (part,) = item["summary"]
        own |= {"summary_index": 0}
        yield {"type": "response.reasoning_summary_part.added", **own, "part": part | {"text": ""}}
        for piece in pieces(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **own, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **own, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **own, "part": part}
    yield {"type": "response.output_item.done", "item": item}


def _tool(tool: dict[str, Any]) -> Iterator[str]:
    if tool["type"] != "function":
        return
    yield from checks.unknown(tool, ("type", "name", "description", "parameters", "strict"), "tools.")
    if not checks.NAME.fullmatch(tool["name"]):
        yield f"tools: name {tool['name']!r}"
    if tool.get("parameters"):
        yield from checks.schema(tool["parameters"], f"tools.{tool['name']}")


def _items(given: Any) -> Iterator[str]:
    """Items and parts, and that every call has its output and only calls have one."""
    owed: dict[str, str] = {}
    for at, item in enumerate(given if isinstance(given, list) else ()):
        where, kind = f"input.{at}.", item.get("type", "message")
        if kind not in _ITEMS:
            yield f"{where}type {kind!r}"
            continue
        yield from checks.unknown(item, _ITEMS[kind], where)
        if kind.endswith("_call"):
            owed[item["call_id"]] = kind
            json.loads(item.get("arguments", "{}"))
        elif kind.endswith("_output") and owed.pop(item["call_id"], "") != kind.removesuffix("_output"):
            yield f"{where}call_id {item['call_id']!r} answers no call"
        elif kind in _CHECKS:
            yield from _CHECKS[kind](item, where)
    if owed:
        yield f"calls {sorted(owed)} have no output"


def _reasoning(item: dict[str, Any], where: str) -> Iterator[str]:
    if item.get("encrypted_content") != SEALED or "summary" not in item:
        yield f"{where}reasoning that is not mine"


def _message(item: dict[str, Any], where: str) -> Iterator[str]:
    if item["role"] not in _PARTS:
        yield f"{where}role {item['role']!r}"
    for part in item["content"] if isinstance(item["content"], list) else ():
        if part["type"] not in _PARTS[item["role"]]:
            yield f"{where}content: {part['type']} of {item['role']}"
        if part["type"] == "input_image" and not part["image_url"].startswith("https://"):
            head, _, data = part["image_url"].partition(";base64,")
            yield from checks.picture(data, head.removeprefix("data:"), f"{where}input_image")


def _read_item(item: dict[str, Any], turn: Turn) -> None:
    kind = item.get("type", "message")
    if kind.endswith("_output"):
        turn.results.append(checks.texts(item["output"], ("input_text", "output_text")))
    elif kind == "message" and item["role"] == "user":
        turn.words += checks.texts(item["content"], ("input_text",))
        turn.pictures += sum(p["type"] == "input_image" for p in item["content"] if isinstance(p, dict))
    elif kind == "message" and item["role"] == "assistant":
        turn.words, turn.pictures, turn.results = "", 0, []
    elif kind.endswith("_call") or kind == "item_reference":
        turn.words, turn.results = "", [] if turn.words else turn.results
    elif kind == "message":
        turn.system = turn.system or checks.texts(item["content"], ("input_text",))


def _reference(item: dict[str, Any], where: str) -> Iterator[str]:
    if item["id"] not in ("msg_1", "rs_1", "fc_0", "fc_1"):
        yield f"{where}item {item['id']!r} is not found"


_CHECKS = {"message": _message, "reasoning": _reasoning, "item_reference": _reference}
