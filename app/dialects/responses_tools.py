"""Tools of the Responses dialect as functions, which every provider knows, and the way back by name.

A custom tool takes any text: it becomes a function with one string, `input`. The functions of a namespace get its name
in front. Tools that only OpenAI itself can run are left out and named, or refused where the answer hangs on them.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from app.dialects import fields, json_edit
from app.dialects.fields import Object
from app.domain.hub import ChatRequest, ChoiceMode, Tool, ToolChoice

_MAY_BE_LEFT_OUT = ("web_search", "image_generation", "tool_search")
_MAX_NAME = 64
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


@dataclass(frozen=True, slots=True)
class Called:
    """What a tool of the hub is for the client: its `name`, in which `namespace`, and whether it is `custom`."""

    name: str
    namespace: str = ""
    custom: bool = False


Names = dict[str, Called]


def function_name(name: str, namespace: str = "") -> str:
    """Return the name of a tool for the provider: the same for the same tool, at most 64 characters."""
    if not namespace:
        return name
    whole = _UNSAFE.sub("_", f"{namespace.rstrip('_')}__{name}")
    if len(whole) <= _MAX_NAME:
        return whole
    return f"{whole[: _MAX_NAME - 9]}_{zlib.crc32(whole.encode()):08x}"


def read_tools(sent: Object) -> tuple[tuple[Tool, ...], Names, list[str]]:
    """Return the tools as functions, what they are for the client, and the names of what is left out.

    Raises:
        FaultError: INVALID_REQUEST, for a tool that has no name or that only OpenAI can run.
    """
    tools: list[Tool] = []
    names: Names = {}
    dropped: list[str] = []
    for at, tool in enumerate(fields.objects(sent, "tools")):
        if tool.get("type") == "namespace":
            space = fields.text(tool, "name", f"tools[{at}].")
            for inner in fields.objects(tool, "tools", f"tools[{at}]."):
                _read_one(inner, f"tools[{at}].tools", space, (tools, names, dropped))
        else:
            _read_one(tool, f"tools[{at}]", "", (tools, names, dropped))
    return tuple(tools), names, dropped


def _read_one(tool: Object, at: str, space: str, into: tuple[list[Tool], Names, list[str]]) -> None:
    tools, names, dropped = into
    kind = str(tool.get("type", "function"))
    if kind not in ("function", "custom"):
        if not kind.startswith(_MAY_BE_LEFT_OUT):
            fields.refuse_field(f"tools: {kind}", "provider's own")
        dropped.append(f"tools.{kind}")
        return
    name = fields.text(tool, "name", f"{at}.")
    if not name:
        fields.refuse(f"`{at}` has no name.", "Give every tool a name.", f"{at}.name")
    spoken = function_name(name, space)
    names[spoken] = Called(name, space, kind == "custom")
    words = fields.text(tool, "description", f"{at}.")
    if kind == "custom":
        tools.append(Tool(spoken, _with_grammar(words, tool, dropped), _INPUT))
        return
    schema = fields.child(tool, "parameters", f"{at}.") or None
    tools.append(Tool(spoken, words, schema, fields.flag(tool, "strict")))


def _with_grammar(words: str, tool: Object, dropped: list[str]) -> str:
    """Tell the model the grammar that nobody enforces any more."""
    form = fields.child(tool, "format", "tools.")
    if not form.get("definition"):
        return words
    dropped.append("tools.format")
    return f"{words}\n\n`input` must follow this {form.get('syntax') or ''} grammar:\n{form['definition']}".strip()


_MODES = {"auto": ChoiceMode.AUTO, "none": ChoiceMode.NONE, "required": ChoiceMode.REQUIRED}


def read_choice(sent: Object, tools: tuple[Tool, ...], dropped: list[str]) -> ToolChoice:
    """Read how free the model is to call tools.

    Raises:
        FaultError: INVALID_REQUEST, when it must call what cannot be offered.
    """
    choice, parallel = sent.get("tool_choice"), fields.flag(sent, "parallel_tool_calls")
    if choice is None or isinstance(choice, str):
        if choice is not None and choice not in _MODES:
            fields.refuse("`tool_choice` is none that is known.", "Send auto, none or required.", "tool_choice")
        mode = _MODES.get(choice) if choice else None
        if mode is ChoiceMode.REQUIRED and not tools:
            fields.refuse_field(f"tool_choice: {', '.join(dropped) or 'required'}", "provider's own")
        return ToolChoice(mode if tools else None, (), parallel if tools else None)
    if not isinstance(choice, dict):
        fields.refuse("`tool_choice` has the wrong type.", "Send auto, none, required or an object.", "tool_choice")
    if choice.get("type") != "allowed_tools":
        return ToolChoice(ChoiceMode.REQUIRED, (_chosen(choice),), parallel)
    allowed = tuple(_chosen(tool) for tool in fields.objects(choice, "tools", "tool_choice."))
    return ToolChoice(_MODES.get(str(choice.get("mode")), ChoiceMode.AUTO), allowed, parallel)


def _chosen(choice: Object) -> str:
    if choice.get("type") not in ("function", "custom"):
        fields.refuse_field(f"tool_choice: {choice.get('type')}", "provider's own")
    return function_name(fields.text(choice, "name", "tool_choice."), fields.text(choice, "namespace", "tool_choice."))


def names_of(request: ChatRequest) -> Names:
    """Return what the tools of a request are for its client."""
    names: Names = request.spelling.get("names", {})
    return names


def wrapped(text: str) -> str:
    """Return the text of a custom tool's call as arguments of a function."""
    return json_edit.dumps({"input": text}).decode()


def unwrapped(arguments: str) -> str:
    """Return the text in a function's arguments; what the model wrote otherwise stays as it is."""
    try:
        value: Any = msgspec.json.decode(arguments.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return arguments
    text = value.get("input") if isinstance(value, dict) else value
    return text if isinstance(text, str) else arguments
