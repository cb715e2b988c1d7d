"""OpenAI's published description of its API as validators, with what is known to be wrong in it put right."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DESCRIPTION = Path(__file__).parents[3] / "shared" / "fixtures" / "openai-openapi-subset.json"
_URI = "urn:openai"


def load() -> dict[str, Any]:
    """Read the description, or skip the test when it is not there: it belongs to no clone of the project."""
    if not DESCRIPTION.exists():
        pytest.skip("OpenAI's API description is not in ../shared/fixtures")
    description: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    schemas = description["components"]["schemas"]
    choice = schemas["CreateCompletionResponse"]["properties"]["choices"]["items"]
    choice["properties"]["finish_reason"]["nullable"] = True  # it stands for the chunks of a stream as well
    whole = next(part["properties"] for part in schemas["Response"]["allOf"] if "usage" in part.get("properties", ()))
    whole["usage"]["nullable"] = True  # a stream begins without it
    for schema in schemas.values():
        _allow_null(schema)
    return description


def _allow_null(schema: Any) -> None:
    """OpenAPI 3.0's `nullable` in a 3.1 document: say it in JSON Schema, in the type, the enum or around the rest."""
    if isinstance(schema, list):
        for item in schema:
            _allow_null(item)
    if not isinstance(schema, dict):
        return
    for part in schema.values():
        _allow_null(part)
    if schema.pop("nullable", False) is not True:
        return
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    else:
        inner = dict(schema)
        schema.clear()
        schema["anyOf"] = [inner, {"type": "null"}]


class Description:
    """Checks values against the schemas by name."""

    def __init__(self) -> None:
        resource = DRAFT202012.create_resource(load())
        self._registry: Registry[Any] = Registry().with_resource(_URI, resource)

    def problems(self, name: str, value: object) -> list[str]:
        """Everything about `value` that schema `name` does not allow."""
        schema = {"$ref": f"{_URI}#/components/schemas/{name}"}
        validator = jsonschema.Draft202012Validator(schema, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
