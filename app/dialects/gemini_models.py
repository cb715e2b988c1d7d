"""Gemini's list of models, written for its clients."""

from collections.abc import Iterable

from app.dialects import json_edit
from app.domain.models import ModelInfo

_EMBEDS = ("embedding", "embeddings")
_METHODS = ["generateContent", "streamGenerateContent", "countTokens"]
_EMBED_METHODS = ["embedContent", "batchEmbedContents"]


def render_models(entries: Iterable[tuple[str, ModelInfo]]) -> bytes:
    """Make the list of (owner, model): each name once, all on one page."""
    found: dict[str, dict[str, object]] = {}
    for owner, info in entries:
        found.setdefault(info.id, _entry(owner, info))
    return json_edit.dumps({"models": list(found.values())})


def render_model(owner: str, info: ModelInfo) -> bytes:
    """Make the object of one model."""
    return json_edit.dumps(_entry(owner, info))


def _entry(owner: str, info: ModelInfo) -> dict[str, object]:
    answers = not info.capabilities or any(word not in _EMBEDS for word in info.capabilities)
    out: dict[str, object] = {
        "name": f"models/{info.id}",
        "baseModelId": info.id,
        "version": "001",
        "displayName": info.id,
        "description": f"Provided by {owner}.",
        "supportedGenerationMethods": _METHODS if answers else _EMBED_METHODS,
    }
    if info.context_length is not None:
        out["inputTokenLimit"] = info.context_length
    if info.max_output_tokens is not None:
        out["outputTokenLimit"] = info.max_output_tokens
    return out
