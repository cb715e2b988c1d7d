"""Gemini requests into the hub, and the identity of a round trip on everything recorded."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, gemini, openai_chat
from app.dialects.gemini_parts import camel
from app.domain.faults import FaultError
from app.domain.hub import (
    ChoiceMode,
    OutputFormat,
    Reasoning,
    Role,
    Sampling,
    Shape,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)
from dialects.translating import gemini_request

CALL = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "S"}
ANSWER = {"functionResponse": {"name": "f", "response": {"output": "done"}}}


def plain(part: dict[str, Any]) -> dict[str, Any]:
    """A part in one spelling, its data in the usual alphabet."""
    part = camel(part)
    for key in ("functionCall", "functionResponse", "inlineData", "fileData"):
        if key in part:
            part[key] = camel(part[key])
    if "inlineData" in part:
        part["inlineData"]["data"] = part["inlineData"]["data"].replace("-", "+").replace("_", "/")
    answer = part.get("functionResponse", {})
    if "parts" in answer:
        answer["parts"] = [plain(inner) for inner in answer["parts"]]
    return part


def same(body: dict[str, Any]) -> dict[str, Any]:
    """What a request says: one spelling, turns of one role joined."""
    turns: list[dict[str, Any]] = []
    for content in body["contents"]:
        parts = [plain(part) for part in content["parts"]]
        if turns and turns[-1]["role"] == content["role"]:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": content["role"], "parts": parts})
    return {**camel(body), "contents": turns}


def test_a_round_trip_says_the_same_for_every_recorded_request(gemini_exchanges: list[dict[str, Any]]) -> None:
    assert len(gemini_exchanges) > 200
    for exchange in gemini_exchanges:
        body = exchange["req"]
        written = gemini.write_request(gemini.read_request(json.dumps(body).encode()), "m")
        assert same(json.loads(written.body)) == same(body), exchange["id"]
        assert written.dropped == ()


def test_every_recorded_request_is_written_for_others_or_refused_by_name(
    gemini_exchanges: list[dict[str, Any]],
) -> None:
    written, unnamed = 0, []
    for exchange in gemini_exchanges:
        request = gemini.read_request(json.dumps(exchange["req"]).encode())
        for side in (openai_chat, anthropic):
            try:
                body = json.loads(side.write_request(request, "m").body)
            except FaultError as refused:
                unnamed += [] if refused.fault.param else [exchange["id"]]
            else:
                assert body["messages"]
                written += 1
    assert written > 300
    assert unnamed == []


def test_results_find_their_calls_by_name_and_order() -> None:
    other = {"functionCall": {"name": "g", "args": {}}}
    turns = [
        {"role": "user", "parts": [{"text": "Go"}]},
        {"role": "model", "parts": [CALL, other, CALL]},
        {"role": "user", "parts": [{"text": "And?"}, ANSWER, ANSWER, {"functionResponse": {"name": "g"}}]},
    ]
    request = gemini_request(contents=turns)
    calls = [part for part in request.messages[1].parts if isinstance(part, ToolCall)]
    assert [call.arguments for call in calls] == ['{"x":1}', "{}", '{"x":1}']
    assert len({call.id for call in calls}) == 3
    assert calls[0].signature == "S"
    results = [part for part in request.messages[2].parts if isinstance(part, ToolResult)]
    assert request.messages[2].role is Role.TOOL
    assert [result.call_id for result in results] == [calls[0].id, calls[2].id, calls[1].id]
    assert results[0].parts == (Text("done"),)
    assert request.messages[3].text == "And?"
    assert gemini_request(contents=turns) == request


def test_ids_of_the_clients_own_are_kept() -> None:
    call = {"functionCall": {"id": "a", "name": "f", "args": {}}}
    answer = {"functionResponse": {"id": "a", "name": "f", "response": {"error": "no"}}}
    request = gemini_request(contents=[{"role": "model", "parts": [call]}, {"role": "user", "parts": [answer]}])
    assert request.messages[1].parts == (ToolResult("a", (Text('{"error":"no"}'),), "f", is_error=True),)


def test_arguments_keep_their_tokens() -> None:
    call_part = b'{"function_call":{"name":"f","args":{"b": 1e2,\n "a":12345678901234567890123}}}'
    body = b'{"contents":[{"role":"model","parts":[%b]}]}' % call_part
    call = gemini.read_request(body).messages[0].parts[0]
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"b":1e2,"a":12345678901234567890123}'


def test_the_configuration() -> None:
    config = {
        "temperature": 1.5,
        "top_p": 0.5,
        "topK": 3,
        "seed": 7,
        "stopSequences": ["END"],
        "maxOutputTokens": 9,
        "candidateCount": 2,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
        "thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True},
        "responseModalities": ["TEXT"],
        "mediaResolution": "LOW",
    }
    request = gemini_request(generationConfig=config, safetySettings=[])
    assert request.sampling == Sampling(1.5, 0.5, 3, 7, stop=("END",), max_output=9, n=2)
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    assert request.format == OutputFormat(Shape.SCHEMA, schema)
    assert request.reasoning == Reasoning("high", show=True)
    assert set(request.extras) == {"safetySettings", "mediaResolution"}


def test_tools() -> None:
    declared = {"name": "f", "description": "d", "parameters": {"type": "OBJECT", "properties": {}}}
    request = gemini_request(
        tools=[{"function_declarations": [declared]}, {"googleSearch": {}}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    )
    assert request.tools[0].schema == {"type": "object", "properties": {}}
    assert request.tools[1].builtin is not None
    assert (request.tool_choice.mode, request.tool_choice.names) == (ChoiceMode.REQUIRED, ("f",))


@pytest.mark.parametrize(
    "more",
    [
        {"contents": [{"role": "tool", "parts": []}]},
        {"contents": [{"role": "user", "parts": [5]}]},
        {"tools": [{"functionDeclarations": [{"description": "x"}]}]},
        {"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}},
        {"generationConfig": {"temperature": "hot"}},
        {"generationConfig": {"responseMimeType": "text/x.enum"}},
    ],
)
def test_nonsense_is_refused_by_name(more: dict[str, Any]) -> None:
    with pytest.raises(FaultError) as refused:
        gemini_request(**more)
    assert refused.value.fault.param


SHOWN = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ([{"text": "Here."}, SHOWN], (Text("Here."),)),
        (
            [SHOWN | {"thoughtSignature": "S"}, {"text": "Here."}],
            (Thought(signature="S", origin="gemini"), Text("Here.")),
        ),
        ([{"fileData": {"mimeType": "image/png", "fileUri": "https://x/a.png"}}], ()),
    ],
)
def test_pictures_of_an_answer_stand_apart_and_come_back_in_their_place(
    parts: list[Any], left: tuple[Any, ...]
) -> None:
    contents = [{"role": "user", "parts": [SHOWN]}, {"role": "model", "parts": parts}]
    request = gemini_request(contents=contents)
    asked, answer = request.messages
    assert (asked.pictures, len(asked.parts)) == ((), 1)
    assert (answer.parts, len(answer.pictures)) == (left, 1)
    assert json.loads(gemini.write_request(request, "m").body)["contents"] == contents


def test_cached_content_cannot_be_said_elsewhere() -> None:
    with pytest.raises(FaultError, match="`cachedContent`"):
        openai_chat.write_request(gemini_request(cachedContent="cachedContents/x"), "m")
