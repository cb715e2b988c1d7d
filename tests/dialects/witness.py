"""An own reading of answers in every dialect, plain and streamed, that shares no code with the program's.

`read` says what a client would see: words, thoughts, calls with their arguments as values, why it ended, and the tokens
that were counted. It is small and trusting, for what it reads is either recorded or written by the program.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FINISHES = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "pause_turn", "STOP", "completed", "complete", ""), "stop"),
    **dict.fromkeys(("length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length"), "length"),
    **dict.fromkeys(("tool_calls", "tool_use", "function_call"), "calls"),
    **dict.fromkeys(
        ("content_filter", "refusal", "SAFETY", "RECITATION", "MODEL_ARMOR", "PROHIBITED_CONTENT"), "filter"
    ),
}


@dataclass
class Seen:
    """What a client sees; `tokens` are all of the input, those of it from a cache, and all of the output."""

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    finish: str = ""
    tokens: tuple[int | None, int | None, int | None] = (None, None, None)
    refusal: str = ""


def read(name: str, body: bytes, *, stream: bool) -> Seen:
    """Read an answer in the dialect `name`, which is whole: it ends as the model's own when it does not say why."""
    seen = (_STREAMS if stream else _PLAIN)[name](body)
    if seen.finish in ("stop", "") and seen.calls:
        seen.finish = "calls"
    elif seen.finish in ("calls", "") and not seen.calls:
        seen.finish = "stop"
    return seen


def events(body: bytes) -> list[dict[str, Any]]:
    """The JSON objects of an event stream."""
    found: list[dict[str, Any]] = []
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines).strip()
        if data and data != b"[DONE]":
            found.append(json.loads(data))
    return found


def arguments(text: str | None) -> Any:
    """The value of arguments; what is no JSON is its own value, nothing is an empty object."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


# -- OpenAI chat


def _chat(body: bytes) -> Seen:
    reply = json.loads(body)
    choice = reply["choices"][0]
    message = choice["message"]
    seen = Seen(finish=_finish(choice.get("finish_reason")), tokens=_chat_tokens(reply))
    _chat_words(seen, message)
    for call in message.get("tool_calls") or ():
        inner = call.get("function") or call["custom"]
        seen.calls.append((inner["name"], arguments(inner.get("arguments", inner.get("input")))))
    return seen


def _chat_words(seen: Seen, message: dict[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            seen.text += part.get("text", "") if part["type"] == "text" else ""
            thinking = part.get("thinking") or []
            seen.thoughts += "".join(inner["text"] for inner in thinking if inner.get("text"))
    else:
        seen.text += content or ""
    plain = message.get("reasoning_content") or message.get("reasoning")
    details = message.get("reasoning_details") or []
    seen.thoughts += plain or "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
    seen.refusal += message.get("refusal") or ""


def _chat_tokens(reply: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    usage = reply.get("usage") or (reply.get("x_groq") or {}).get("usage")
    if not usage:
        return None, None, None
    details = usage.get("prompt_tokens_details") or {}
    spelled = (details.get("cached_tokens"), *(usage.get(key) for key in _CACHED))
    cached = next((count for count in spelled if count is not None), None)
    return usage["prompt_tokens"], cached, usage.get("completion_tokens")


_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")


def _chat_stream(body: bytes) -> Seen:
    seen, calls = Seen(), _Calls()
    for chunk in events(body):
        tokens = _chat_tokens(chunk)
        seen.tokens = tokens if tokens[0] is not None else seen.tokens
        for choice in chunk.get("choices", [])[:1]:
            delta = choice.get("delta") or {}
            _chat_words(seen, delta)
            for call in delta.get("tool_calls") or ():
                inner = call.get("function") or call.get("custom") or {}
                calls.add(call.get("index"), call.get("id"), inner.get("name"))
                calls.say(call.get("index"), inner.get("arguments") or inner.get("input") or "")
            seen.finish = seen.finish or _finish(choice.get("finish_reason"))
    seen.calls = calls.whole()
    return seen


def _finish(word: str | None) -> str:
    return "" if word is None else FINISHES[word]


class _Calls:
    """Calls of a stream whose arguments come in pieces."""

    def __init__(self) -> None:
        self._calls: dict[Any, list[str]] = {}

    def add(self, key: Any, call_id: str | None, name: str | None) -> None:
        if key not in self._calls:
            self._calls[key] = ["", ""]
        self._calls[key][0] = self._calls[key][0] or name or ""

    def say(self, key: Any, text: str) -> None:
        self._calls[key][1] += text

    def whole(self) -> list[tuple[str, Any]]:
        return [(name, arguments(said)) for name, said in self._calls.values()]


# -- OpenAI completions


def _completion(body: bytes) -> Seen:
    reply = json.loads(body)
    choice = reply["choices"][0]
    return Seen(choice["text"], finish=_finish(choice["finish_reason"]), tokens=_chat_tokens(reply))


def _completion_stream(body: bytes) -> Seen:
    seen = Seen()
    for chunk in events(body):
        tokens = _chat_tokens(chunk)
        seen.tokens = tokens if tokens[0] is not None else seen.tokens
        for choice in chunk["choices"][:1]:
            seen.text += choice["text"]
            seen.finish = seen.finish or _finish(choice.get("finish_reason"))
    return seen


# -- Anthropic


def _messages(body: bytes) -> Seen:
    reply = json.loads(body)
    return _message(reply["content"], reply["stop_reason"], reply["usage"])


def _message(blocks: list[dict[str, Any]], stop: str | None, usage: dict[str, Any]) -> Seen:
    seen = Seen(finish=_finish(stop))
    for block in blocks:
        seen.text += block["text"] if block["type"] == "text" else ""
        seen.thoughts += block["thinking"] if block["type"] == "thinking" else ""
        if block["type"] == "tool_use":
            seen.calls.append((block["name"], block["input"]))
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    seen.tokens = (usage.get("input_tokens", 0) + read + written, read, usage.get("output_tokens"))
    return seen


def _message_stream(body: bytes) -> Seen:
    usage: dict[str, Any] = {}
    stop = None
    for event in events(body):
        if event["type"] == "message_start":
            usage = event["message"]["usage"]
        elif event["type"] == "message_delta":
            stop = event["delta"]["stop_reason"]
            usage = usage | {key: count for key, count in event["usage"].items() if count is not None}
    return _message(_blocks(body), stop, usage)


def _blocks(body: bytes) -> list[dict[str, Any]]:
    """The blocks of a message stream, each whole."""
    blocks: dict[int, dict[str, Any]] = {}
    said: dict[int, str] = {}
    for event in events(body):
        if event["type"] == "content_block_start":
            blocks[event["index"]], said[event["index"]] = dict(event["content_block"]), ""
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            block |= {key: block.get(key, "") + delta.get(key, "") for key in ("text", "thinking")}
            said[event["index"]] += delta.get("partial_json", "")
    return [b | ({"input": arguments(said[at])} if b["type"] == "tool_use" else {}) for at, b in blocks.items()]


# -- Gemini


def _content(body: bytes) -> Seen:
    return _contents([json.loads(body)])


def _contents(replies: list[dict[str, Any]]) -> Seen:
    seen, usage = Seen(), dict[str, Any]()
    for reply in replies:
        usage |= reply.get("usageMetadata", {})
        if reply.get("promptFeedback", {}).get("blockReason"):
            seen.finish = "filter"
        for candidate in reply.get("candidates", [])[:1]:
            for part in candidate.get("content", {}).get("parts", []):
                call = part.get("functionCall")
                if part.get("thought"):
                    seen.thoughts += part.get("text", "")
                elif call is not None:
                    seen.calls.append((call["name"], call.get("args", {})))
                else:
                    seen.text += part.get("text", "")
            seen.finish = _finish(candidate.get("finishReason")) or seen.finish
    if "promptTokenCount" in usage:
        into = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
        out = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        seen.tokens = (into, usage.get("cachedContentTokenCount"), out)
    return seen


# -- Responses


def _response(body: bytes) -> Seen:
    return _response_object(json.loads(body))


def _response_object(reply: dict[str, Any]) -> Seen:
    seen = Seen(finish=_finish((reply.get("incomplete_details") or {}).get("reason", "completed")))
    for item in reply["output"]:
        if item["type"] == "message":
            seen.text += "".join(part["text"] for part in item["content"] if part["type"] == "output_text")
            seen.refusal += "".join(part["refusal"] for part in item["content"] if part["type"] == "refusal")
        elif item["type"] == "reasoning":
            parts = [*item.get("summary", ()), *(item.get("content") or ())]
            seen.thoughts += "\n\n".join(part["text"] for part in parts)  # each is a chapter of its own
        elif item["type"] in ("function_call", "custom_tool_call"):
            seen.calls.append((item["name"], arguments(item.get("arguments", item.get("input")))))
    usage = reply.get("usage")
    if usage:
        cached = (usage.get("input_tokens_details") or {}).get("cached_tokens")
        seen.tokens = (usage["input_tokens"], cached, usage["output_tokens"])
    return seen


def _response_stream(body: bytes) -> Seen:
    last = events(body)[-1]
    assert last["type"] in ("response.completed", "response.incomplete")
    return _response_object(last["response"])


# -- Ollama


def _lines(body: bytes) -> Seen:
    seen = Seen()
    for line in body.splitlines():
        reply = json.loads(line)
        message = reply.get("message") or {"content": reply.get("response"), "thinking": reply.get("thinking")}
        seen.text += message.get("content") or ""
        seen.thoughts += message.get("thinking") or ""
        calls = message.get("tool_calls") or ()
        seen.calls += [(call["function"]["name"], call["function"]["arguments"]) for call in calls]
        if reply["done"]:
            seen.finish = _finish(reply["done_reason"])
            seen.tokens = (reply.get("prompt_eval_count"), None, reply.get("eval_count"))
    return seen


# -- Cohere, a provider only


def _cohere(body: bytes) -> Seen:
    reply = json.loads(body)
    message = reply["message"]
    seen = Seen(finish=_COHERES[reply["finish_reason"]], thoughts=message.get("tool_plan") or "")
    for part in message.get("content") or ():
        seen.text += part.get("text", "")
        seen.thoughts += part.get("thinking", "")
    for call in message.get("tool_calls") or ():
        seen.calls.append((call["function"]["name"], arguments(call["function"]["arguments"])))
    counted = reply["usage"]["billed_units"]
    seen.tokens = (counted["input_tokens"], None, counted["output_tokens"])
    return seen


_COHERES = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "calls"}


_PLAIN: dict[str, Callable[[bytes], Seen]] = {
    "openai_chat": _chat,
    "openai_completions": _completion,
    "anthropic": _messages,
    "cohere": _cohere,
    "gemini": _content,
    "responses": _response,
    "ollama": _lines,
    "ollama_generate": _lines,
}
_STREAMS: dict[str, Callable[[bytes], Seen]] = {
    "openai_chat": _chat_stream,
    "openai_completions": _completion_stream,
    "anthropic": _message_stream,
    "gemini": lambda body: _contents(events(body)),
    "responses": _response_stream,
    "ollama": _lines,
    "ollama_generate": _lines,
}
