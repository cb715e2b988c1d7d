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
