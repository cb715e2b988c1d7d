"""Read an OpenAI Responses request into the hub language."""

from typing import Any

from app.dialects import fields
from app.dialects.fields import Object
from app.dialects.responses_items import NAME, read_input
from app.dialects.responses_tools import read_choice, read_tools
from app.domain.hub import ChatRequest, OutputFormat, Reasoning, Sampling, Shape

_STORED = {
    "previous_response_id": "Send the whole conversation as `input` instead; with `store: false` clients do so.",
    "conversation": "Send the whole conversation as `input` instead.",
    "prompt": "Send the prompt itself as `instructions` and `input`.",
}
"""What refers to something that only OpenAI keeps, and what to do about it."""
_KNOWN = frozenset(
    {
        "model",
        "input",
        "instructions",
        "stream",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "top_logprobs",
        "max_output_tokens",
        "reasoning",
        "text",
        "user",
        "prompt_cache_key",
        "metadata",
        "background",
        *_STORED,
    }
)
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "store": (False,),
    "include": ([], ["reasoning.encrypted_content"]),
    "truncation": ("disabled",),
    "service_tier": ("auto", "default"),
}
"""Values that ask for nothing but what is done anyway."""
_ECHOED = (
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "user",
    "prompt_cache_key",
)


def read_request(body: bytes) -> ChatRequest:
    """Read a client's request whole.

    Raises:
        FaultError: INVALID_REQUEST, naming the field.
    """
    sent = fields.parse_object(body)
    _refuse_stored(sent)
    messages, left_out = read_input(sent)
    tools, names, dropped = read_tools(sent)
    choice = read_choice(sent, tools, dropped)
    extras = _extras(sent)
    extras |= dict.fromkeys((*left_out, *dropped), True)
    return ChatRequest(
        model=fields.text(sent, "model"),
        messages=messages,
        origin=NAME,
        stream=bool(fields.flag(sent, "stream")),
        tools=tools,
        tool_choice=choice,
        sampling=Sampling(
            temperature=fields.number(sent, "temperature"),
            top_p=fields.number(sent, "top_p"),
            max_output=fields.integer(sent, "max_output_tokens"),
        ),
        reasoning=_reasoning(sent),
        format=_format(sent),
        user=fields.text(sent, "user"),
        cache_key=fields.text(sent, "prompt_cache_key"),
        extras=extras,
        spelling={"echo": {key: sent[key] for key in _ECHOED if sent.get(key) is not None}, "names": names},
    )


def _refuse_stored(sent: Object) -> None:
    for name, remedy in _STORED.items():
        if sent.get(name):
            fields.refuse(
                f"`{name}` refers to what only OpenAI keeps; Switchtower stores no conversations.", remedy, name
            )
    if sent.get("background"):
        fields.refuse(
            "`background` is not possible: nothing is stored to ask for later.", "Leave it out.", "background"
        )


def _extras(sent: Object) -> Object:
    """Return the fields that nobody else has and that ask for something."""
    found = {key: value for key, value in fields.rest(sent, _KNOWN).items() if value is not None}
    found = {key: value for key, value in found.items() if value not in _DEFAULTS.get(key, ())}
    if sent.get("top_logprobs"):
        found["top_logprobs"] = sent["top_logprobs"]
    for outer, known in (("text", ("format",)), ("reasoning", ("effort", "summary", "generate_summary"))):
        for key, value in fields.rest(fields.child(sent, outer), known).items():
            if value is not None:
                found[f"{outer}.{key}"] = value
    return found


def _reasoning(sent: Object) -> Reasoning | None:
    given = fields.child(sent, "reasoning")
    effort, summary = fields.text(given, "effort", "reasoning."), fields.text(given, "summary", "reasoning.")
    return Reasoning(effort, summary=summary) if effort or summary else None


def _format(sent: Object) -> OutputFormat | None:
    form = fields.child(fields.child(sent, "text"), "format", "text.")
    kind = form.get("type")
    if not form or kind == "text":
        return None
    if kind == "json_object":
        return OutputFormat(Shape.JSON)
    if kind != "json_schema":
        fields.refuse("`text.format.type` is none that is known.", "Send json_schema or json_object.", "text.format")
    return OutputFormat(
        Shape.SCHEMA,
        fields.child(form, "schema", "text.format."),
        fields.text(form, "name", "text.format."),
        fields.flag(form, "strict"),
        fields.text(form, "description", "text.format."),
    )
