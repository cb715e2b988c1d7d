"""A Responses request in the hub language."""

from typing import Any

import pytest

from app.dialects import openai_chat
from app.domain.faults import FaultError
from app.domain.hub import OutputFormat, Reasoning, Shape
from dialects.responses_rig import responses_request


def test_sampling_reasoning_form_and_keys() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    request = responses_request(
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=100,
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": schema},
        user="u",
        prompt_cache_key="k",
    )
    given = request.sampling
    assert (given.temperature, given.top_p, given.max_output) == (0.5, 0.9, 100)
    assert request.reasoning == Reasoning("high", summary="auto")
    assert request.format == OutputFormat(Shape.SCHEMA, {"type": "object"}, "n", True)
    assert (request.user, request.cache_key, request.extras) == ("u", "k", {})


def test_what_codex_always_sends_is_not_worth_a_word() -> None:
    request = responses_request(
        store=False, include=["reasoning.encrypted_content"], truncation="disabled", metadata={"a": "b"}
    )
    assert request.extras == {}
    assert openai_chat.write_request(request, "m").dropped == ()


def test_what_only_this_dialect_has_is_named() -> None:
    request = responses_request(
        store=True,
        truncation="auto",
        text={"verbosity": "low"},
        top_logprobs=2,
        max_tool_calls=3,
        safety_identifier=None,
    )
    dropped = openai_chat.write_request(request, "m").dropped
    assert set(dropped) == {"store", "truncation", "text.verbosity", "top_logprobs", "max_tool_calls"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_what_is_stored_nowhere_or_wrong_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(FaultError) as refused:
        responses_request(**more)
    assert refused.value.fault.param == param
    assert refused.value.fault.remedy
