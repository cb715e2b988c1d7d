"""Write a request for a provider: the path, the headers and the body that go up, in the provider's dialect."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from app.dialects import (
    anthropic,
    cohere,
    cohere_embed,
    gemini,
    gemini_embed,
    ollama,
    ollama_embed,
    ollama_generate,
    openai_chat,
    openai_completions,
    openai_embeddings,
    responses,
)
from app.dialects.dialect import Dialect
from app.dialects.embedding import EmbedClient, EmbedProvider, EmbedTranslation
from app.dialects.mending import mend
from app.dialects.openai_cousin import Cousin
from app.dialects.paths import fill
from app.dialects.translation import Answerer, Asker, Side, Translation
from app.domain.chat import PASSED_THROUGH, ApiRequest, Operation
from app.domain.repairs import BETAS, THINKING, Mend, Repair
from app.engine.hops import onward
from app.engine.provider import Provider
from app.engine.spoken import Spoken
from app.providers.outgoing import Headers, Outgoing
from app.providers.spec import ProviderSpec

_ALL: tuple[Side, ...] = (openai_chat, anthropic, gemini, ollama, ollama_generate, responses)
_SIDES: Mapping[str, Side] = {side.NAME: side for side in _ALL}
_ANSWERERS: Mapping[str, Answerer] = {**_SIDES, cohere.NAME: cohere}

_VECTORS: Mapping[str, EmbedProvider] = {
    openai_embeddings.NAME: openai_embeddings,
    cohere.NAME: cohere_embed.EMBED,
    gemini.NAME: gemini_embed.BATCH,
    ollama.NAME: ollama_embed.EMBED,
}
"""Who makes vectors, by its dialect."""

_FAMILIES: Mapping[str, str] = {ollama_generate.NAME: ollama.NAME}
"""Dialects of clients that the providers of another name speak, too."""


Joined = Dialect | Translation | EmbedTranslation


def between(
    client: Dialect,
    spec: ProviderSpec,
    request: ApiRequest | None = None,
    model: str = "",
    spoken: Spoken | None = None,
) -> Joined:
    """What joins a client's dialect and a provider's: the dialect itself when both speak the same.

    A provider may speak Responses beside its own dialect, for `request`, and nothing else, for `model`; `spoken` is
    what it turned out to do.
    """
    name = spec.dialect
    if request is not None and request.operation is Operation.CHAT:
        name = responses.NAME if spoken is not None and model in spoken.only else spec.dialect_of(model)
    if name == client.NAME or name == _FAMILIES.get(client.NAME):
        return client
    lacks = spoken is not None and model in spoken.lacking
    if client.NAME == responses.NAME and request is not None and not lacks and spec.takes_responses(request):
        return client
    if hasattr(client, "read_texts"):
        return EmbedTranslation(cast("EmbedClient", client), _VECTORS[spec.dialect])
    if client.NAME == openai_chat.NAME and request is not None and request.operation in PASSED_THROUGH:
        return client
    provider = _ANSWERERS[name]
    cousin = Cousin(spec.cousin) if provider is openai_chat else provider
    side = cast("Asker", client) if client is openai_completions else _SIDES[client.NAME]
    return Translation(side, cousin, time.time)


class Sent(NamedTuple):
    """What goes up; `dropped` names what the client had sent and the provider does not get."""

    path: str
    body: bytes
    headers: Headers
    dropped: tuple[str, ...]


def write(
    dialect: Dialect | Translation | EmbedTranslation, request: ApiRequest, provider: Provider, model: str, hops: str
) -> Sent:
    """Write `request` for `model` at `provider`; `hops` are the marks of the proxies it has come through.

    Raises:
        FaultError: INVALID_REQUEST, when the provider's dialect cannot express the request.
    """
    headers = onward(hops) if hops and provider.nearby else ()
    dropped: tuple[str, ...] = ()
    operation = Operation.CHAT if isinstance(dialect, Translation) else request.operation
    if isinstance(dialect, Translation | EmbedTranslation):
        written = dialect.write(request, model)
        path, body, dropped = written.path, written.body, written.dropped
    else:
        path = dialect.STREAM_PATH if request.stream else dialect.PATH
        if "{" in path:
            path = fill(path, model)
        body = dialect.build_request(request, model)
        if request.headers:
            headers = (*headers, *request.headers)
    if request.body_type:
        headers = (*headers, ("accept", "*/*"), ("content-type", request.body_type))
    elif (provider.repairs or request.repairs) and (known := _known(request, provider, model)):
        body, repaired = _repaired(request, body, known)
        dropped += repaired
        headers = _without_betas(headers, known)
    if provider.paths:
        at = Operation.RESPONSES if path == responses.PATH else operation
        path = provider.path(at, path, model, stream=request.stream)
    if provider.adjust is not None:
        adjusted = provider.adjust(Outgoing(operation, model, request.stream, path, body, headers))
        path, body, headers = adjusted.path, adjusted.body, adjusted.headers
    return Sent(path, body, headers, dropped)


def _known(request: ApiRequest, provider: Provider, model: str) -> Sequence[Repair]:
    """The repairs of a request: those that the model needs always, and those of its own."""
    return (*provider.repairs.get(model, {}).values(), *request.repairs)


def _without_betas(headers: Headers, known: Sequence[Repair]) -> Headers:
    """The headers as they are, or without the beta features that the model's house refuses."""
    if not any(one.mend is Mend.BETAS for one in known):
        return headers
    return tuple(header for header in headers if header[0] != "anthropic-beta")


def _repaired(request: ApiRequest, body: bytes, known: Sequence[Repair]) -> tuple[bytes, tuple[str, ...]]:
    """Repair what the model is known to refuse; name of it what the client itself had sent, in whatever words."""
    body, changed = mend(body, known)
    params = {one.param for one in known if one.mend in (Mend.LEAVE_OUT, Mend.RENAME)}
    named = tuple(name for name in changed if name not in params or name in request.members or name in THINKING)
    if any(one.mend is Mend.BETAS for one in known) and any(name == "anthropic-beta" for name, _ in request.headers):
        named += (BETAS,)
    return body, tuple(dict.fromkeys(named))
