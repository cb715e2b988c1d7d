"""Token counts of every provider's spelling."""

from dataclasses import asdict
from typing import Any

import pytest

from app.dialects.openai_usage import find_usage, parse_usage
from app.domain.usage import UsageSource


def test_golden(golden_usage: dict[str, Any]) -> None:
    usage = parse_usage(golden_usage["usage"])
    expect = golden_usage["expect"]
    assert {k: v for k, v in asdict(usage).items() if v is not None and k != "source"} == expect
    assert usage.source is (UsageSource.PROVIDER if expect else UsageSource.UNKNOWN)


@pytest.mark.parametrize(
    ("told", "usd"),
    [
        ({"cost": 0.25, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.25}}, 0.25),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.25}}, 0.26),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, 0.0),
        ({"cost": {"input_tokens_cost": 0.1, "total_cost": 0.5}}, 0.5),
        ({"cost_in_usd_ticks": 37_756_000}, 0.0037756),
        ({"cost": "free"}, None),
        ({"cost": -1}, None),
        ({"cost": True}, None),
        ({}, None),
    ],
)
def test_what_the_provider_says_it_charges(told: dict[str, Any], usd: float | None) -> None:
    charged_usd = parse_usage({"prompt_tokens": 1, "completion_tokens": 2, **told}).charged_usd
    assert charged_usd == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ({"usage": {"a": 1}, "x_groq": {"usage": {"b": 1}}}, {"a": 1}),
        ({"usage": None, "x_groq": {"usage": {"b": 1}}}, {"b": 1}),
        ({"usage": {}, "x_groq": {"usage": {}}}, None),
        ({"usage": [1], "x_groq": 3}, None),
        ({}, None),
    ],
)
def test_where_it_is(reply: dict[str, Any], found: Any) -> None:
    assert find_usage(reply) == found
