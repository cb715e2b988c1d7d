"""Ask a provider's own counter how many tokens a request has: free of charge, and no traffic."""

import asyncio

from app.dialects import anthropic, gemini, json_edit, responses
from app.dialects.paths import fill
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import FaultError
from app.engine.router import Candidate
from app.providers import quirks
from app.providers.outgoing import Outgoing
from app.providers.spec import ProviderSpec

LIMIT_S = 3.0
"""How long a counter is waited for, before an estimate has to do."""

_OK = 200
_IMPOSSIBLE = 2**53
_FIELDS = {
    anthropic.NAME: ("input_tokens", "inputTokens"),
    gemini.NAME: ("totalTokens",),
    responses.NAME: ("input_tokens",),
}


async def count(request: ApiRequest, candidate: Candidate, dialect: str) -> int | None:
    """The tokens of `request` as `candidate` counts them; None when it has no counter, or does not speak `dialect`.

    Sources: Anthropic's `POST /v1/messages/count_tokens`, Gemini's `models/{model}:countTokens`, Bedrock's
    `POST /model/{model}/count-tokens`, OpenAI's `POST /v1/responses/input_tokens`, which others may lack.
    """
    if dialect not in _FIELDS or not (candidate.provider.usable and _speaks(candidate.provider.spec, dialect)):
        return None
    try:
        async with asyncio.timeout(LIMIT_S):
            answer = json_edit.loads(await _ask(candidate, request, dialect))
    except (FaultError, TimeoutError, json_edit.JsonError):
        return None
    told = answer if isinstance(answer, dict) else {}
    tokens = next((told[field] for field in _FIELDS[dialect] if field in told), None)
    return tokens if isinstance(tokens, int) and 0 <= tokens < _IMPOSSIBLE else None


def _speaks(spec: ProviderSpec, dialect: str) -> bool:
    return spec.dialect == dialect or (dialect == responses.NAME and Operation.RESPONSES in spec.operations)


async def _ask(candidate: Candidate, request: ApiRequest, dialect: str) -> bytes:
    """The counter's answer; empty for a refusal.

    Raises:
        FaultError: it could not be asked.
    """
    provider, model = candidate.provider, candidate.model
    path, body, headers = "/v1beta/models/{model}:countTokens", request.body, request.headers
    if dialect == responses.NAME:
        path, body = f"{responses.PATH}/input_tokens", responses.build_request(request, model)
    if dialect == anthropic.NAME:
        path, body = anthropic.COUNT_PATH, anthropic.build_request(request, model)
    path = fill(provider.paths.get("count", path), model)
    if (adjust := quirks.load(provider.spec.quirks, "adjust_count")) is not None:
        sent = adjust(Outgoing(request.operation, model, False, path, body, headers))  # noqa: FBT003 - the field's order
        path, body, headers = sent.path, sent.body, sent.headers
    reply = await provider.client.post(path, body, stream=False, headers=headers)
    try:
        return await reply.read() if reply.status == _OK else b""
    finally:
        await reply.aclose()
