"""Gemini's older schemas as JSON Schema."""

from app.dialects.gemini_schema import json_schema


def test_types_counts_and_nullable() -> None:
    sent = {
        "type": "OBJECT",
        "propertyOrdering": ["a"],
        "properties": {
            "a": {"type": "ARRAY", "minItems": "2", "items": {"type": "STRING", "nullable": True}},
            "type": {"anyOf": [{"type": "NUMBER"}, {"enum": ["A"]}]},
        },
    }
    assert json_schema(sent) == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "minItems": 2, "items": {"type": ["string", "null"]}},
            "type": {"anyOf": [{"type": "number"}, {"enum": ["A"]}]},
        },
    }
