"""Read an OpenAI chat request into the hub language, cousins' fields (Mistral, OpenRouter, DeepSeek) included."""

from collections.abc import Mapping
from typing import Any, NoReturn

from app.dialects import fields
from app.dialects.fields import Object, refuse
from app.dialects.openai_chat_pictures import read_pictures, split_data_url
from app.dialects.openai_chat_thoughts import read_thoughts
from app.domain.hub import (
    Audio,
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
    Refusal,
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

NAME = "openai"

_NO_EXTRAS: Mapping[str, Any] = {}
_KNOWN = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "user",
        "prompt_cache_key",
    }
)
_MESSAGE = frozenset(
    {
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "refusal",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "images",
    }
)
_SPELLED = ("reasoning", "reasoning_content", "reasoning_details", "images")


def read_request(body: bytes) -> ChatRequest:
    """Read a client's request whole.

    Raises:
        FaultError: INVALID_REQUEST, naming the field.
    """
    sent = fields.parse_object(body)
    options = fields.child(sent, "stream_options")
    stream = bool(fields.flag(sent, "stream"))
    spelling: Object = {name: sent[name] for name in ("reasoning", "max_completion_tokens") if name in sent}
    extras = fields.rest(sent, _KNOWN)
    if set(options) - {"include_usage"}:
        extras["stream_options"] = options
    return ChatRequest(
        model=fields.text(sent, "model"),
        messages=tuple([_message(item, f"messages[{at}]") for at, item in enumerate(fields.objects(sent, "messages"))]),
        origin=NAME,
        stream=stream,
        tools=tuple(_tool(tool, f"tools[{at}]") for at, tool in enumerate(fields.objects(sent, "tools"))),
        tool_choice=_tool_choice(sent),
        sampling=_sampling(sent),
        reasoning=_reasoning(sent),
        format=_format(sent),
        user=fields.text(sent, "user"),
        cache_key=fields.text(sent, "prompt_cache_key"),
        wants_usage=not stream or options.get("include_usage") is True,
        extras=extras,
        spelling=spelling,
    )


def _sampling(sent: Object) -> Sampling:
    limit = fields.integer(sent, "max_completion_tokens")
    return Sampling(
        temperature=fields.number(sent, "temperature"),
        top_p=fields.number(sent, "top_p"),
        top_k=fields.integer(sent, "top_k"),
        seed=fields.integer(sent, "seed"),
        presence_penalty=fields.number(sent, "presence_penalty"),
        frequency_penalty=fields.number(sent, "frequency_penalty"),
        stop=fields.strings(sent, "stop"),
        max_output=fields.integer(sent, "max_tokens") if limit is None else limit,
        n=fields.integer(sent, "n"),
        logprobs=fields.flag(sent, "logprobs"),
        top_logprobs=fields.integer(sent, "top_logprobs"),
        logit_bias=fields.child(sent, "logit_bias") or None,
    )


def _reasoning(sent: Object) -> Reasoning | None:
    """Read OpenAI's `reasoning_effort` and OpenRouter's `reasoning` object."""
    effort = fields.text(sent, "reasoning_effort")
    whole = fields.child(sent, "reasoning")
    if not whole:
        return Reasoning(effort=effort) if effort else None
    enabled, exclude = fields.flag(whole, "enabled"), fields.flag(whole, "exclude")
    budget = fields.integer(whole, "max_tokens")
    if budget is None and enabled is not None:
        budget = -1 if enabled else 0
    return Reasoning(fields.text(whole, "effort") or effort, budget, show=None if exclude is None else not exclude)


def _format(sent: Object) -> OutputFormat | None:
    """Read the form of the answer."""
    form = fields.child(sent, "response_format")
    kind = form.get("type")
    if not form or kind in ("text", "json_object"):
        return OutputFormat(Shape.JSON if kind == "json_object" else Shape.TEXT) if form else None
    if kind != "json_schema":
        refuse("`response_format.type` is none that is known.", "Send json_schema or json_object.", "response_format")
    named = fields.child(form, "json_schema", "response_format.")
    return OutputFormat(
        Shape.SCHEMA,
        fields.child(named, "schema", "response_format.json_schema."),
        fields.text(named, "name"),
        fields.flag(named, "strict"),
        fields.text(named, "description"),
    )


# -- tools


def _tool(tool: Object, at: str) -> Tool:
    kind = tool.get("type", "function")
    if kind not in ("function", "custom"):
        return Tool(str(kind), builtin=Opaque(NAME, tool))
    inner = fields.child(tool, kind, f"{at}.")
    name = fields.text(inner, "name", f"{at}.{kind}.")
    if not name:
        refuse(f"`{at}` has no name.", "Give every tool a name.", f"{at}.{kind}.name")
    extras = fields.rest(tool, ("type", kind, "cache_control"))
    unnamed = fields.rest(inner, ("name", "description", "parameters", "strict"))
    if unnamed:
        extras[kind] = unnamed
    schema = inner.get("parameters")
    return Tool(
        name,
        fields.text(inner, "description", f"{at}.{kind}."),
        None if schema is None else fields.child(inner, "parameters", f"{at}.{kind}."),
        fields.flag(inner, "strict"),
        custom=kind == "custom",
        cache=_cache(tool),
        extras=extras,
    )


_MODES = {
    "auto": ChoiceMode.AUTO,
    "none": ChoiceMode.NONE,
    "required": ChoiceMode.REQUIRED,
    "any": ChoiceMode.REQUIRED,
}


def _tool_choice(sent: Object) -> ToolChoice:
    choice, parallel = sent.get("tool_choice"), fields.flag(sent, "parallel_tool_calls")
    if choice is None:
        return ToolChoice(parallel=parallel)
    if isinstance(choice, str) and choice in _MODES:
        return ToolChoice(_MODES[choice], parallel=parallel)
    if not isinstance(choice, dict) or choice.get("type") not in ("function", "custom", "allowed_tools"):
        _unknown_choice()
    kind = choice["type"]
    inner = fields.child(choice, kind, "tool_choice.")
    if kind == "allowed_tools":
        names = tuple(_allowed_name(tool) for tool in fields.objects(inner, "tools"))
        return ToolChoice(_MODES.get(str(inner.get("mode")), ChoiceMode.AUTO), names, parallel)
    return ToolChoice(ChoiceMode.REQUIRED, (fields.text(inner, "name"),), parallel)


def _unknown_choice() -> NoReturn:
    refuse("`tool_choice` is none that is known.", 'Send "auto", "none", "required" or a function.', "tool_choice")


def _allowed_name(tool: Object) -> str:
    inner = tool.get(str(tool.get("type")))
    return fields.text(inner if isinstance(inner, dict) else tool, "name", "tool_choice.allowed_tools.")


# -- messages

_ROLES = {role.value: role for role in Role}


def _message(sent: Object, at: str) -> Message:
    role = _ROLES.get(str(sent.get("role")))
    if role is None:
        refuse(f"`{at}.role` is none that is known.", f"Send one of {', '.join(_ROLES)}.", f"{at}.role")
    content = sent.get("content")
    if len(sent) == 2 and isinstance(content, str) and role is not Role.TOOL:  # noqa: PLR2004 - role and content
        return Message(role, (Text(content, extras=_NO_EXTRAS),), "", _NO_EXTRAS, _NO_EXTRAS)
    parts = _content(content, f"{at}.content")
    name = fields.text(sent, "name", f"{at}.")
    if role is Role.TOOL:
        call_id = fields.text(sent, "tool_call_id", f"{at}.")
        return Message(role, (ToolResult(call_id, parts, name),), extras=_extras(sent))
    if role is not Role.ASSISTANT:
        return Message(role, parts, name, _extras(sent))
    refusal = fields.text(sent, "refusal", f"{at}.")
    calls = fields.objects(sent, "tool_calls", f"{at}.")
    spelling = {key: sent[key] for key in _SPELLED if sent.get(key)}
    parts = (
        *(read_thoughts(sent) if spelling else ()),
        *parts,
        *((Refusal(refusal),) if refusal else ()),
        *(_call(call, f"{at}.tool_calls[{n}]") for n, call in enumerate(calls)),
    )
    pictures = tuple(read_pictures(sent)) if spelling else ()
    return Message(role, parts, name, _extras(sent), spelling, pictures)


def _extras(sent: Object) -> Mapping[str, Any]:
    """Return what the hub has no name for; null says nothing."""
    if sent.keys() <= _MESSAGE:
        return _NO_EXTRAS
    return {key: value for key, value in sent.items() if key not in _MESSAGE and value is not None}


def _call(call: Object, at: str) -> ToolCall:
    custom = call.get("type") == "custom"
    inner = fields.child(call, "custom" if custom else "function", f"{at}.")
    arguments = fields.text(inner, "input" if custom else "arguments", f"{at}.function.")
    google = call.get("extra_content")
    google = google.get("google") if isinstance(google, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return ToolCall(
        fields.text(call, "id", f"{at}."),
        fields.text(inner, "name", f"{at}.function."),
        arguments,
        custom,
        signature if isinstance(signature, str) else "",
        extras=fields.rest(call, ("id", "type", "function", "custom", "extra_content")),
    )


def _content(content: object, at: str) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content, extras=_NO_EXTRAS),)
    if not isinstance(content, list):
        refuse(f"`{at}` has the wrong type.", "Send a string or a list of parts.", at)
    return tuple(_part(part, f"{at}[{n}]") for n, part in enumerate(content))


def _part(part: object, at: str) -> Part:
    if isinstance(part, str):
        return Text(part, extras=_NO_EXTRAS)
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        refuse(f"`{at}` is no part of a message.", "Every part is an object with a `type`.", at)
    read = _PARTS.get(kind)
    return read(part, f"{at}.") if read else Opaque(NAME, part)


def _text(part: Object, at: str) -> Part:
    if part.keys() == {"type", "text"}:
        return Text(fields.text(part, "text", at), extras=_NO_EXTRAS)
    return Text(fields.text(part, "text", at), _cache(part), fields.rest(part, ("type", "text", "cache_control")))


def _image(part: Object, at: str) -> Part:
    inner = part.get("image_url")
    inner = {"url": inner} if isinstance(inner, str) else fields.child(part, "image_url", at)
    url, detail = fields.text(inner, "url", f"{at}image_url."), fields.text(inner, "detail", f"{at}image_url.")
    media_type, data = split_data_url(url)
    if data:
        return Image(data=data, media_type=media_type, detail=detail, cache=_cache(part))
    return Image(url=url, detail=detail, cache=_cache(part))


def _audio(part: Object, at: str) -> Part:
    inner = fields.child(part, "input_audio", at)
    return Audio(fields.text(inner, "data", at), fields.text(inner, "format", at))


def _file(part: Object, at: str) -> Part:
    inner = fields.child(part, "file", at)
    url, name = fields.text(inner, "file_data", f"{at}file."), fields.text(inner, "filename", f"{at}file.")
    if file_id := fields.text(inner, "file_id", f"{at}file."):
        return Document(file_id=file_id, name=name, cache=_cache(part))
    if url.startswith(("https://", "http://")):
        return Document(url=url, name=name, cache=_cache(part))
    media_type, data = split_data_url(url)
    return Document(data=data or url, media_type=media_type, name=name, cache=_cache(part))


def _document_url(part: Object, at: str) -> Part:
    return Document(url=fields.text(part, "document_url", at), extras={"type": "document_url"})


def _refusal(part: Object, at: str) -> Part:
    return Refusal(fields.text(part, "refusal", at))


def read_thinking(part: Object, at: str) -> Part:
    """Read Mistral's `thinking` part: a list of text parts, or a string."""
    inner = part.get("thinking")
    if isinstance(inner, list):
        inner = "".join(
            piece["text"] for piece in inner if isinstance(piece, dict) and isinstance(piece.get("text"), str)
        )
    return Thought(inner if isinstance(inner, str) else "", origin="mistral")


_PARTS = {
    "text": _text,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "document_url": _document_url,
    "refusal": _refusal,
    "thinking": read_thinking,
}


def _cache(part: Object) -> CacheMark | None:
    """Read the cache mark that OpenRouter, LiteLLM and others take over from Anthropic."""
    mark = part.get("cache_control")
    return CacheMark(str(mark.get("ttl") or "")) if isinstance(mark, dict) else None
