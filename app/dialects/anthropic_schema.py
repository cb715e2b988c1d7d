"""Fit a JSON Schema into what Anthropic's structured output takes; what it cannot check is told in the description."""

from collections.abc import Mapping
from typing import Any

from app.dialects import fields

_CHECKS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Close every object and move the checks that are not known into the description; all else stays, `$defs` too.

    Raises:
        FaultError: INVALID_REQUEST, for an object of keys that nobody knows yet: closed, it could only be empty.
    """
    if _is_open(schema):
        fields.refuse(
            "`response_format` has an object with keys of any name, which Anthropic's structured output does not take.",
            "Name its properties, send it as a list of keys and values, or choose a model of another provider.",
            "response_format",
        )
    out: dict[str, Any] = {key: _inner(key, value) for key, value in schema.items() if key not in _CHECKS}
    told = [f"{key}: {schema[key]}" for key in _CHECKS if key in schema]
    if schema.get("minItems", 0) not in (0, 1):
        told.append(f"minItems: {out.pop('minItems')}")
    if told:
        out["description"] = " ".join(filter(None, (out.get("description"), f"({', '.join(told)})")))
    if out.get("type") == "object" or "properties" in out:
        out["additionalProperties"] = False
    if "oneOf" in out:
        out.setdefault("anyOf", out.pop("oneOf"))
    return out


_NAMING = ("properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const")


def _is_open(schema: Mapping[str, Any]) -> bool:
    """Whether it is an object that is to have keys beside named ones, or none that are named."""
    kind, more = schema.get("type"), schema.get("additionalProperties")
    if isinstance(more, dict) and more:
        return True
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind)
    return is_object and more is not False and not any(key in schema for key in _NAMING)


def _inner(key: str, value: Any) -> Any:
    if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
        return {name: strict_schema(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    if key in ("items", "not") and isinstance(value, dict):
        return strict_schema(value)
    if key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
        return [strict_schema(inner) if isinstance(inner, dict) else inner for inner in value]
    return value
