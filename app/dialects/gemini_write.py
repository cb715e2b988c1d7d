"""Write a request in the hub language for Gemini."""

import re

from app.dialects import effort, fields, json_edit
from app.dialects.fields import Object
from app.dialects.gemini_contents import WHO, Contents
from app.dialects.gemini_parts import NAME
from app.dialects.paths import fill
from app.dialects.translator import Written
from app.domain.hub import ChatRequest, ChoiceMode, Reasoning, Shape, Tool

PATH = "/v1beta/models/{model}:generateContent"
STREAM_PATH = "/v1beta/models/{model}:streamGenerateContent?alt=sse"

_MOST_STOPS = 5
_BY_LEVEL = re.compile(r"gemini-(?:[3-9]|\d{2})")
"""Models that think by a level instead of by a budget."""
_THOUGHTLESS = re.compile(r"gemini-(?:1|2\.0)|gemma|learnlm|embedding")
_SAMPLING = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("max_output", "maxOutputTokens"),
    ("n", "candidateCount"),
)


def write_request(request: ChatRequest, model: str) -> Written:
    """Write it for a provider.

    Raises:
        FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
    """
    own = request.origin == NAME
    dropped = [] if own else fields.foreign(request, WHO, pictures=True) + fields.cache_marks(request)
    contents = Contents(request, model, dropped)
    out: Object = {"contents": contents.turns}
    if contents.system:
        out["systemInstruction"] = {"parts": contents.system}
    if own:
        left = request.spelling.get("left", ())
        out |= {key: value for key, value in request.extras.items() if key not in left}
        out |= {key: value for key, value in request.spelling.items() if key != "left"}
    else:
        if request.sampling.logit_bias:
            fields.refuse_field("logit_bias", WHO)
        _write_tools(request, out, dropped)
        config = _config(request, model, dropped)
        if config:
            out["generationConfig"] = config
    path = fill(STREAM_PATH if request.stream else PATH, model)
    return Written(path, json_edit.dumps(out), tuple(dict.fromkeys(dropped)))


def _config(request: ChatRequest, model: str, dropped: list[str]) -> Object:
    given = request.sampling
    config: Object = {name: value for field, name in _SAMPLING if (value := getattr(given, field)) is not None}
    if given.stop:
        config["stopSequences"] = list(given.stop[:_MOST_STOPS])
    if len(given.stop) > _MOST_STOPS:
        dropped.append("stop")
    form = request.format
    if form is not None and form.shape is not Shape.TEXT:
        config["responseMimeType"] = "application/json"
        if form.shape is Shape.SCHEMA:
            config["responseJsonSchema"] = dict(form.schema or {})
    if request.reasoning is not None:
        thinking = _thinking(request.reasoning, model.lower(), dropped)
        if thinking:
            config["thinkingConfig"] = thinking
    dropped += [name for name in ("logprobs", "top_logprobs") if getattr(given, name) is not None]
    dropped += [name for name, value in (("user", request.user), ("prompt_cache_key", request.cache_key)) if value]
    return config


# -- tools


def _write_tools(request: ChatRequest, out: Object, dropped: list[str]) -> None:
    """Write tools and choice; a choice of some that forces none is said by leaving the others out."""
    choice = request.tool_choice
    only = choice.names if choice.mode is not ChoiceMode.REQUIRED else ()
    declared = [_declared(tool, dropped) for tool in request.tools if not only or tool.name in only]
    if choice.parallel is False and declared:
        dropped.append("parallel_tool_calls")
    if not declared:
        return
    out["tools"] = [{"functionDeclarations": declared}]
    if choice.mode in (None, ChoiceMode.AUTO):
        return
    calling: Object = {"mode": _MODES[choice.mode]}
    if choice.mode is ChoiceMode.REQUIRED and choice.names:
        calling["allowedFunctionNames"] = list(choice.names)
    out["toolConfig"] = {"functionCallingConfig": calling}


_MODES = {ChoiceMode.REQUIRED: "ANY", ChoiceMode.NONE: "NONE"}


def _declared(tool: Tool, dropped: list[str]) -> Object:
    if tool.builtin is not None or tool.custom:
        fields.refuse_field(f"tools: {tool.name}", WHO)
    if tool.cache is not None:
        dropped.append("cache_control")
    if tool.strict:
        dropped.append("strict")
    out: Object = {"name": tool.name}
    if tool.description:
        out["description"] = tool.description
    if tool.schema:
        out["parametersJsonSchema"] = dict(tool.schema)
    return out


# -- thinking

_LEVELS = {"none": "minimal", "auto": "", "minimal": "minimal", "low": "low", "medium": "medium"}
_PRO_LEVELS = {"none": "low", "auto": "", "minimal": "low", "low": "low"}


def _thinking(wanted: Reasoning, model: str, dropped: list[str]) -> Object:
    """Say it as the model understands it: a level, or a budget within its limits."""
    budget = effort.budget_of(wanted.effort) if wanted.budget is None else wanted.budget
    if budget is None and wanted.show is None:
        dropped.append("reasoning_effort")
        return {}
    if _THOUGHTLESS.search(model):
        if budget:
            dropped.append("reasoning_effort")
        return {}
    shows = wanted.show if wanted.show is not None else budget != 0
    out: Object = {"includeThoughts": True} if shows else {}
    if budget is None:
        return out
    if _BY_LEVEL.search(model):
        word = wanted.effort or effort.effort_of(budget)
        level = (_PRO_LEVELS if "pro" in model else _LEVELS).get(word, "high")
        return out | ({"thinkingLevel": level} if level else {})
    return out | {"thinkingBudget": _within(budget, model)}


def _within(budget: int, model: str) -> int:
    """A budget that the model takes: Pro always thinks, at least 128 tokens and at most 32,768, others up to 24,576."""
    if budget < 0:
        return -1
    if "pro" in model:
        return min(max(budget, 128), 32_768)
    if "lite" in model and budget:
        return min(max(budget, 512), 24_576)
    return min(budget, 24_576)
