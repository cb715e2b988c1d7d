"""Read an Ollama request, of `/api/chat` or `/api/generate`, into the hub language."""

import msgspec

from app.dialects import fields, json_edit
from app.dialects.fields import Object, refuse
from app.domain.hub import (
    ChatRequest,
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
    ToolResult,
)

NAME = "ollama"
MADE_ID = "call_made_"
"""How ids begin that calls are given here, because the wire may have none."""

_ROLES = {"system": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT, "tool": Role.TOOL}
_SAMPLING = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "stop", "num_predict")
_KNOWN = frozenset(("model", "stream", "options", "format", "think", "tools", "logprobs", "top_logprobs"))
_OF_CHAT = frozenset(("messages",))
_OF_GENERATE = frozenset(("prompt", "system", "images", "suffix", "context"))
_OF_MESSAGE = frozenset(("role", "content", "images", "thinking", "tool_calls", "tool_name", "name", "tool_call_id"))
_TYPES = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))


class _RawFunction(msgspec.Struct, gc=False, frozen=True):
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _RawCall(msgspec.Struct, gc=False, frozen=True):
    function: _RawFunction = _RawFunction()


class RawMessage(msgspec.Struct, gc=False, frozen=True):
    """The calls of a message with their arguments in their own bytes."""

    tool_calls: list[_RawCall] | None = None


class _RawRequest(msgspec.Struct, gc=False):
    messages: list[RawMessage] = []


_RAW_REQUEST = msgspec.json.Decoder(_RawRequest)


def read_request(body: bytes) -> ChatRequest:
    """Read a request of `/api/chat` whole.

    Raises:
        FaultError: INVALID_REQUEST, naming the field.
    """
    sent = fields.parse_object(body)
    raw = raw_calls(body) if sent.get("messages") else []
    return build(sent, _Messages(raw).read(fields.objects(sent, "messages")), _OF_CHAT)


def read_generate(body: bytes) -> ChatRequest:
    """Read a request of `/api/generate` as a conversation of one turn.

    Raises:
        FaultError: INVALID_REQUEST, naming the field; what stands behind the answer cannot be said in a conversation.
    """
    sent = fields.parse_object(body)
    for key in ("suffix", "context"):
        if sent.get(key):
            refuse(f"`{key}` cannot be said to a chat model.", "Leave it out, or use /api/chat.", key)
    messages = []
    if system := fields.text(sent, "system"):
        messages.append(Message(Role.SYSTEM, (Text(system),)))
    messages.append(Message(Role.USER, _parts(sent, "prompt", "")))
    return build(sent, tuple(messages), _OF_GENERATE)


def build(sent: Object, messages: tuple[Message, ...], own: frozenset[str]) -> ChatRequest:
    """Read what both kinds of request have."""
    options = fields.child(sent, "options")
    extras = {f"options.{key}": value for key, value in fields.rest(options, _SAMPLING).items()}
    stream = fields.flag(sent, "stream")
    return ChatRequest(
        model=fields.text(sent, "model"),
        messages=messages,
        origin=NAME,
        stream=True if stream is None else stream,
        tools=tuple(_tool(tool, f"tools[{at}]") for at, tool in enumerate(fields.objects(sent, "tools"))),
        sampling=_sampling(sent, options),
        reasoning=_reasoning(sent.get("think")),
        format=_format(sent.get("format")),
        extras=extras | fields.rest(sent, _KNOWN | own),
    )


def _sampling(sent: Object, options: Object) -> Sampling:
    limit = fields.integer(options, "num_predict")
    return Sampling(
        temperature=fields.number(options, "temperature"),
        top_p=fields.number(options, "top_p"),
        top_k=fields.integer(options, "top_k"),
        seed=fields.integer(options, "seed"),
        presence_penalty=fields.number(options, "presence_penalty"),
        frequency_penalty=fields.number(options, "frequency_penalty"),
        stop=fields.strings(options, "stop"),
        max_output=limit if limit is not None and limit > 0 else None,
        logprobs=fields.flag(sent, "logprobs"),
        top_logprobs=fields.integer(sent, "top_logprobs"),
    )


def _reasoning(think: object) -> Reasoning | None:
    """Read `think`: a word for how much, or whether at all.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    if think is None or think == "":
        return None
    if isinstance(think, bool):
        return Reasoning(budget=-1 if think else 0, show=think)
    if not isinstance(think, str):
        refuse("`think` has the wrong type.", "Send true, false or a word such as low.", "think")
    return Reasoning(effort=think, show=True)


def _format(form: object) -> OutputFormat | None:
    """Read the form of the answer.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    if form is None or form == "":
        return None
    if form == "json":
        return OutputFormat(Shape.JSON)
    if not isinstance(form, dict):
        refuse("`format` is none that is known.", "Send json or a JSON Schema.", "format")
    return OutputFormat(Shape.SCHEMA, form, "answer")


def _tool(tool: Object, at: str) -> Tool:
    if tool.get("type", "function") != "function":
        return Tool(str(tool["type"]), builtin=Opaque(NAME, tool))
    inner = fields.child(tool, "function", f"{at}.")
    name = fields.text(inner, "name", f"{at}.function.")
    if not name:
        refuse(f"`{at}` has no name.", "Give every tool a name.", f"{at}.function.name")
    schema = inner.get("parameters")
    return Tool(
        name,
        fields.text(inner, "description", f"{at}.function."),
        None if schema is None else fields.child(inner, "parameters", f"{at}.function."),
        extras=fields.rest(inner, ("name", "description", "parameters")),
    )


class _Messages:
    """Reads the turns and joins results to their calls, which the wire does by name and order."""

    def __init__(self, raw: list[RawMessage]) -> None:
        self._raw = raw
        self._made = 0
        self._open: list[ToolCall] = []

    def read(self, sent: list[Object]) -> tuple[Message, ...]:
        return tuple(self._message(message, at) for at, message in enumerate(sent))

    def _message(self, sent: Object, at: int) -> Message:
        where = f"messages[{at}]."
        word = sent.get("role")
        role = _ROLES.get(word) if isinstance(word, str) else None
        if role is None:
            refuse(f"`{where}role` is none that is known.", "Send system, user, assistant or tool.", f"{where}role")
        parts = _parts(sent, "content", where)
        extras = fields.rest(sent, _OF_MESSAGE)
        if role is Role.TOOL:
            return Message(role, (self._result(sent, parts, where),), extras=extras)
        thinking = fields.text(sent, "thinking", where)
        thoughts: tuple[Part, ...] = (Thought(thinking, origin=NAME),) if thinking else ()
        raw = self._raw[at].tool_calls or [] if at < len(self._raw) else []
        return Message(role, (*thoughts, *parts, *self._calls(sent, raw, where)), extras=extras)

    def _calls(self, sent: Object, raw: list[_RawCall], where: str) -> list[ToolCall]:
        calls = []
        for at, call in enumerate(fields.objects(sent, "tool_calls", where)):
            arguments = bytes(raw[at].function.arguments).decode() if at < len(raw) else ""
            calls.append(read_call(call, arguments, f"{MADE_ID}{self._made}"))
            self._made += 1
        self._open += calls
        return calls

    def _result(self, sent: Object, parts: tuple[Part, ...], where: str) -> ToolResult:
        """Find the call that is answered: by its id, else the first open one of that name, else the first open one."""
        name = fields.text(sent, "tool_name", where) or fields.text(sent, "name", where)
        given = fields.text(sent, "tool_call_id", where)
        named = [call for call in self._open if (call.id == given if given else not name or call.name == name)]
        found = next(iter(named or (self._open if not given else [])), None)
        if found is None:
            return ToolResult(given or f"{MADE_ID}{self._made}", parts, name)
        self._open.remove(found)
        return ToolResult(found.id, parts, name or found.name)


def raw_calls(body: bytes) -> list[RawMessage]:
    """Read the arguments of every call in their own bytes; none where the body has another shape."""
    try:
        return _RAW_REQUEST.decode(body).messages
    except (*json_edit.BAD_JSON, RecursionError):
        return []


def read_call(call: Object, arguments: str, made: str) -> ToolCall:
    """Read one call; `arguments` are its own bytes where they are known, `made` its id where it brings none.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    inner = fields.child(call, "function")
    if not arguments:
        arguments = json_edit.dumps(inner.get("arguments") or {}).decode()
    if isinstance(text := inner.get("arguments"), str):
        arguments = text
    return ToolCall(fields.text(call, "id") or made, fields.text(inner, "name"), arguments)


def _parts(sent: Object, key: str, where: str) -> tuple[Part, ...]:
    """Read words and pictures; the wire does not say of what type a picture is, its first bytes do."""
    words = fields.text(sent, key, where)
    parts: list[Part] = [Text(words)] if words else []
    for data in fields.strings(sent, "images"):
        kind = next((name for start, name in _TYPES if data.startswith(start)), "image/png")
        parts.append(Image(data=data, media_type=kind))
    return tuple(parts)
