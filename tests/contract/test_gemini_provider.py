"""The provider `gemini` behind the running program: the real `openai` package, and Gemini's own clients."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from contract.gemini_upstream import CALL, GeminiUpstream, answer
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running

KEY = "AIzaCanaryKey0123456789"
MODEL = "gemini-2.5-flash"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.fixture
async def upstream() -> AsyncIterator[GeminiUpstream]:
    async with GeminiUpstream() as running:
        yield running


@pytest.fixture
async def raw(tmp_path: Path, upstream: GeminiUpstream) -> AsyncIterator[httpx.AsyncClient]:
    row = provider("gemini", "gemini", f"http://127.0.0.1:{upstream.port}", 'key = "env:PROVIDER_KEY"')
    async with (
        running(tmp_path, ROUTING + row, PROVIDER_KEY=KEY) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers={"x-goog-api-key": TOKEN}, trust_env=False) as made,
    ):
        yield made


@pytest.fixture
async def client(raw: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(str(raw.base_url.join("/v1"))) as made:
        yield made


async def test_models_have_their_limits(client: openai.AsyncOpenAI) -> None:
    model = await client.models.retrieve(MODEL)
    assert (model.owned_by, model.model_dump()["context_length"]) == ("gemini", 1048576)


async def test_an_answer_and_what_was_sent(client: openai.AsyncOpenAI, upstream: GeminiUpstream) -> None:
    done = await client.chat.completions.create(**ASK, temperature=0.5, reasoning_effort="low")
    assert done.choices[0].message.content == "Hello"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (11, 9)
    asked = upstream.posts[0]
    assert asked.line == f"POST /v1beta/models/{MODEL}:generateContent HTTP/1.1"
    assert asked.headers["x-goog-api-key"] == KEY
    assert "authorization" not in asked.headers
    assert asked.json["contents"] == [{"role": "user", "parts": [{"text": "hello"}]}]
    assert asked.json["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 1024}


async def test_calls_go_there_and_back_with_their_signature(
    client: openai.AsyncOpenAI, upstream: GeminiUpstream
) -> None:
    upstream.body = answer(CALL)
    done = await client.chat.completions.create(**ASK, tools=TOOLS)
    message = done.choices[0].message
    assert done.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == '{"b":1,"a":2}'
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "42"}
    history = [*ASK["messages"], message.model_dump(exclude_none=True), result]
    upstream.body = answer({"text": "It is 42."})
    await client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS)
    assert upstream.posts[1].json["contents"][1:] == [
        {"role": "model", "parts": [CALL]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "42"}}}]},
    ]


async def test_a_stream(client: openai.AsyncOpenAI, upstream: GeminiUpstream) -> None:
    begun = {"candidates": [{"content": {"parts": [{"text": "Hel"}], "role": "model"}}], "responseId": "R1"}
    upstream.events = [begun, answer({"text": "lo"}, CALL)]
    options = {"include_usage": True}
    chunks = [c async for c in await client.chat.completions.create(**ASK, stream=True, stream_options=options)]
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "Hello"
    calls = [call.function for delta in deltas for call in delta.tool_calls or [] if call.function]
    assert "".join(call.arguments or "" for call in calls) == '{"b":1,"a":2}'
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["tool_calls"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 9
    assert upstream.posts[0].line.split()[1] == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"


async def test_a_malformed_call_is_an_error(client: openai.AsyncOpenAI, upstream: GeminiUpstream) -> None:
    upstream.body = answer(finish="MALFORMED_FUNCTION_CALL")
    with pytest.raises(openai.APIStatusError, match="MALFORMED_FUNCTION_CALL"):
        await client.chat.completions.create(**ASK)
    assert len(upstream.posts) == 2


async def test_errors_mean_what_google_means(client: openai.AsyncOpenAI, upstream: GeminiUpstream) -> None:
    details: list[dict[str, Any]] = [{"retryDelay": "34s"}, {"violations": [{"quotaId": "RequestsPerMinute"}]}]
    error = {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}
    upstream.status, upstream.body = 429, [{"error": error | {"details": details}}]
    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(**ASK)
    assert limited.value.code == "rate_limit_exceeded"


async def test_geminis_own_clients_are_passed_through(raw: httpx.AsyncClient, upstream: GeminiUpstream) -> None:
    body = b'{ "contents" : [{"parts":[{"text":"\\u00e9"}]}], "safetySettings":[], "unknown": 1e2 }'
    json_type = {"content-type": "application/json"}
    done = await raw.post(f"/v1beta/models/{MODEL}:generateContent", content=body, headers=json_type)
    assert done.content == upstream.sent
    assert upstream.posts[0].json == json.loads(body)
    upstream.events = [answer({"text": "a"})]
    path = f"/v1beta/models/gemini/{MODEL}:streamGenerateContent?alt=sse"
    streamed = await raw.post(path, content=body, headers=json_type)
    assert streamed.content == upstream.sent
    assert upstream.posts[1].line.split()[1] == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
    assert int(upstream.posts[1].headers["content-length"]) == len(body)


async def test_tokens_are_counted_by_google(raw: httpx.AsyncClient, upstream: GeminiUpstream) -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    counted = await raw.post(f"/v1beta/models/{MODEL}:countTokens", json=asked)
    assert (counted.json()["totalTokens"], counted.headers["x-switchtower-token-source"]) == (4711, "provider")
    assert (upstream.posts[0].line.split()[1], upstream.posts[0].json) == (f"/v1beta/models/{MODEL}:countTokens", asked)
