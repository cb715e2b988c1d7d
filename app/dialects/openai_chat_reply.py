"""Read and write plain answers of OpenAI chat; the words for why a model stopped, and usage as OpenAI writes it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.dialects import json_edit, openai
from app.dialects.created import read_created
from app.dialects.fields import Object
from app.dialects.openai_chat_pictures import read_pictures, write_picture
from app.dialects.openai_chat_request import NAME, read_thinking
from app.dialects.openai_chat_think import ThinkTags
from app.dialects.openai_chat_thoughts import read_thoughts
from app.dialects.openai_chat_tools import write_call
from app.dialects.openai_chat_write import write_detail
from app.dialects.openai_errors import in_band_error
from app.dialects.openai_usage import find_usage, parse_usage
from app.domain.faults import InBandError
from app.domain.hub import ChatRequest, Image, Opaque, Part, Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation, Finish
from app.domain.usage import NO_USAGE, Usage

_FINISHES = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.FILTER,
    "sensitive": Finish.FILTER,
}
_WORDS = {
    Finish.STOP: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.PAUSE: "stop",
    Finish.LENGTH: "length",
    Finish.TOOL_CALLS: "tool_calls",
    Finish.REFUSAL: "content_filter",
    Finish.FILTER: "content_filter",
}


def read_reply(body: bytes, *, think_tags: bool = False) -> ChatReply:
    """Read a provider's plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    openai.plain_reply(body)
    reply = json_edit.loads(body)
    if not isinstance(reply, dict):
        raise openai.bad_reply("JSON that is not an object")
    error = in_band_error(reply)
    if error is not None:
        raise InBandError(error)
    usage = find_usage(reply)
    choices = [choice for choice in reply["choices"] if isinstance(choice, dict)]
    if not choices:
        raise openai.bad_reply("an answer without any choice")
    made = [_choice(choice, str(reply.get("id") or ""), think_tags=think_tags) for choice in choices]
    if sources := read_sources(reply):
        made = [replace(choice, citations=choice.citations or sources) for choice in made]
    return ChatReply(
        id=str(reply.get("id") or ""),
        model=str(reply.get("model") or ""),
        choices=tuple(made),
        usage=NO_USAGE if usage is None else parse_usage(usage),
        created=read_created(reply.get("created")),
        origin=NAME,
    )


def read_finish(word: object, *, called: bool, refused: bool = False) -> Finish:
    """Read a finish reason; what nobody knows counts as the model's own end."""
    finish = _FINISHES.get(word, Finish.STOP) if isinstance(word, str) else Finish.STOP
    finish = finish.settled(called=called)
    return Finish.REFUSAL if refused and finish is Finish.STOP else finish


def write_finish(finish: Finish, *, called: bool, refused: bool = False) -> str:
    """Write a finish reason; words of refusal are an ordinary end, as OpenAI has it."""
    if refused and finish is Finish.REFUSAL:
        return "stop"
    return _WORDS[finish.settled(called=called)]


def write_usage(usage: Usage) -> Object:
    """Write usage: the input counts cached tokens in; what is unknown is 0 where OpenAI's schema needs a number."""
    into, out = usage.input or 0, usage.output or 0
    return {
        "prompt_tokens": into,
        "completion_tokens": out,
        "total_tokens": into + out,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            **({"cache_write_tokens": usage.cache_write} if usage.cache_write else {}),
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
    }


def read_annotations(value: object) -> tuple[Citation, ...]:
    """Read the sources of an answer."""
    found = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return tuple(_citation(item) for item in found)


def read_sources(reply: Object) -> tuple[Citation, ...]:
    """Read the sources that Perplexity names beside the choices: results of its search, or their addresses alone."""
    results, addresses = reply.get("search_results"), reply.get("citations")
    if isinstance(results, list) and results:
        found = [item for item in results if isinstance(item, dict) and isinstance(item.get("url"), str)]
        return tuple(Citation("perplexity", item, item["url"], str(item.get("title") or "")) for item in found)
    found = [{"url": item} for item in addresses if isinstance(item, str)] if isinstance(addresses, list) else []
    return tuple(Citation("perplexity", item, item["url"]) for item in found)


def _citation(item: Object) -> Citation:
    inner = item.get("url_citation")
    inner = inner if isinstance(inner, dict) else {}
    return Citation(NAME, item, str(inner.get("url") or ""), str(inner.get("title") or ""))


def write_annotation(citation: Citation) -> Mapping[str, Any]:
    """Write a source as OpenAI's `url_citation`; one of OpenAI's own stays as it was."""
    if citation.dialect == NAME:
        return citation.value
    return {
        "type": "url_citation",
        "url_citation": {"url": citation.url, "title": citation.title, "start_index": 0, "end_index": 0},
    }


def call_id(reply_id: str, at: int) -> str:
    """Make an id for a call that came without one: the same for the same answer and place."""
    tail = "".join(c for c in reply_id if c.isascii() and c.isalnum())[-20:]
    return f"call_{tail}_{at}" if tail else f"call_{at}"


def read_content(content: object) -> list[Part]:
    """Read the content of an answer: text, or Mistral's list of thinking and text."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "thinking":
            parts.append(read_thinking(part, "content"))
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            parts.append(Text(part["text"]))
    return parts


def _choice(choice: Object, reply_id: str, *, think_tags: bool) -> Choice:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    content = read_content(message.get("content"))
    if think_tags and content and isinstance(content[0], Text):
        content[:1] = _untagged(content[0].text)
    refusal, calls = message.get("refusal"), _calls(message, reply_id)
    refusals = [Refusal(refusal)] if isinstance(refusal, str) and refusal else []
    audio = message.get("audio")
    sound = [Opaque(NAME, {"type": "audio", "audio": audio})] if isinstance(audio, dict) and audio.get("data") else []
    finish = read_finish(choice.get("finish_reason"), called=bool(calls), refused=bool(refusals))
    parts = (*read_thoughts(message), *content, *read_pictures(message), *refusals, *sound, *calls)
    return Choice(parts, finish, citations=read_annotations(message.get("annotations")))


def _untagged(text: str) -> list[Part]:
    tags = ThinkTags()
    parts: list[Part] = []
    for thought, words in (*tags.feed(text), *tags.finish()):
        parts.append(Thought(words) if thought else Text(words))
    return parts


def _calls(message: Object, reply_id: str) -> list[ToolCall]:
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    legacy = message.get("function_call")
    if not found and isinstance(legacy, dict) and legacy.get("name"):
        found = [{"function": legacy}]
    return [_call(call, reply_id, at) for at, call in enumerate(found)]


def _call(call: Object, reply_id: str, at: int) -> ToolCall:
    custom = call.get("type") == "custom"
    inner = call.get("custom" if custom else "function")
    inner = inner if isinstance(inner, dict) else {}
    google = call.get("extra_content")
    google = google.get("google") if isinstance(google, dict) else None
    return ToolCall(
        str(call.get("id") or call_id(reply_id, at)),
        str(inner.get("name") or ""),
        arguments_text(inner.get("input" if custom else "arguments")),
        custom,
        str(google.get("thought_signature") or "") if isinstance(google, dict) else "",
    )


def arguments_text(value: object) -> str:
    """Return arguments as the model wrote them; some servers send an object instead of text."""
    if isinstance(value, str):
        return value
    return json_edit.dumps(value).decode() if value else ""


def write_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client that sent `request`."""
    return json_edit.dumps(
        {
            "id": reply.id or "chatcmpl-0",
            "object": "chat.completion",
            "created": reply.created,
            "model": reply.model or request.model,
            "choices": [_written(choice, at) for at, choice in enumerate(reply.choices)],
            "usage": write_usage(reply.usage),
        }
    )


def _written(choice: Choice, at: int) -> Object:
    parts = choice.parts
    text = "".join(part.text for part in parts if isinstance(part, Text))
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    calls = [write_call(part) for part in parts if isinstance(part, ToolCall)]
    message: Object = {"role": "assistant", "content": text or None, "refusal": refusal or None}
    if not (text or refusal or calls):
        message["content"] = ""
    thoughts = [part for part in parts if isinstance(part, Thought)]
    if words := "".join(thought.text for thought in thoughts):
        message["reasoning_content"] = words
    if any(thought.signature or thought.sealed for thought in thoughts):
        message["reasoning_details"] = [write_detail(thought, n) for n, thought in enumerate(thoughts)]
    if calls:
        message["tool_calls"] = calls
    if choice.citations:
        message["annotations"] = [write_annotation(citation) for citation in choice.citations]
    message |= _beside(parts)
    finish = write_finish(choice.finish, called=bool(calls), refused=bool(refusal))
    return {"index": at, "message": message, "logprobs": None, "finish_reason": finish}


def _beside(parts: tuple[Part, ...]) -> Object:
    """Write what an answer has beside its words: pictures, and what only OpenAI knows."""
    own = [part.value for part in parts if isinstance(part, Opaque) and part.dialect == NAME]
    out: Object = {str(value["type"]): value[value["type"]] for value in own}
    if pictures := [write_picture(part) for part in parts if isinstance(part, Image)]:
        out["images"] = pictures
    return out
