"""Write a request in the hub language as Anthropic messages."""

import re

from app.dialects import effort, fields, json_edit
from app.dialects.anthropic_blocks import Turns, called_names, limit_marks, write_tool
from app.dialects.anthropic_request import NAME
from app.dialects.anthropic_schema import strict_schema
from app.dialects.fields import Object
from app.dialects.translator import Written
from app.domain.hub import ChatRequest, ChoiceMode, Shape, Tool

STREAM_PATH = PATH = "/v1/messages"

_WHO = "Anthropic messages"
_JSON_ONLY = "Answer with one JSON object and nothing else."
_LEAST_BUDGET = 1024
_LEAST_TOP_P = 0.95
_DEFAULT_MAX = 32_000
_OTHERS_MAX = 8192
_MAX_OUTPUT = (
    (re.compile(r"claude-(?:3-opus|3-sonnet|3-haiku|2|instant)"), 4096),
    (re.compile(r"claude-3-5"), 8192),
    (re.compile(r"claude-(?:3-7|sonnet|haiku|opus-4-[5-9])"), 64_000),
)
_ADAPTIVE = re.compile(r"claude-[a-z]+-(?:4-[6-9]|[5-9])(?!\d)")
"""Models that think by effort instead of by a budget."""
_PLAIN = re.compile(r"claude-[a-z]+-(?:4-[7-9]|[5-9])(?!\d)")
"""Models that take no sampling, and do not show their thoughts unless asked to."""
_UNASKED = re.compile(r"claude-[a-z]+-[5-9](?!\d)")
"""Models that think unless they are told not to."""


def write_request(request: ChatRequest, model: str) -> Written:
    """Write it for a provider.

    Raises:
        FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
    """
    own = request.origin == NAME
    dropped = [] if own else fields.foreign(request, _WHO)
    _refuse_alternatives(request)
    turns = Turns(request, dropped)
    out: Object = {"model": model, "max_tokens": request.sampling.max_output or max_output(model)}
    if request.stream:
        out["stream"] = True
    tools = _write_tools(request, out)
    _write_sampling(request, out, dropped)
    _write_format(request, out, turns)
    if own:
        out |= request.extras
        out |= {key: value for key, value in request.spelling.items() if value is not None}
    else:
        _write_thinking(request, out, turns, dropped)
        _give_way(out, dropped)
        if request.user:
            out["metadata"] = {"user_id": request.user}
        if request.cache_key:
            dropped.append("prompt_cache_key")
    if limit_marks(tools, turns.system, turns.turns):
        dropped.append("cache_control")
    if turns.system:
        out["system"] = _short(turns.system)
    out["messages"] = [{**turn, "content": _short(turn["content"])} for turn in turns.turns]
    return Written(PATH, json_edit.dumps(out), tuple(dict.fromkeys(dropped)))


def max_output(model: str) -> int:
    """Return how many tokens a model may answer with; the dialect needs a limit even when the client gives none."""
    name = model.lower()
    for pattern, tokens in _MAX_OUTPUT:
        if pattern.search(name):
            return tokens
    return _DEFAULT_MAX if "claude" in name else _OTHERS_MAX


def _short(blocks: list[Object]) -> object:
    """Return one plain text block as a string."""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks


def _refuse_alternatives(request: ChatRequest) -> None:
    if (request.sampling.n or 1) > 1:
        fields.refuse_field("n", _WHO)
    if request.sampling.logit_bias:
        fields.refuse_field("logit_bias", _WHO)


def _write_sampling(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    given, own = request.sampling, request.origin == NAME
    if given.temperature is not None:
        out["temperature"] = given.temperature if own else min(given.temperature, 1)
        if out["temperature"] != given.temperature:
            dropped.append("temperature")
    if given.top_p is not None:
        if own or given.temperature is None:
            out["top_p"] = given.top_p
        else:
            dropped.append("top_p")
    if given.top_k is not None:
        out["top_k"] = given.top_k
    stop = [text for text in given.stop if own or text.strip()]
    if stop:
        out["stop_sequences"] = stop
    if len(stop) < len(given.stop):
        dropped.append("stop")
    dropped += [name for name in _TUNING if getattr(given, name) is not None]


_TUNING = ("seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs")


def _write_tools(request: ChatRequest, out: Object) -> list[Object]:
    """Write tools and choice; calls of the past need their tools even when none are offered any more."""
    own, choice = request.origin == NAME, request.tool_choice
    offered = [tool for tool in request.tools if own or not choice.names or tool.name in choice.names]
    tools = [write_tool(tool, own=own) for tool in offered]
    if tools:
        out["tools"] = tools
        chosen = _choice(request)
        if chosen:
            out["tool_choice"] = chosen
    elif not own and (names := called_names(request.messages)):
        out["tools"] = tools = [write_tool(Tool(name), own=False) for name in names]
        out["tool_choice"] = {"type": "none"}
    elif own and choice.mode is not None:
        out["tool_choice"] = _choice(request)
    return tools


_CHOICES = {ChoiceMode.REQUIRED: "any", ChoiceMode.NONE: "none"}


def _choice(request: ChatRequest) -> Object:
    choice = request.tool_choice
    if choice.mode is None and choice.parallel is not False:
        return {}
    out: Object = {"type": _CHOICES.get(choice.mode or ChoiceMode.AUTO, "auto")}
    if choice.mode is ChoiceMode.REQUIRED and len(choice.names) == 1:
        out = {"type": "tool", "name": choice.names[0]}
    if choice.parallel is not None and out["type"] != "none" and (request.origin == NAME or not choice.parallel):
        out["disable_parallel_tool_use"] = not choice.parallel
    return out


def _write_format(request: ChatRequest, out: Object, turns: Turns) -> None:
    form = request.format
    if form is None or request.origin == NAME:
        return
    if form.shape is Shape.SCHEMA:
        out["output_config"] = {"format": {"type": "json_schema", "schema": strict_schema(form.schema or {})}}
    elif form.shape is Shape.JSON:
        turns.system.append({"type": "text", "text": _JSON_ONLY})


def _write_thinking(request: ChatRequest, out: Object, turns: Turns, dropped: list[str]) -> None:
    """Turn thinking on where it was asked for and the request allows it, and off where it would not be of itself."""
    wanted = request.reasoning
    if wanted is None:
        return
    budget = effort.budget_of(wanted.effort) if wanted.budget is None else wanted.budget
    model = out["model"].lower()
    if not budget:
        if budget == 0 and _UNASKED.search(model):
            out["thinking"] = {"type": "disabled"}
        return
    if out.get("tool_choice", {}).get("type") in ("any", "tool") or _unsigned_step(turns.turns):
        dropped.append("reasoning_effort")
        return
    if not _ADAPTIVE.search(model):
        _write_budget(budget, request.sampling.max_output or 0, out)
        return
    out["thinking"] = {"type": "adaptive"}
    if _PLAIN.search(model):
        out["thinking"]["display"] = "omitted" if wanted.show is False else "summarized"
    word = wanted.effort or effort.effort_of(budget)
    if word in _EFFORTS:
        out.setdefault("output_config", {})["effort"] = _EFFORTS[word]


def _write_budget(budget: int, given: int, out: Object) -> None:
    """Write the tokens for thoughts, and let the limit that was `given` grow for them up to what the model can do.

    What is left for the answer is what was given, or else at least as much as Anthropic's least budget.
    """
    top = max_output(out["model"])
    wanted = effort.budget_of("medium") or 0 if budget < 0 else budget
    tokens = max(_LEAST_BUDGET, min(wanted, top - _LEAST_BUDGET))
    if given and given < max(tokens + 1, 2 * _LEAST_BUDGET):
        out["max_tokens"] = min(given + tokens, top)
    else:
        tokens = min(tokens, out["max_tokens"] - _LEAST_BUDGET)
    out["thinking"] = {"type": "enabled", "budget_tokens": tokens}


_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "max"}


def _give_way(out: Object, dropped: list[str]) -> None:
    """Thinking allows no temperature but 1, no `top_k` and only a high `top_p`; some models take none of them."""
    clash = [name for name in ("temperature", "top_k", "top_p") if name in out]
    if not _PLAIN.search(out["model"].lower()):
        allowed = {"temperature": out.get("temperature") == 1, "top_p": out.get("top_p", 0) >= _LEAST_TOP_P}
        clash = [name for name in clash if "thinking" in out and not allowed.get(name)]
    for name in clash:
        del out[name]
    dropped += clash


def _unsigned_step(turns: list[Object]) -> bool:
    """Whether the last answer called tools without signed thoughts in front, which thinking does not allow."""
    for turn in reversed(turns):
        if turn["role"] == "assistant":
            kinds = [block.get("type") for block in turn["content"]]
            return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")
    return False
