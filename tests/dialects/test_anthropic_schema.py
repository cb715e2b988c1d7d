"""JSON Schemas fitted to Anthropic's structured output."""

from typing import Any

import pytest

from app.dialects.anthropic_schema import strict_schema
from app.domain.faults import FaultError


def test_objects_are_closed_and_checks_are_told() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "description": "A count."},
            "list": {"type": "array", "minItems": 3, "items": {"$ref": "#/$defs/x"}},
        },
        "$defs": {"x": {"type": "object", "properties": {"oneOf": {"type": "string"}}}},
        "required": ["n"],
    }
    assert strict_schema(schema) == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "A count. (minimum: 1)"},
            "list": {"type": "array", "items": {"$ref": "#/$defs/x"}, "description": "(minItems: 3)"},
        },
        "$defs": {"x": {"type": "object", "properties": {"oneOf": {"type": "string"}}, "additionalProperties": False}},
        "required": ["n"],
        "additionalProperties": False,
    }


def test_alternatives() -> None:
    assert strict_schema({"oneOf": [{"type": "string", "maxLength": 3}]}) == {
        "anyOf": [{"type": "string", "description": "(maxLength: 3)"}]
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": ["object", "null"]},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}},
    ],
)
def test_an_object_of_any_keys_is_refused_since_closed_it_could_only_be_empty(schema: dict[str, Any]) -> None:
    with pytest.raises(FaultError, match="keys of any name") as refused:
        strict_schema(schema)
    assert refused.value.fault.param == "response_format"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "$ref": "#/$defs/x"},
    ],
)
def test_other_objects_are_closed(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) == {**schema, "additionalProperties": False}
