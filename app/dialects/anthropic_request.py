"""Read an Anthropic messages request (or one to count its tokens) into the hub language."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.dialects import fields, json_edit
from app.dialects.fields import Object, refuse
from app.domain.hub import (
    CacheMark,
    ChatRequest,
    ChoiceMode,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Role,
    Sampling,
    Shape,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

NAME = "anthropic"

_NO_EXTRAS: Mapping[str, Any] = {}
_KNOWN = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
    }
)


class _RawBlock(msgspec.Struct, gc=False):
    type: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _RawMessage(msgspec.Struct, gc=False):
    content: str | list[_RawBlock] = ""


class _RawRequest(msgspec.Struct, gc=False):
    messages: list[_RawMessage] = []


_RAW_REQUEST = msgspec.json.Decoder(_RawRequest)
_RAW_REPLY = msgspec.json.Decoder(_RawMessage)


def read_request(body: bytes) -> ChatRequest:
    """Read a client's request whole; a request to count tokens is one without `max_tokens`.

    Raises:
        FaultError: INVALID_REQUEST, naming the field.
    """
    sent = fields.parse_object(body)
    config, thinking = fields.child(sent, "output_config"), fields.child(sent, "thinking")
    form = fields.child(config, "format") or fields.child(sent, "output_format")
    metadata = fields.child(sent, "metadata")
    return ChatRequest(
        model=fields.text(sent, "model"),
        messages=(*_system(sent), *_messages(sent, _raw_inputs(body) if b'"tool_use"' in body else [])),
        origin=NAME,
        stream=bool(fields.flag(sent, "stream")),
        tools=tuple(_tool(tool, f"tools[{at}]") for at, tool in enumerate(fields.objects(sent, "tools"))),
        tool_choice=_tool_choice(fields.child(sent, "tool_choice")),
        sampling=Sampling(
            temperature=fields.number(sent, "temperature"),
            top_p=fields.number(sent, "top_p"),
            top_k=fields.integer(sent, "top_k"),
            stop=fields.strings(sent, "stop_sequences"),
            max_output=fields.integer(sent, "max_tokens"),
        ),
        reasoning=_reasoning(thinking, fields.text(config, "effort")),
        format=OutputFormat(Shape.SCHEMA, fields.child(form, "schema")) if form.get("type") == "json_schema" else None,
        user=fields.text(metadata, "user_id"),
        extras=fields.rest(sent, _KNOWN),
        spelling={key: sent[key] for key in ("thinking", "output_config", "output_format", "metadata") if key in sent},
    )


def _reasoning(thinking: Object, effort: str) -> Reasoning | None:
    """Read how much to think: `disabled` holds whatever the effort, `adaptive` leaves it to the effort."""
    kind = thinking.get("type")
    if kind == "disabled":
        return Reasoning(budget=0)
    budget = -1 if kind == "adaptive" and not effort else None
    if kind == "enabled":
        budget = fields.integer(thinking, "budget_tokens")
        budget = -1 if budget is None else budget
    if budget is None and not effort:
        return None
    display = thinking.get("display")
    return Reasoning(effort, budget, show=None if display is None else display != "omitted")


def _raw_inputs(body: bytes) -> list[list[str]]:
    """Return the `input` of every block as its own text; nothing where only the slow reader understands the body."""
    try:
        messages = _RAW_REQUEST.decode(body).messages
        return [[bytes(b.input).decode() for b in m.content] if isinstance(m.content, list) else [] for m in messages]
    except (*json_edit.BAD_JSON, RecursionError):
        return []


def raw_reply_inputs(body: bytes) -> list[str]:
    """Return the `input` of every block of an answer as its own text."""
    try:
        content = _RAW_REPLY.decode(body).content
        return [bytes(block.input).decode() for block in content] if isinstance(content, list) else []
    except (*json_edit.BAD_JSON, RecursionError):
        return []


# -- tools

_MODES = {"auto": ChoiceMode.AUTO, "any": ChoiceMode.REQUIRED, "tool": ChoiceMode.REQUIRED, "none": ChoiceMode.NONE}


def _tool(tool: Object, at: str) -> Tool:
    name = fields.text(tool, "name", f"{at}.")
    if tool.get("type", "custom") not in ("custom", None):
        return Tool(name or str(tool["type"]), builtin=Opaque(NAME, tool))
    if not name:
        refuse(f"`{at}` has no name.", "Give every tool a name.", f"{at}.name")
    return Tool(
        name,
        fields.text(tool, "description", f"{at}."),
        fields.child(tool, "input_schema", f"{at}."),
        fields.flag(tool, "strict"),
        cache=_cache(tool),
        extras=fields.rest(tool, ("name", "description", "input_schema", "strict", "cache_control")),
    )


def _tool_choice(choice: Object) -> ToolChoice:
    if not choice:
        return ToolChoice()
    mode = _MODES.get(str(choice.get("type")))
    if mode is None:
        refuse("`tool_choice.type` is none that is known.", "Send auto, any, tool or none.", "tool_choice")
    serial = fields.flag(choice, "disable_parallel_tool_use")
    names = (fields.text(choice, "name"),) if choice["type"] == "tool" else ()
    return ToolChoice(mode, names, None if serial is None else not serial)


# -- messages

_ROLES = {role.value: role for role in (Role.USER, Role.ASSISTANT, Role.SYSTEM)}


def _system(sent: Object) -> tuple[Message, ...]:
    system = sent.get("system")
    if not system:
        return ()
    if isinstance(system, str):
        return (Message(Role.SYSTEM, (Text(system, extras=_NO_EXTRAS),)),)
    return (Message(Role.SYSTEM, read_blocks(system, "system", [])),)


def _messages(sent: Object, raw: list[list[str]]) -> list[Message]:
    out: list[Message] = []
    for at, item in enumerate(fields.objects(sent, "messages")):
        role, content = _ROLES.get(str(item.get("role"))), item.get("content")
        if len(item) == 2 and isinstance(content, str) and role:  # noqa: PLR2004 - role and content
            out.append(Message(role, (Text(content, extras=_NO_EXTRAS),), "", _NO_EXTRAS, _NO_EXTRAS))
            continue
        where = f"messages[{at}]"
        if role is None:
            refuse(f"`{where}.role` is none that is known.", "Send user or assistant.", f"{where}.role")
        extras = fields.rest(item, ("role", "content"))
        parts = read_blocks(content, f"{where}.content", raw[at] if at < len(raw) else [])
        results = tuple(part for part in parts if isinstance(part, ToolResult)) if role is Role.USER else ()
        if results:
            out.append(Message(Role.TOOL, results))
            parts = tuple(part for part in parts if not isinstance(part, ToolResult))
        if parts or not results:
            out.append(Message(role, parts, extras=extras))
    return out


def read_blocks(content: object, at: str, raw: list[str]) -> tuple[Part, ...]:
    """Read content: a string or blocks; `raw` has the text of each block's `input`.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content, extras=_NO_EXTRAS),)
    if not isinstance(content, list):
        refuse(f"`{at}` has the wrong type.", "Send a string or a list of blocks.", at)
    return tuple(_block(block, f"{at}[{n}]", raw[n] if n < len(raw) else "") for n, block in enumerate(content))


def _block(block: object, at: str, raw: str) -> Part:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(kind, str):
        refuse(f"`{at}` is no block.", "Every block is an object with a `type`.", at)
    if kind == "tool_use":
        return _call(block, f"{at}.", raw)
    read = _BLOCKS.get(kind)
    return read(block, f"{at}.") if read else Opaque(NAME, block)


def _text(block: Object, at: str) -> Part:
    words = fields.text(block, "text", at)
    if len(block) == 2:  # noqa: PLR2004 - type and text, nothing else
        return Text(words, extras=_NO_EXTRAS)
    return Text(words, _cache(block), fields.rest(block, ("type", "text", "cache_control")))


def _call(block: Object, at: str, raw: str) -> Part:
    return ToolCall(
        fields.text(block, "id", at),
        fields.text(block, "name", at),
        raw or json_edit.dumps(block.get("input") or {}).decode(),
        cache=_cache(block),
        extras=fields.rest(block, ("type", "id", "name", "input", "cache_control")),
    )


def _result(block: Object, at: str) -> Part:
    return ToolResult(
        fields.text(block, "tool_use_id", at),
        read_blocks(block.get("content"), f"{at}content", []),
        is_error=block.get("is_error") is True,
        cache=_cache(block),
    )


def _thinking(block: Object, at: str) -> Part:
    return Thought(fields.text(block, "thinking", at), fields.text(block, "signature", at), origin=NAME)


def _redacted(block: Object, at: str) -> Part:
    return Thought(sealed=fields.text(block, "data", at), origin=NAME)


def _image(block: Object, at: str) -> Part:
    source = fields.child(block, "source", at)

    def said(key: str) -> str:
        return fields.text(source, key, f"{at}source.")

    return Image(said("url"), said("data"), said("media_type"), said("file_id"), cache=_cache(block))


def _document(block: Object, at: str) -> Part:
    source = fields.child(block, "source", at)
    if source.get("type") not in ("base64", "text", "url", "file"):
        return Opaque(NAME, block)
    plain = source["type"] == "text"
    return Document(
        url=fields.text(source, "url", at),
        data="" if plain else fields.text(source, "data", at),
        text=fields.text(source, "data", at) if plain else "",
        media_type=fields.text(source, "media_type", at),
        file_id=fields.text(source, "file_id", at),
        name=fields.text(block, "title", at),
        cache=_cache(block),
        extras=fields.rest(block, ("type", "source", "title", "cache_control")),
    )


_BLOCKS = {
    "text": _text,
    "tool_result": _result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "image": _image,
    "document": _document,
}


def _cache(block: Object) -> CacheMark | None:
    mark = block.get("cache_control")
    return CacheMark(str(mark.get("ttl") or "")) if isinstance(mark, dict) else None
