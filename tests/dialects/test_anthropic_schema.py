"""JSON Schemas fitted to Anthropic's structured output."""

from app.dialects.anthropic_schema import strict_schema


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
