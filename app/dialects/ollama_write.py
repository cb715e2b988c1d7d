"""Write a request in the hub language as Ollama's `/api/chat`."""

from collections.abc import Iterable

from app.dialects import effort, fields, json_edit, words
from app.dialects.fields import Object
from app.dialects.ollama_reply import write_calls
from app.dialects.ollama_request import MADE_ID, NAME
from app.dialects.translator import Written
from app.domain.hub import (
    ChatRequest,
    ChoiceMode,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Role,
    Shape,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
)

STREAM_PATH = PATH = "/api/chat"

_WHO = "Ollama"
_OPTIONS = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_WORDS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def write_request(request: ChatRequest, model: str) -> Written:
    """Write it for a provider.

    Raises:
        FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
    """
    own = request.origin == NAME
    dropped = [] if own else fields.foreign(request, _WHO) + fields.cache_marks(request)
    for name in ("n", "logit_bias"):
        value = getattr(request.sampling, name)
        if value and value != 1:
            fields.refuse_field(name, _WHO)
    messages = [turn for message in request.messages for turn in _turns(message, own=own, dropped=dropped)]
    out: Object = {"model": model, "messages": messages, "stream": request.stream}
    if tools := _tools(request, dropped):
        out["tools"] = tools
    if options := _options(request):
        out["options"] = options
    _write_rest(request, out, dropped)
    return Written(PATH, json_edit.dumps(out), tuple(dict.fromkeys(dropped)))


def _options(request: ChatRequest) -> Object:
    given = request.sampling
    options: Object = {name: value for name in _OPTIONS if (value := getattr(given, name)) is not None}
    if given.stop:
        options["stop"] = list(given.stop)
    if given.max_output is not None:
        options["num_predict"] = given.max_output
    if request.origin == NAME:
        own = {key: value for key, value in request.extras.items() if key.startswith("options.")}
        options |= {key.removeprefix("options."): value for key, value in own.items()}
    return options


def _write_rest(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    form = request.format
    if form is not None and form.shape is not Shape.TEXT:
        out["format"] = "json" if form.shape is Shape.JSON else form.schema or {}
    think = _think(request.reasoning)
    if think is not None:
        out["think"] = think
    for name in ("logprobs", "top_logprobs"):
        value = getattr(request.sampling, name)
        if value is not None and request.origin == NAME:
            out[name] = value
        elif value is not None:
            dropped.append(name)
    if request.origin == NAME:
        out |= {key: value for key, value in request.extras.items() if not key.startswith("options.")}
    dropped += [name for name, value in (("user", request.user), ("prompt_cache_key", request.cache_key)) if value]


def _think(wanted: Reasoning | None) -> bool | str | None:
    """Write how much to think: a word where there is one, else whether at all."""
    if wanted is None:
        return None
    word = wanted.effort or ("" if wanted.budget is None else effort.effort_of(wanted.budget))
    if word in ("none", "auto"):
        return word == "auto"
    return _WORDS.get(word, word) or None


# -- tools


def _tools(request: ChatRequest, dropped: list[str]) -> list[Object]:
    """Write the tools that may be called; that one must be called cannot be said."""
    choice = request.tool_choice
    if choice.mode is ChoiceMode.REQUIRED and request.tools:
        fields.refuse_field("tool_choice", _WHO)
    if choice.parallel is not None:
        dropped.append("parallel_tool_calls")
    if choice.mode is ChoiceMode.NONE:
        return []
    offered = [tool for tool in request.tools if not choice.names or tool.name in choice.names]
    if any(tool.strict for tool in offered):
        dropped.append("strict")
    return [_tool(tool, own=request.origin == NAME) for tool in offered]


def _tool(tool: Tool, *, own: bool) -> Object:
    if tool.builtin is not None and tool.builtin.dialect == NAME:
        return dict(tool.builtin.value)
    if tool.custom or tool.builtin is not None:
        fields.refuse_field(f"tools: {tool.name}", _WHO)
    inner: Object = {"name": tool.name}
    if tool.description:
        inner["description"] = tool.description
    if tool.schema is not None or not own:
        inner["parameters"] = tool.schema or {"type": "object", "properties": {}}
    return {"type": "function", "function": inner | (dict(tool.extras) if own else {})}


# -- messages


def _turns(message: Message, *, own: bool, dropped: list[str]) -> Iterable[Object]:
    """Write a turn; results of tools are turns of their own."""
    if message.name:
        dropped.append("name")
    extras = dict(message.extras) if own else {}
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield {**_result(result), **extras}
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    if not rest and results:
        return
    role = "system" if message.role is Role.DEVELOPER else message.role.value
    turn: Object = {"role": role, **_content(rest, message.role)}
    if thoughts := "".join(part.text for part in rest if isinstance(part, Thought)):
        turn["thinking"] = thoughts
    if calls := write_calls(part for part in rest if isinstance(part, ToolCall)):
        turn["tool_calls"] = [_without_made_id(call) for call in calls]
    yield turn | extras


def _result(result: ToolResult) -> Object:
    turn: Object = {"role": "tool", **_content(result.parts, Role.TOOL)}
    if result.is_error:
        turn["content"] = f"Error: {turn['content']}"
    if result.name:
        turn["tool_name"] = result.name
    if not result.call_id.startswith(MADE_ID):
        turn["tool_call_id"] = result.call_id
    return turn


def _without_made_id(call: Object) -> Object:
    """Leave out what the wire did not say: an id of our own making, and the place of the call."""
    inner = {key: value for key, value in call["function"].items() if key != "index"}
    return {"function": inner} if call["id"].startswith(MADE_ID) else {"id": call["id"], "function": inner}


def _content(parts: Iterable[Part], role: Role) -> Object:
    """Write words and pictures."""
    texts: list[str] = []
    images: list[str] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            texts.append(part.text)
        elif isinstance(part, Image):
            images.append(_image(part))
        elif isinstance(part, Document) and part.text:
            texts.append(part.text)
        elif not isinstance(part, Thought | ToolCall):
            what = str(part.value.get("type")) if isinstance(part, Opaque) else type(part).__name__.lower()
            fields.refuse_field(f"messages: {what}", _WHO)
    return {"content": words.join(texts, role), **({"images": images} if images else {})}


def _image(image: Image) -> str:
    if not image.data:
        fields.refuse_field("messages: image_url", _WHO)
    return image.data
