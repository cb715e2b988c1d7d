"""Gemini's older schemas, a subset of OpenAPI's with types in capitals, as JSON Schema."""

from collections.abc import Mapping
from typing import Any

_SINGLE = ("items", "additionalProperties", "not")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions")
_MOST_DIGITS = 18
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return it as JSON Schema: types in small letters, `nullable` as a type, counts as numbers."""
    out = {key: _inner(key, value) for key, value in schema.items() if key not in ("nullable", "propertyOrdering")}
    kind = out.get("type")
    if isinstance(kind, str):
        out["type"] = kind.lower()
        if schema.get("nullable") is True:
            out["type"] = [kind.lower(), "null"]
    return out


def _inner(key: str, value: Any) -> Any:
    if key in _MAPS and isinstance(value, dict):
        return {name: json_schema(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    if key in _SINGLE and isinstance(value, dict):
        return json_schema(value)
    if key in _LISTS and isinstance(value, list):
        return [json_schema(inner) if isinstance(inner, dict) else inner for inner in value]
    if key in _COUNTS and isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value
