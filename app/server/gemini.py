"""What Gemini's clients say in the path (model, verb), and what they ask beside answers: models, counts of tokens."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl

from app.dialects import fields, gemini, gemini_embed, gemini_models
from app.dialects.gemini_array import TYPE, ArrayFraming
from app.domain.chat import Answer, ApiRequest, Operation
from app.server.asgi import JSON
from app.server.gate import Visit
from app.server.local import Facade, count, find_model

MODEL_PREFIX = "/v1beta/models/"
_MODELS = "/models/"
_PREFIXES = (MODEL_PREFIX, "/v1/models/")
_BARE = "/v1beta/"
_STREAM = "streamGenerateContent"


def parse(visit: Visit) -> ApiRequest:
    """Read what routing needs: model and verb are in the path.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    model, verb = _said(visit.path)
    request = gemini.parse_request(visit.body, model, stream=verb == _STREAM)
    return replace(request, stream_type=TYPE) if request.stream and _wants_array(visit) else request


def framing(visit: Visit) -> ArrayFraming | None:
    """What turns the events of a stream into the JSON array that comes without `alt=sse`; None for all else."""
    return ArrayFraming() if visit.path.endswith(_STREAM) and _wants_array(visit) else None


def _wants_array(visit: Visit) -> bool:
    return ("alt", "sse") not in parse_qsl(visit.query.decode("latin-1"))


def embeds(dialect: gemini_embed.Embeddings) -> Callable[[Visit], ApiRequest]:
    """Make the reader of what routing needs: the model is in the path."""
    return lambda visit: dialect.parse_request(visit.body, _said(visit.path)[0])


def _said(path: str) -> tuple[str, str]:
    """Model and verb of a path."""
    before = next((prefix for prefix in (*_PREFIXES, _BARE) if path.startswith(prefix)), "")
    model, _, verb = path.removeprefix(before).rpartition(":")
    return model, verb


def prefix_of(head: str) -> str:
    """What stands before the model's name in a path whose verb is cut off, as the table spells it; empty for others.

    A name with a slash may stand alone, without `models/`: so the AI SDK asks for it.
    """
    found = next((prefix for prefix in _PREFIXES if head.startswith(prefix)), "")
    if not found and head.startswith(_BARE) and "/" in head.removeprefix(_BARE).strip("/"):
        return MODEL_PREFIX
    return found if head != found else ""


def models(facade: Facade, visit: Visit) -> Answer:
    """List every model that can be asked for, in Gemini's shape."""
    return Answer(200, (JSON,), gemini_models.render_models(facade.models()))


def model(facade: Facade, visit: Visit) -> Answer:
    """Describe one model in Gemini's shape.

    Raises:
        FaultError: MODEL_NOT_FOUND.
    """
    found = find_model(facade.models(), visit.path.partition(_MODELS)[2])
    return Answer(200, (JSON,), gemini_models.render_model(*found))


async def count_tokens(facade: Facade, visit: Visit) -> Answer:
    """Count the tokens of a request that is not sent: nothing is accounted for.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    sent = fields.parse_object(visit.body)
    if not (sent.get("contents") or sent.get("generateContentRequest")):
        fields.refuse("The request has no list `contents`.", "Send the conversation as a list of contents.", "contents")
    request = ApiRequest(Operation.CHAT, _said(visit.path)[0], stream=False, body=visit.body)
    headers, tokens = await count(facade, request, gemini.NAME)
    return Answer(200, headers, gemini.render_count(tokens))
