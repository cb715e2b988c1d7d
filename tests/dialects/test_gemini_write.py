"""Hub requests as Gemini's: paths, limits, tools, thinking, structured output."""

from typing import Any

import pytest

from app.dialects import gemini
from app.domain.faults import FaultError
from dialects.translating import openai_request, to_gemini

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"$defs": {"x": {}}}}} for name in ("f", "g")]


def dropped(model: str = "gemini-2.5-flash", **more: Any) -> tuple[str, ...]:
    return gemini.write_request(openai_request(**more), model).dropped


def test_the_path_names_the_model_and_whether_it_streams() -> None:
    assert gemini.write_request(openai_request(), "models/g x").path == "/v1beta/models/g%20x:generateContent"
    streamed = gemini.write_request(openai_request(stream=True), "gemini-3")
    assert streamed.path == "/v1beta/models/gemini-3:streamGenerateContent?alt=sse"


def test_the_configuration() -> None:
    given = {"temperature": 1.7, "top_p": 0.5, "seed": 3, "presence_penalty": 1, "max_completion_tokens": 5, "n": 2}
    assert to_gemini(**given, stop="END")["generationConfig"] == {
        "temperature": 1.7,
        "topP": 0.5,
        "seed": 3,
        "presencePenalty": 1,
        "maxOutputTokens": 5,
        "candidateCount": 2,
        "stopSequences": ["END"],
    }
    assert "generationConfig" not in to_gemini()


def test_what_is_left_out_is_named() -> None:
    assert dropped(user="u", prompt_cache_key="k", store=True, stop=list("abcdef")) == (
        "store",
        "stop",
        "user",
        "prompt_cache_key",
    )
    written = gemini.write_request(openai_request(logprobs=True, top_logprobs=3), "gemini-2.5-flash")
    assert written.dropped == ("logprobs", "top_logprobs")
    assert b"ogprobs" not in written.body


def test_what_would_change_the_answer_is_refused() -> None:
    for more in ({"logit_bias": {"1": -100}}, {"modalities": ["audio"]}):
        with pytest.raises(FaultError, match=f"`{next(iter(more))}`"):
            to_gemini(**more)


def test_tools_keep_their_schema_and_choices_are_spelled() -> None:
    body = to_gemini(tools=TOOLS, tool_choice="required", parallel_tool_calls=False)
    assert body["tools"][0]["functionDeclarations"][0] == {"name": "f", "parametersJsonSchema": {"$defs": {"x": {}}}}
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert dropped(tools=TOOLS, parallel_tool_calls=False) == ("parallel_tool_calls",)
    assert to_gemini(tools=TOOLS, tool_choice="none")["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    named = {"type": "function", "function": {"name": "g"}}
    assert to_gemini(tools=TOOLS, tool_choice=named)["toolConfig"]["functionCallingConfig"] == {
        "mode": "ANY",
        "allowedFunctionNames": ["g"],
    }
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}}
    body = to_gemini(tools=TOOLS, tool_choice=allowed)
    assert [one["name"] for one in body["tools"][0]["functionDeclarations"]] == ["g"]
    assert "toolConfig" not in body
    with pytest.raises(FaultError, match="tools: c"):
        to_gemini(tools=[{"type": "custom", "custom": {"name": "c"}}])


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-flash", "xhigh", {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-flash-lite", "minimal", {"includeThoughts": True, "thinkingBudget": 512}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-3-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-3-pro-preview", "none", {"thinkingLevel": "low"}),
        ("gemini-3-flash-preview", "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
        ("gemini-2.0-flash", "none", None),
    ],
)
def test_effort_is_said_as_the_model_understands_it(model: str, effort: str, thinking: dict[str, Any] | None) -> None:
    assert to_gemini(model, reasoning_effort=effort).get("generationConfig", {}).get("thinkingConfig") == thinking


def test_models_that_cannot_think_are_not_asked_to() -> None:
    assert dropped("gemini-2.0-flash", reasoning_effort="high") == ("reasoning_effort",)
    assert dropped(reasoning_effort="odd") == ("reasoning_effort",)


def test_structured_output() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "$defs": {}}}}
    assert to_gemini(response_format=form)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "$defs": {}},
    }
    assert to_gemini(response_format={"type": "json_object"})["generationConfig"] == {
        "responseMimeType": "application/json"
    }
