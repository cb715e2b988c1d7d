"""Read plain answers of Cohere's chat; its words for why a model stopped, its usage, its sources."""

from typing import Any

from app.dialects import json_edit
from app.dialects.cohere_messages import NAME
from app.dialects.fields import Object
from app.dialects.openai import bad_reply
from app.dialects.openai_errors import read_error
from app.domain.faults import InBandError, ProviderError
from app.domain.hub import Part, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation, Finish
from app.domain.usage import NO_USAGE, Usage, UsageSource

_FINISHES = {
    "COMPLETE": Finish.STOP,
    "STOP_SEQUENCE": Finish.STOP_SEQUENCE,
    "MAX_TOKENS": Finish.LENGTH,
    "ERROR_LIMIT": Finish.LENGTH,
    "TOOL_CALL": Finish.TOOL_CALLS,
    "ERROR_TOXIC": Finish.FILTER,
}
_FAILURES = frozenset({"ERROR", "TIMEOUT"})
_IMPOSSIBLE = 2**53


def read_reply(body: bytes) -> ChatReply:
    """Read a provider's plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    try:
        reply = json_edit.loads(body)
    except json_edit.JsonError:
        reply = None
    if not isinstance(reply, dict):
        raise bad_reply("something that is not a JSON object")
    message = reply.get("message")
    if isinstance(message, str):
        raise InBandError(read_error(reply))
    if not isinstance(message, dict):
        raise bad_reply("a JSON object without a `message`")
    reason = reply.get("finish_reason")
    if (failure := failure_of(reason)) is not None:
        raise InBandError(failure)
    parts = read_parts(message)
    called = any(isinstance(part, ToolCall) for part in parts)
    citations = tuple(read_citation(item) for item in _objects(message.get("citations")))
    choice = Choice(tuple(parts), read_finish(reason, called=called), citations=citations)
    return ChatReply(text_of(reply, "id"), "", (choice,), read_usage(reply.get("usage")), origin=NAME)


def failure_of(reason: object) -> ProviderError | None:
    """The error that a finish reason stands for; None when it is an end."""
    if not isinstance(reason, str) or reason not in _FAILURES:
        return None
    return ProviderError(message=f"The model broke its answer off ({reason}).", code="server_error")


def read_finish(reason: object, *, called: bool) -> Finish:
    """Read a finish reason; what nobody knows counts as the model's own end."""
    finish = _FINISHES.get(reason, Finish.STOP) if isinstance(reason, str) else Finish.STOP
    return finish.settled(called=called)


def read_usage(usage: object) -> Usage:
    """Read usage: the units that are billed, which prices are for; else all tokens, with those of Cohere's own prompt.

    What was cached is counted in tokens only, so it cannot be taken out of billed units and stays unknown beside them.
    """
    told = object_of(usage)
    billed, tokens = object_of(told.get("billed_units")), object_of(told.get("tokens"))
    into, out = (count(billed, name) for name in ("input_tokens", "output_tokens"))
    if into is not None or out is not None:
        return Usage(fresh_input=into, output=out, source=UsageSource.PROVIDER)
    into, out, read = count(tokens, "input_tokens"), count(tokens, "output_tokens"), count(told, "cached_tokens")
    if into is None and out is None:
        return NO_USAGE
    fresh = None if into is None else max(0, into - (read or 0))
    return Usage(fresh_input=fresh, cache_read=read, output=out, source=UsageSource.PROVIDER)


def count(counts: Object, name: str) -> int | None:
    """A count, None when it is missing; Cohere writes some with a point."""
    value = counts.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _IMPOSSIBLE:
        return None
    return int(value)


def read_parts(message: Object) -> list[Part]:
    """Read the parts of an answer: thoughts, words, the plan of what it will do, calls."""
    parts: list[Part] = []
    content = message.get("content")
    for item in [{"text": content}] if isinstance(content, str) else _objects(content):
        if text := text_of(item, "thinking"):
            parts.append(Thought(text, origin=NAME))
        if text := text_of(item, "text"):
            parts.append(Text(text))
    if plan := text_of(message, "tool_plan"):
        parts.append(Thought(plan, origin=NAME))
    return [*parts, *(_call(item, at) for at, item in enumerate(_objects(message.get("tool_calls"))))]


def _call(item: Object, at: int) -> ToolCall:
    function = object_of(item.get("function"))
    return ToolCall(text_of(item, "id") or f"call_{at}", text_of(function, "name"), text_of(function, "arguments"))


def read_citation(item: Object) -> Citation:
    """Read a source: its address and title are in what the document or the tool's answer says."""
    for source in _objects(item.get("sources")):
        said: Any = source.get("document") or source.get("tool_output")
        if isinstance(said, dict) and isinstance(said.get("url"), str):
            return Citation(NAME, item, said["url"], text_of(said, "title"))
    return Citation(NAME, item)


def text_of(item: Object, key: str) -> str:
    """A text, empty when it is missing or none."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def object_of(value: object) -> Object:
    """An object, or the first of a list: Cohere writes both."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
