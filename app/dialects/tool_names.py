"""Names of tools that every provider takes: what does not fit is shortened on the way up and restored on the way down.

Providers take 64 letters, digits, `_` and `-`; the names of tools behind MCP servers are often longer or have dots.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.domain.hub import ChatRequest, Message, Part, Role, ToolCall, ToolResult
from app.domain.hub_reply import CallStarted, ChatReply, StreamEvent

Names = Mapping[str, str]
"""From one spelling to the other."""

_LONGEST = 64
_FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_STRICTER = {
    "cohere": re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}").fullmatch,
    "gemini": re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}").fullmatch,
}
"""By the provider's dialect: no digit in front, and with Cohere no hyphen."""


def shortened(request: ChatRequest, dialect: str = "") -> Names:
    """Return the names that do not fit, with what they are called instead; the same name is always called the same."""
    fits = _STRICTER.get(dialect, _FITS)
    found = {tool.name for tool in request.tools if tool.builtin is None and not fits(tool.name)}
    found |= {call.name for call in _calls(request) if not fits(call.name)}
    return {name: _short(name, plain=dialect in _STRICTER) for name in found}


def _calls(request: ChatRequest) -> Iterator[ToolCall]:
    for message in request.messages:
        if message.role is Role.ASSISTANT:
            for part in message.parts:
                if type(part) is ToolCall:
                    yield part


def _short(name: str, *, plain: bool) -> str:
    mark = f"_{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"
    safe = _UNSAFE.sub("_", name)
    if plain:
        safe = safe.replace("-", "_")
        safe = f"_{safe}" if safe[:1].isdigit() else safe
    return safe[: _LONGEST - len(mark)] + mark


def spell(request: ChatRequest, names: Names) -> ChatRequest:
    """Call the tools of a request by their other `names`."""
    choice = request.tool_choice
    return replace(
        request,
        tools=tuple(replace(tool, name=names.get(tool.name, tool.name)) for tool in request.tools),
        tool_choice=replace(choice, names=tuple(names.get(name, name) for name in choice.names)),
        messages=tuple(_message(message, names) for message in request.messages),
    )


def _message(message: Message, names: Names) -> Message:
    if message.role not in (Role.ASSISTANT, Role.TOOL):
        return message
    return replace(message, parts=tuple(_part(part, names) for part in message.parts))


def _part(part: Part, names: Names) -> Part:
    return replace(part, name=names.get(part.name, part.name)) if isinstance(part, ToolCall | ToolResult) else part


def restore(reply: ChatReply, names: Names) -> ChatReply:
    """Call the tools of an answer as the client does; `names` are from the sent spelling to the client's."""
    choices = (replace(one, parts=tuple(_part(part, names) for part in one.parts)) for one in reply.choices)
    return replace(reply, choices=tuple(choices))


def restore_events(events: list[StreamEvent], names: Names) -> list[StreamEvent]:
    """Call the tools in the events of a stream as the client does."""
    return [replace(e, name=names.get(e.name, e.name)) if isinstance(e, CallStarted) else e for e in events]
