"""Tools, calls and cache marks as OpenAI chat has them in its requests."""

from dataclasses import replace

from app.dialects import fields
from app.dialects.fields import Object
from app.dialects.openai_chat_quirks import Quirks
from app.dialects.openai_chat_request import NAME
from app.domain.hub import ChatRequest, ChoiceMode, Part, Tool, ToolCall, ToolChoice

WHO = "OpenAI chat"


def _offered(request: ChatRequest, quirks: Quirks) -> ChatRequest:
    """Offer only the tools that may be called, where `allowed_tools` is unknown; one that must be has its own form."""
    choice = request.tool_choice
    forced = choice.mode is ChoiceMode.REQUIRED and len(choice.names) == 1
    if request.origin == NAME or quirks.allowed_tools or forced or not choice.names:
        return request
    allowed = tuple(tool for tool in request.tools if tool.name in choice.names)
    return replace(request, tools=allowed, tool_choice=replace(choice, names=()))


def write_tools(request: ChatRequest, quirks: Quirks, out: Object) -> None:
    """Write the tools, and how free the model is to call them."""
    request = _offered(request, quirks)
    own, choice = request.origin == NAME, request.tool_choice
    if request.tools:
        out["tools"] = [_tool(tool, quirks, own=own) for tool in request.tools]
    if choice.mode is not None and (request.tools or own):
        out["tool_choice"] = _tool_choice(choice, {tool.name for tool in request.tools if tool.custom})
    if choice.parallel is not None and (request.tools or own):
        out["parallel_tool_calls"] = choice.parallel


def _tool(tool: Tool, quirks: Quirks, *, own: bool) -> Object:
    if tool.builtin is not None:
        if tool.builtin.dialect != NAME:
            fields.refuse_field(f"tools: {tool.name}", WHO)
        return dict(tool.builtin.value)
    kind = "custom" if tool.custom else "function"
    inner: Object = {"name": tool.name}
    if tool.description:
        inner["description"] = tool.description
    if tool.schema is not None and not tool.custom:
        inner["parameters"] = tool.schema
    if tool.strict is not None:
        inner["strict"] = tool.strict
    out: Object = {"type": kind, kind: inner}
    if own:
        inner |= tool.extras.get(kind, {})
        out |= {key: value for key, value in tool.extras.items() if key != kind}
    if own or quirks.cache_marks:
        mark(out, tool)
    return out


def _tool_choice(choice: ToolChoice, custom: set[str]) -> object:
    if not choice.names:
        return choice.mode.value if choice.mode else "auto"
    named = [{"type": kind, kind: {"name": name}} for name in choice.names for kind in (_kind(name, custom),)]
    if choice.mode is ChoiceMode.REQUIRED and len(named) == 1:
        return named[0]
    mode = "required" if choice.mode is ChoiceMode.REQUIRED else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}


def _kind(name: str, custom: set[str]) -> str:
    return "custom" if name in custom else "function"


def mark(out: Object, part: Part | Tool) -> None:
    """Write the cache mark of a part or a tool."""
    cache = getattr(part, "cache", None)
    if cache is not None:
        out["cache_control"] = {"type": "ephemeral", "ttl": cache.ttl} if cache.ttl else {"type": "ephemeral"}


def write_call(call: ToolCall) -> Object:
    """Write a call as messages and replies hold it."""
    inner: Object = {"name": call.name, "arguments": call.arguments or "{}"}
    if call.custom:
        inner = {"name": call.name, "input": call.arguments}
    kind = "custom" if call.custom else "function"
    out: Object = {"id": call.id, "type": kind, kind: inner}
    if call.signature:
        out["extra_content"] = {"google": {"thought_signature": call.signature}}
    return out
