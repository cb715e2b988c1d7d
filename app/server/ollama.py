"""What Ollama's clients ask beside answers: version, models, what is loaded, what a model can do."""

import hashlib
from collections.abc import Mapping

import msgspec

from app.dialects import fields, ollama_reply
from app.domain.chat import Answer
from app.domain.faults import FaultError
from app.domain.models import ModelInfo
from app.server.asgi import JSON
from app.server.gate import Visit
from app.server.local import Facade, find_model

API_VERSION = "0.12.6"
"""The version of Ollama whose wire is spoken here; VS Code wants at least 0.6.4."""

_LOAD_BYTES = 1024
"""No request to load a model is longer."""

_ALIAS_OWNER = "switchtower"
"""Whose models are names of the user's own, which stand alone."""

_WORDS: Mapping[str, str] = {
    "chat": "completion",
    "completions": "completion",
    "tools": "tools",
    "vision": "vision",
    "reasoning": "thinking",
    "embeddings": "embedding",
    "fim": "insert",
}
_UNKNOWN = ("completion", "tools")
"""Of whom nothing is known may be asked for anything, as routing does it."""


def running(facade: Facade, visit: Visit) -> Answer:
    """Say what clients look for at the root to know that the server is there."""
    return Answer(200, ((b"content-type", b"text/plain; charset=utf-8"),), b"Ollama is running")


def version(facade: Facade, visit: Visit) -> Answer:
    """Say whose wire is spoken."""
    return _json({"version": API_VERSION})


def loaded(facade: Facade, visit: Visit) -> Answer:
    """List what is in memory: nothing, for models here are never loaded or unloaded."""
    return _json({"models": []})


def load(facade: Facade, visit: Visit) -> Answer | None:
    """Answer a request without any words, by which clients have a model loaded or unloaded; None for all others."""
    if len(visit.body) > _LOAD_BYTES:
        return None
    try:
        sent = fields.parse_object(visit.body)
    except FaultError:  # the relay refuses it and accounts for it
        return None
    chat = visit.path.endswith("/chat")
    if sent.get("messages" if chat else "prompt") or not isinstance(sent.get("model"), str):
        return None
    unload = sent.get("keep_alive") in (0, "0", "0s")
    answer = {
        "model": sent["model"],
        "created_at": ollama_reply.write_time(0),
        **({"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}),
        "done": True,
        "done_reason": "unload" if unload else "load",
    }
    return _json(answer)


def tags(facade: Facade, visit: Visit) -> Answer:
    """List every model that can be asked for, as `provider/model`, and the user's own names as they are."""
    return _json({"models": [_tag(owner, model) for owner, model in facade.models()]})


def show(facade: Facade, visit: Visit) -> Answer:
    """Describe the model that the body names.

    Raises:
        FaultError: INVALID_REQUEST or MODEL_NOT_FOUND.
    """
    sent = fields.parse_object(visit.body)
    wanted = fields.text(sent, "model") or fields.text(sent, "name")
    if not wanted:
        fields.refuse("The request names no `model`.", "Add one, such as those GET /api/tags lists.", "model")
    owner, model = find_model(facade.models(), wanted)
    info: dict[str, object] = {"general.architecture": owner, "general.basename": model.id}
    if model.context_length is not None:
        info[f"{owner}.context_length"] = model.context_length
    return _json(
        {
            "modelfile": "",
            "parameters": "",
            "template": "",
            "details": _details(owner),
            "model_info": info,
            "capabilities": capabilities(model),
            "modified_at": _modified(model),
        }
    )


def capabilities(model: ModelInfo) -> list[str]:
    """Return what it can do in Ollama's words."""
    words = list(dict.fromkeys(_WORDS[word] for word in model.capabilities if word in _WORDS))
    if not words:
        return list(_UNKNOWN) if "embed" not in model.id.lower() else ["embedding"]
    if "embedding" not in words and "completion" not in words:
        words.insert(0, "completion")
    return words


def _tag(owner: str, model: ModelInfo) -> dict[str, object]:
    name = model.id if owner == _ALIAS_OWNER else f"{owner}/{model.id}"
    return {
        "name": name,
        "model": name,
        "modified_at": _modified(model),
        "size": 0,
        "digest": hashlib.sha256(name.encode("utf-8", "replace")).hexdigest(),
        "details": _details(owner),
    }


def _details(owner: str) -> dict[str, object]:
    return {
        "parent_model": "",
        "format": "",
        "family": owner,
        "families": [owner],
        "parameter_size": "",
        "quantization_level": "",
    }


def _modified(model: ModelInfo) -> str:
    """When it was made; a list that does not say so does not change from one answer to the next."""
    return ollama_reply.write_time(model.created or 1)


def _json(value: object) -> Answer:
    return Answer(200, (JSON,), msgspec.json.encode(value))
