"""Model lists: read every provider's shape of `GET /models`, write OpenAI's."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.dialects import json_edit, openai
from app.dialects.openai_errors import clean, in_band_error
from app.domain.faults import InBandError
from app.domain.models import ModelInfo

_LISTS = ("data", "models", "publisherModels", "result", "items")
_NAMES = ("id", "name", "model", "slug")
_CONTEXT = (
    "context_length", "context_window", "max_context_length", "max_model_len", "context_size", "max_input_tokens",
    "inputTokenLimit", "n_ctx_train", "n_ctx", "max_context_tokens",
)  # fmt: skip
_OUTPUT = ("max_output_tokens", "max_completion_tokens", "outputTokenLimit", "max_tokens")
_WORDS = {
    "completion": "completions", "completion_chat": "chat", "chat-completion": "chat", "completion_fim": "fim",
    "embedding": "embeddings", "embed": "embeddings", "image": "vision", "supports_image_in": "vision",
    "function_calling": "tools", "function-calling": "tools", "tool_use": "tools", "supports_tools": "tools",
    "tool-calling": "tools", "tool_calling": "tools", "supports_chat": "chat", "thinking": "reasoning",
    "structured_outputs": "structured_output", "llm": "chat", "vlm": "vision",
}  # fmt: skip
_PLACE = re.compile(r"^(?:publishers/[^/]+/)?models/")
_PARAMETERS = frozenset(("tools", "reasoning", "structured_outputs"))


def parse_models(body: bytes) -> tuple[ModelInfo, ...]:
    """Read a model list in the provider's order; what is not a model with a name, or is marked inactive, is left out.

    Raises:
        InBandError: it is an error in spite of its status.
        FaultError: BAD_REPLY, when there is no list in it.
    """
    try:
        value = json_edit.loads(body)
    except json_edit.JsonError:
        raise openai.bad_reply("a model list that is not JSON") from None
    found: dict[str, ModelInfo] = {}
    for item in _items(value):
        info = _model(item)
        if info is not None:
            found.setdefault(info.id, info)
    return tuple(found.values())


def render_models(entries: Iterable[tuple[str, ModelInfo]]) -> bytes:
    """Make OpenAI's list of (owner, model), in that order."""
    return msgspec.json.encode({"object": "list", "data": [_entry(owner, info) for owner, info in entries]})


def render_model(owner: str, info: ModelInfo) -> bytes:
    """Make OpenAI's object of one model."""
    return msgspec.json.encode(_entry(owner, info))


def _entry(owner: str, info: ModelInfo) -> dict[str, object]:
    return {
        "id": info.id,
        "object": "model",
        "created": info.created or 0,
        "owned_by": owner,
        "context_length": info.context_length,
        "max_output_tokens": info.max_output_tokens,
        "capabilities": list(info.capabilities),
    }


def _items(value: object) -> list[Any]:
    """Find the list: the whole body, or under the usual names."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        for name in _LISTS:
            if isinstance(value.get(name), list):
                items: list[Any] = value[name]
                return items
        error = in_band_error(value)
        if error is not None:
            raise InBandError(error)
    raise openai.bad_reply("JSON without a model list")


def _model(item: object) -> ModelInfo | None:
    """Read one model: a bare name or an object."""
    if isinstance(item, str):
        item = {"id": item}
    if not isinstance(item, dict) or item.get("active") is False or item.get("deleted") is True:
        return None
    name = next((item[key] for key in _NAMES if isinstance(item.get(key), str) and item[key].strip()), None)
    if name is None:
        return None
    places = (item, *(_object(item.get(key)) for key in ("top_provider", "limits", "meta", "metadata")))
    return ModelInfo(
        id=_PLACE.sub("", clean(name).strip()),
        created=_created(item),
        context_length=_number(places, _CONTEXT),
        max_output_tokens=_number(places, _OUTPUT),
        capabilities=tuple(dict.fromkeys(_capabilities(item))),
        base=_base(item, name),
    )


def _base(item: Mapping[str, Any], name: str) -> str:
    """The model behind a deployment (Azure), when its name is another."""
    model = item.get("model")
    deployed = item.get("object") == "deployment" and isinstance(model, str) and model != name
    return clean(str(model)).strip() if deployed else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int | None:
    """The first of these that is a positive whole number."""
    values = (place.get(name) for place in places for name in names)
    return next(
        (value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0), None
    )


def _created(item: Mapping[str, Any]) -> int | None:
    """Seconds since 1970, which some give as a date."""
    value = item.get("created") or item.get("created_at")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    return int(value) if isinstance(value, int | float) and 0 < value < _FAR_FUTURE else None


_FAR_FUTURE = 2**40


def _capabilities(item: Mapping[str, Any]) -> Iterable[str]:
    """Gather what the model can do, in few words of ours where the provider's are known."""
    said = item.get("capabilities")
    names: list[object] = [key for key, on in said.items() if on is True] if isinstance(said, dict) else _list(said)
    names += [
        item.get("type"),
        *(key for key in ("supports_chat", "supports_tools", "supports_image_in") if item.get(key)),
    ]
    names += (kind for kind in _list(_object(item.get("architecture")).get("input_modalities")) if kind != "text")
    names += (name for name in _list(item.get("supported_parameters")) if isinstance(name, str) and name in _PARAMETERS)
    methods = _list(item.get("supportedGenerationMethods"))  # Gemini's
    if "embedContent" in methods and "generateContent" not in methods:
        names.append("embeddings")
    endpoints = _list(item.get("endpoints"))  # Cohere's
    if endpoints and "chat" not in endpoints:
        names += [{"embed": "embeddings"}.get(str(endpoint), endpoint) for endpoint in endpoints]
    for name in names:
        if isinstance(name, str) and name.strip() and name != "model":
            word = clean(name).strip().lower()
            yield _WORDS.get(word, word)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
