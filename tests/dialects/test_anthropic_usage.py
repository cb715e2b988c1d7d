"""Anthropic's additive token counts and its stop reasons."""

import pytest

from app.dialects.anthropic_usage import parse_usage, read_finish, write_finish, write_usage
from app.domain.hub_reply import Finish
from app.domain.usage import NO_USAGE


def test_usage_is_additive() -> None:
    usage = parse_usage(
        {
            "input_tokens": 7,
            "cache_read_input_tokens": 20,
            "cache_creation_input_tokens": 3,
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
            "server_tool_use": {"web_search_requests": 2},
        }
    )
    assert (usage.input, usage.output, usage.reasoning, usage.searches) == (30, 9, 4, 2)
    assert write_usage(usage) == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 20,
        "output_tokens": 9,
    }


@pytest.mark.parametrize("sent", [None, {}, [], {"input_tokens": "7"}, {"input_tokens": True}])
def test_what_is_missing_is_unknown(sent: object) -> None:
    assert parse_usage(sent) is NO_USAGE


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", Finish.STOP),
        ("stop_sequence", Finish.STOP_SEQUENCE),
        ("max_tokens", Finish.LENGTH),
        ("model_context_window_exceeded", Finish.LENGTH),
        ("refusal", Finish.REFUSAL),
        ("pause_turn", Finish.PAUSE),
        ("something_new", Finish.STOP),
        (None, Finish.STOP),
        ("tool_use", Finish.STOP),
    ],
)
def test_stop_reasons_without_calls(reason: object, finish: Finish) -> None:
    assert read_finish(reason, called=False) is finish


def test_calls_always_finish_as_calls() -> None:
    assert read_finish("end_turn", called=True) is Finish.TOOL_CALLS
    assert write_finish(Finish.STOP, called=True) == "tool_use"
    assert write_finish(Finish.TOOL_CALLS, called=False) == "end_turn"
    assert write_finish(Finish.FILTER, called=False) == "refusal"


def test_what_is_cached_for_an_hour_is_told_apart() -> None:
    told = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}  # fmt: skip
    usage = parse_usage(told)
    assert (usage.cache_write, usage.cache_write_hour) == (30, 20)
    assert usage.most(parse_usage(told | {"cache_creation": {}})).cache_write_hour == 20
