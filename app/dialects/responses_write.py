"""Write a request in the hub language as OpenAI Responses, for models and servers that answer only there."""

import re

from app.dialects import effort, fields, json_edit
from app.dialects.fields import Object
from app.dialects.openai_lengths import user_of
from app.dialects.responses_input import Input
from app.dialects.responses_items import NAME
from app.dialects.translator import Written
from app.domain.hub import ChatRequest, ChoiceMode, OutputFormat, Shape, Tool, ToolChoice

PATH = "/responses"

_WHO = "OpenAI Responses"
_LEAST_OUTPUT = 16
_REASONS = re.compile(r"(?:^|[/.])(?:o\d|gpt-(?:[5-9]|oss))|codex|grok-[34]|deep-research")
"""Models that think; others refuse to be asked for their sealed thoughts."""
_TUNING = ("top_k", "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "stop")
_SAME = ("metadata", "service_tier", "safety_identifier", "prompt_cache_retention", "prompt_cache_options")
"""Fields of OpenAI chat that mean the same here."""
_NO_ARGUMENTS = {"type": "object", "properties": {}}


def write_request(request: ChatRequest, model: str) -> Written:
    """Write it for a provider; nothing is stored there, since the client's dialect could not refer to it.

    Raises:
        FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
    """
    _refuse_alternatives(request)
    out: Object = {"model": model}
    dropped = _write_extras(request, out)
    written = Input(request, dropped)
    if written.instructions:
        out["instructions"] = written.instructions
    out["input"] = written.items
    if request.stream:
        out["stream"] = True
    out["store"] = False
    _write_tools(request, out)
    _write_sampling(request, out, dropped)
    _write_reasoning(request, out, dropped)
    if request.format is not None:
        out["text"] = {**out.get("text", {}), "format": _format(request.format)}
    named = (("user", user_of(request.user)), ("prompt_cache_key", request.cache_key))
    out |= {key: value for key, value in named if value}
    return Written(PATH, json_edit.dumps(out), tuple(dict.fromkeys(dropped)))


def _refuse_alternatives(request: ChatRequest) -> None:
    if (request.sampling.n or 1) > 1:
        fields.refuse_field("n", _WHO)
    if request.sampling.logit_bias:
        fields.refuse_field("logit_bias", _WHO)


def _write_extras(request: ChatRequest, out: Object) -> list[str]:
    """Write what only OpenAI chat has beside this dialect; return the names of everything else."""
    dropped = fields.foreign(request, _WHO) + fields.cache_marks(request)
    if request.origin not in _OPENAI:
        return dropped
    kept = {name: request.extras[name] for name in _SAME if request.extras.get(name) is not None}
    if kept.get("service_tier", "auto") not in _TIERS:
        del kept["service_tier"]
    out |= kept
    verbosity = request.extras.get("verbosity")
    if verbosity is not None:
        out["text"] = {"verbosity": verbosity}
    return [name for name in dropped if name not in kept and (name != "verbosity" or verbosity is None)]


_OPENAI = frozenset({"openai", NAME})
_TIERS = ("auto", "default", "flex", "scale", "priority")  # others are a cousin's own


def _write_sampling(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    given = request.sampling
    if given.temperature is not None:
        out["temperature"] = min(given.temperature, 2)
        if given.temperature > 2:  # noqa: PLR2004 - the top of OpenAI's range
            dropped.append("temperature")
    if given.top_p is not None:
        out["top_p"] = given.top_p
    if given.max_output is not None:
        out["max_output_tokens"] = max(given.max_output, _LEAST_OUTPUT)
        if given.max_output < _LEAST_OUTPUT:
            dropped.append("max_tokens")
    dropped += [name for name in _TUNING if getattr(given, name)]


def _write_reasoning(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    """Ask for as much thinking as was wanted, and for the seals that let a thought come back.

    A word of another provider's own (Groq's `default`) is left out and named.
    """
    wanted = request.reasoning
    asked: Object = {}
    if wanted is not None:
        word = wanted.effort or ("" if wanted.budget is None else effort.effort_of(wanted.budget))
        if word not in ("", "auto") and effort.budget_of(word) is not None:
            asked["effort"] = "xhigh" if word == "max" else word
        elif word not in ("", "auto"):
            dropped.append("reasoning_effort")
        summary = wanted.summary or ("auto" if wanted.show else "")
        if summary:
            asked["summary"] = summary
    if asked:
        out["reasoning"] = asked
    if asked or _REASONS.search(str(out["model"]).lower()):
        out["include"] = ["reasoning.encrypted_content"]


def _format(form: OutputFormat) -> Object:
    if form.shape is not Shape.SCHEMA:
        return {"type": "json_object" if form.shape is Shape.JSON else "text"}
    out: Object = {"type": "json_schema", "name": form.name or "answer", "schema": form.schema or {}}
    if form.strict is not None:
        out["strict"] = form.strict
    if form.description:
        out["description"] = form.description
    return out


# -- tools


def _write_tools(request: ChatRequest, out: Object) -> None:
    if not request.tools:
        return
    choice = request.tool_choice
    out["tools"] = [_tool(tool) for tool in request.tools]
    if choice.mode is not None:
        out["tool_choice"] = _tool_choice(choice, {tool.name for tool in request.tools if tool.custom})
    if choice.parallel is not None:
        out["parallel_tool_calls"] = choice.parallel


def _tool(tool: Tool) -> Object:
    """Write one tool; a function is strict here unless it says that it is not."""
    if tool.builtin is not None:
        fields.refuse_field(f"tools: {tool.name}", _WHO)
    out: Object = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description:
        out["description"] = tool.description
    if tool.custom:
        return out | _grammar(tool)
    return out | {"parameters": tool.schema or _NO_ARGUMENTS, "strict": bool(tool.strict)}


def _grammar(tool: Tool) -> Object:
    """Write the form of a custom tool's text, which OpenAI chat has one object deeper."""
    form = fields.child(fields.child(dict(tool.extras), "custom"), "format")
    if not form:
        return {}
    return {"format": {"type": form.get("type"), **fields.child(form, "grammar")}}


def _tool_choice(choice: ToolChoice, custom: set[str]) -> object:
    if not choice.names:
        return choice.mode.value if choice.mode else "auto"
    named = [{"type": "custom" if name in custom else "function", "name": name} for name in choice.names]
    if choice.mode is ChoiceMode.REQUIRED and len(named) == 1:
        return named[0]
    return {
        "type": "allowed_tools",
        "mode": "required" if choice.mode is ChoiceMode.REQUIRED else "auto",
        "tools": named,
    }
