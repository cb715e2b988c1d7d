"""A trial message: one small chat request to one provider, which costs what the provider asks for it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec

from app.dialects import json_edit, openai_chat
from app.domain.chat import Answer
from app.engine.attempt import Call
from app.engine.provider import Provider

CLIENT = "switchtower"
"""The name under which trial messages stand in the ledger."""

MAX_TOKENS = 16
_OK = 200
_LONGEST_CHARS = 200
_NOT_FOR_CHAT = (
    *("embed", "rerank", "moderation", "whisper", "tts", "dall-e", "image"),
    *("transcribe", "realtime", "audio"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial message: the first words of the answer in `text`, or `problem` with its remedy."""

    provider_id: str
    model: str
    text: str
    problem: str
    latency_ms: float
    input_tokens: int | None = None
    output_tokens: int | None = None


def model_for(provider: Provider) -> str:
    """The first model in a provider's list that looks as if it could chat; empty when none is known."""
    for model in provider.catalogue.models:
        name, can = model.id.lower(), model.capabilities
        if not any(word in name for word in _NOT_FOR_CHAT) and (not can or "chat" in can or "embeddings" not in can):
            return model.id
    return ""


async def send(handle: Callable[[Call], Awaitable[Answer]], provider_id: str, model: str) -> Trial:
    """Send it through the relay to that provider and no other; it is counted like any request, so its cost is seen."""
    request = openai_chat.parse_request(question(provider_id, model))
    began_s = time.perf_counter()
    answer = await handle(Call(request, openai_chat, f"req_trial{uuid4().hex[:16]}", CLIENT))
    return read(answer, provider_id, model, (time.perf_counter() - began_s) * 1000)


def question(provider_id: str, model: str) -> bytes:
    """What is asked, in OpenAI's shape."""
    asked = {"model": f"{provider_id}/{model}", "messages": [{"role": "user", "content": "Say hello."}]}
    return msgspec.json.encode(asked | {"max_tokens": MAX_TOKENS})


def read(answer: Answer, provider_id: str, model: str, latency_ms: float) -> Trial:
    """What was answered, in OpenAI's shape."""
    body: Any = json_edit.loads(answer.body)
    if answer.status != _OK:
        return Trial(provider_id, model, "", str(body["error"]["message"]), latency_ms)
    words = body["choices"][0].get("message", {}).get("content")
    usage = body.get("usage") or {}
    text = " ".join(words.split())[:_LONGEST_CHARS] if isinstance(words, str) else ""
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    return Trial(provider_id, model, text, "", latency_ms, *counts)
