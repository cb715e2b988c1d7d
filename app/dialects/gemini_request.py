"""Read a Gemini request into the hub language; its model and whether it streams are said by the path."""

from collections.abc import Mapping
from typing import Any

from app.dialects import fields
from app.dialects.fields import Object, refuse
from app.dialects.gemini_parts import (
    GENERATED,
    NAME,
    camel,
    raw_request_args,
    read_call,
    read_media,
    read_picture,
    read_words,
    signature_of,
)
from app.dialects.gemini_schema import json_schema
from app.dialects.json_edit import dumps
from app.domain.hub import (
    ChatRequest,
    ChoiceMode,
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
    ToolChoice,
    ToolResult,
)

_KNOWN = frozenset({"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"})
_CONFIG = frozenset(
    {
        "temperature",
        "topP",
        "topK",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "stopSequences",
        "maxOutputTokens",
        "candidateCount",
        "responseLogprobs",
        "logprobs",
        "thinkingConfig",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
    }
)
_SPELLED = ("systemInstruction", "tools", "toolConfig", "generationConfig")
_JSON = "application/json"


def read_request(body: bytes) -> ChatRequest:
    """Read a client's request whole, or one to count its tokens.

    Raises:
        FaultError: INVALID_REQUEST, naming the field.
    """
    sent = camel(fields.parse_object(body))
    config = camel(fields.child(sent, "generationConfig"))
    left = {key: value for key, value in config.items() if key not in _CONFIG and not _is_default(key, value)}
    return ChatRequest(
        model=fields.text(sent, "model").removeprefix("models/"),
        messages=(*_system(sent), *_Conversation(sent, raw_request_args(body)).messages),
        origin=NAME,
        tools=tuple(_tools(sent)),
        tool_choice=_tool_choice(camel(fields.child(sent, "toolConfig"))),
        sampling=_sampling(config),
        reasoning=_reasoning(camel(fields.child(config, "thinkingConfig"))),
        format=_format(config),
        extras=fields.rest(sent, _KNOWN) | left,
        spelling={key: sent[key] for key in _SPELLED if key in sent} | {"left": tuple(left)},
    )


def _is_default(key: str, value: object) -> bool:
    return value is None or (key == "responseModalities" and value == ["TEXT"])


def _sampling(config: Object) -> Sampling:
    logprobs = fields.integer(config, "logprobs")
    return Sampling(
        temperature=fields.number(config, "temperature"),
        top_p=fields.number(config, "topP"),
        top_k=fields.integer(config, "topK"),
        seed=fields.integer(config, "seed"),
        presence_penalty=fields.number(config, "presencePenalty"),
        frequency_penalty=fields.number(config, "frequencyPenalty"),
        stop=fields.strings(config, "stopSequences"),
        max_output=fields.integer(config, "maxOutputTokens"),
        n=fields.integer(config, "candidateCount"),
        logprobs=fields.flag(config, "responseLogprobs"),
        top_logprobs=logprobs,
    )


def _reasoning(thinking: Object) -> Reasoning | None:
    if not thinking:
        return None
    budget, level = fields.integer(thinking, "thinkingBudget"), fields.text(thinking, "thinkingLevel").lower()
    return Reasoning(level, budget, show=fields.flag(thinking, "includeThoughts"))


def _format(config: Object) -> OutputFormat | None:
    schema = fields.child(config, "responseJsonSchema") or json_schema(fields.child(config, "responseSchema"))
    if schema:
        return OutputFormat(Shape.SCHEMA, schema)
    kind = fields.text(config, "responseMimeType")
    if kind not in ("", "text/plain", _JSON):
        refuse(
            f"`responseMimeType` {kind!r} is none that is known.", f"Send {_JSON} or text/plain.", "generationConfig"
        )
    return OutputFormat(Shape.JSON) if kind == _JSON else None


# -- tools

_MODES = {
    "AUTO": ChoiceMode.AUTO,
    "VALIDATED": ChoiceMode.AUTO,
    "ANY": ChoiceMode.REQUIRED,
    "NONE": ChoiceMode.NONE,
    "MODE_UNSPECIFIED": None,
}


def _tools(sent: Object) -> list[Tool]:
    if isinstance(sent.get("tools"), dict):
        sent = {"tools": [sent["tools"]]}
    found: list[Tool] = []
    for at, item in enumerate(fields.objects(sent, "tools")):
        for key, value in camel(item).items():
            if key != "functionDeclarations":
                found.append(Tool(key, builtin=Opaque(NAME, {key: value})))
                continue
            where = f"tools[{at}].functionDeclarations"
            found += [_tool(camel(one), where) for one in fields.objects({where: value}, where)]
    return found


def _tool(declared: Object, at: str) -> Tool:
    name = fields.text(declared, "name", f"{at}.")
    if not name:
        refuse(f"A function in `{at}` has no name.", "Give every function a name.", at)
    schema = declared.get("parametersJsonSchema")
    if not isinstance(schema, dict):
        older = fields.child(declared, "parameters", f"{at}.")
        schema = json_schema(older) if older else None
    return Tool(name, fields.text(declared, "description", f"{at}."), schema)


def _tool_choice(config: Object) -> ToolChoice:
    calling = camel(fields.child(config, "functionCallingConfig"))
    mode = fields.text(calling, "mode")
    if mode and mode not in _MODES:
        refuse(
            "`functionCallingConfig.mode` is none that is known.", "Send AUTO, ANY, NONE or VALIDATED.", "toolConfig"
        )
    return ToolChoice(_MODES.get(mode), fields.strings(calling, "allowedFunctionNames"))


# -- contents


def _system(sent: Object) -> tuple[Message, ...]:
    system = sent.get("systemInstruction")
    if not system:
        return ()
    if isinstance(system, str):
        return (Message(Role.SYSTEM, (Text(system),)),)
    parts = fields.objects(fields.child(sent, "systemInstruction"), "parts", "systemInstruction.")
    return (Message(Role.SYSTEM, tuple(read_part(camel(part), "systemInstruction", "", "") for part in parts)),)


class _Conversation:
    """The turns of a request; calls without ids get some, and results find theirs by name and order."""

    def __init__(self, sent: Object, raw: list[list[str]]) -> None:
        self.messages: list[Message] = []
        self._open: list[ToolCall] = []
        contents = sent.get("contents")
        if isinstance(contents, dict):
            contents = [contents]
        for at, item in enumerate(fields.objects({"contents": contents}, "contents")):
            self._add(item, at, raw[at] if at < len(raw) else [])

    def _add(self, content: Object, at: int, raw: list[str]) -> None:
        where, role = f"contents[{at}]", content.get("role")
        if role not in (None, "user", "model", "function", "system"):
            refuse(f"`{where}.role` is none that is known.", "Send user or model.", f"{where}.role")
        sent = fields.objects(content, "parts", f"{where}.")
        parts: list[Part] = []
        results: list[Part] = []
        for n, part in enumerate(sent):
            read = self._part(camel(part), f"{where}.parts[{n}].", raw[n] if n < len(raw) else "", f"{at}_{n}")
            (results if isinstance(read, ToolResult) else parts).append(read)
        if results:
            self.messages.append(Message(Role.TOOL, tuple(results)))
        if role == "model" and (parts or not results):
            self.messages.append(_answer(parts, sent))
        elif parts or not results:
            self.messages.append(Message(Role.SYSTEM if role == "system" else Role.USER, tuple(parts)))

    def _part(self, part: Object, at: str, raw: str, place: str) -> Part:
        if "functionResponse" in part:
            return self._result(camel(fields.child(part, "functionResponse", at)), at)
        read = read_part(part, at, raw, GENERATED + place)
        if isinstance(read, ToolCall):
            self._open.append(read)
        return read

    def _result(self, response: Object, at: str) -> ToolResult:
        name, call_id = fields.text(response, "name", at), fields.text(response, "id", at)
        call = next((call for call in self._open if call.id == call_id), None)
        call = call or next((call for call in self._open if call.name == name and not call_id), None)
        if call is not None:
            self._open.remove(call)
        answer = fields.child(response, "response", at)
        media = tuple(read_part(camel(part), at, "", "") for part in fields.objects(response, "parts", at))
        words = answer.get("output", answer.get("result")) if len(answer) == 1 else None
        text = words if isinstance(words, str) else dumps(answer).decode()
        return ToolResult(
            call_id or (call.id if call else GENERATED + name), (Text(text), *media), name, is_error=_failed(answer)
        )


def _answer(parts: list[Part], sent: list[Object]) -> Message:
    """Make a turn of the model: its pictures stand apart, their signatures are thoughts, Gemini gets it as `sent`."""
    pictures: list[Image] = []
    rest: list[Part] = []
    for part in parts:
        picture = read_picture(part.value) if isinstance(part, Opaque) else part
        if not isinstance(picture, Image):
            rest.append(part)
            continue
        pictures.append(picture)
        if isinstance(part, Opaque) and (signature := signature_of(part.value)):
            rest.append(Thought(signature=signature, origin=NAME))
    spelling = {"parts": sent} if pictures else {}
    return Message(Role.ASSISTANT, tuple(rest), spelling=spelling, pictures=tuple(pictures))


def _failed(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("error")) and not answer.keys() & {"output", "result"}


def read_part(part: Object, at: str, raw: str, call_id: str) -> Part:
    """Read one part, whose names are in camel case; `raw` is the text of a call's arguments.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    if "text" in part:
        return read_words(part)
    if isinstance(part.get("functionCall"), dict):
        return read_call(part, raw, call_id)
    if "inlineData" in part or "fileData" in part:
        return read_media(part, at)
    return Opaque(NAME, part)
