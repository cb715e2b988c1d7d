"""Write a request in the hub language as Cohere's chat, version 2."""

from collections.abc import Iterable

from app.dialects import effort, fields, json_edit
from app.dialects.cohere_messages import WHO, Messages
from app.dialects.fields import Object
from app.dialects.translator import Written
from app.domain.hub import ChatRequest, ChoiceMode, OutputFormat, Shape, Tool

PATH = "/v2/chat"

_SAMPLING = (
    ("temperature", "temperature", 0.0, 1.0),
    ("top_p", "p", 0.01, 0.99),
    ("top_k", "k", 0, 500),
    ("frequency_penalty", "frequency_penalty", 0.0, 1.0),
    ("presence_penalty", "presence_penalty", 0.0, 1.0),
)
"""Names of the hub and of Cohere, and the range that Cohere takes."""

_MOST_STOPS = 5
_NO_ARGUMENTS: Object = {"type": "object", "properties": {}}


def write_request(request: ChatRequest, model: str) -> Written:
    """Write it for a provider.

    Raises:
        FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
    """
    dropped = fields.foreign(request, WHO) + fields.cache_marks(request)
    _refuse(request)
    thinks = can_think(model)
    out: Object = {"model": model, "messages": Messages(request, dropped, thinks=thinks).out}
    if request.stream:
        out["stream"] = True
    _write_tools(request, out, dropped)
    _write_sampling(request, out, dropped)
    _write_thinking(request, out, dropped, thinks=thinks)
    if request.format is not None and request.format.shape is not Shape.TEXT:
        out["response_format"] = _format(request.format)
    dropped += [name for name, value in (("user", request.user), ("prompt_cache_key", request.cache_key)) if value]
    return Written(PATH, json_edit.dumps(out), tuple(dict.fromkeys(dropped)))


def can_think(model: str) -> bool:
    """Whether a model takes `thinking`; the others refuse it."""
    return "reasoning" in model.lower()


def _refuse(request: ChatRequest) -> None:
    if (request.sampling.n or 1) > 1:
        fields.refuse_field("n", WHO)
    if request.sampling.logit_bias:
        fields.refuse_field("logit_bias", WHO)


def _write_sampling(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    given = request.sampling
    for name, theirs, least, most in _SAMPLING:
        value = getattr(given, name)
        if value is not None:
            out[theirs] = min(max(value, least), most)
            if out[theirs] != value:
                dropped.append(name)
    if given.seed is not None:
        out["seed"] = given.seed
    if given.max_output is not None:
        out["max_tokens"] = given.max_output
    if given.stop:
        out["stop_sequences"] = list(given.stop[:_MOST_STOPS])
        if len(given.stop) > _MOST_STOPS:
            dropped.append("stop")
    dropped += [name for name in ("logprobs", "top_logprobs") if getattr(given, name)]


def _write_thinking(request: ChatRequest, out: Object, dropped: list[str], *, thinks: bool) -> None:
    wanted = request.reasoning
    if wanted is None:
        return
    budget = effort.budget_of(wanted.effort) if wanted.budget is None else wanted.budget
    if budget is None:
        return
    if not thinks:
        dropped += ["reasoning_effort"] if budget else []
    elif budget:
        out["thinking"] = {"type": "enabled"} | ({"token_budget": budget} if budget > 0 else {})
    else:
        out["thinking"] = {"type": "disabled"}


def _format(form: OutputFormat) -> Object:
    out: Object = {"type": "json_object"}
    return out | ({"json_schema": form.schema} if form.shape is Shape.SCHEMA and form.schema else {})


# -- tools


def _write_tools(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    choice = request.tool_choice
    tools = [tool for tool in request.tools if not choice.names or tool.name in choice.names]
    if not tools:
        return
    out["tools"] = list(_tools(tools))
    if any(tool.strict for tool in tools):
        out["strict_tools"] = True
    if choice.mode in (ChoiceMode.REQUIRED, ChoiceMode.NONE):
        out["tool_choice"] = choice.mode.name
    if choice.parallel is not None:
        dropped.append("parallel_tool_calls")


def _tools(tools: Iterable[Tool]) -> Iterable[Object]:
    for tool in tools:
        if tool.custom or tool.builtin is not None:
            fields.refuse_field(f"tools: {tool.name}", WHO)
        inner: Object = {"name": tool.name, "parameters": tool.schema or _NO_ARGUMENTS}
        yield {"type": "function", "function": inner | ({"description": tool.description} if tool.description else {})}
