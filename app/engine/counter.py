"""Ask a provider's own counter how many tokens a request has: free of charge, and no traffic."""

import asyncio
from collections.abc import Iterable

from app.dialects import anthropic, gemini, json_edit
from app.domain.chat import ApiRequest
from app.domain.faults import FaultError
from app.engine.router import Candidate

LIMIT_S = 3.0
"""How long a counter is waited for, before an estimate has to do."""

_OK = 200
_FIELDS = {anthropic.NAME: "input_tokens", gemini.NAME: "totalTokens"}


async def count(request: ApiRequest, candidates: Iterable[Candidate], dialect: str) -> int | None:
    """The tokens of `request`, as the first of `candidates` that speaks `dialect` counts them; None when none does.

    Sources: Anthropic's `POST /v1/messages/count_tokens`, Gemini's `models/{model}:countTokens`.
    """
    spoken = (one for one in candidates if one.provider.spec.dialect == dialect and one.provider.usable)
    candidate = next(spoken, None)
    if candidate is None or dialect not in _FIELDS:
        return None
    try:
        async with asyncio.timeout(LIMIT_S):
            answer = json_edit.loads(await _ask(candidate, request, dialect))
    except (FaultError, TimeoutError, json_edit.JsonError):
        return None
    tokens = answer.get(_FIELDS[dialect]) if isinstance(answer, dict) else None
    return tokens if isinstance(tokens, int) and tokens >= 0 else None


async def _ask(candidate: Candidate, request: ApiRequest, dialect: str) -> bytes:
    """The counter's answer; empty for a refusal.

    Raises:
        FaultError: it could not be asked.
    """
    path, body = f"/v1beta/models/{candidate.model}:countTokens", request.body
    if dialect == anthropic.NAME:
        path, body = anthropic.COUNT_PATH, anthropic.build_request(request, candidate.model)
    reply = await candidate.provider.client.post(path, body, stream=False, headers=request.headers)
    try:
        return await reply.read() if reply.status == _OK else b""
    finally:
        await reply.aclose()
