"""The provider `anthropic` behind the running program: the real `openai` and `anthropic` packages in front of it."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from contract.anthropic_upstream import CALL, AnthropicUpstream, answer, error, events
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running

KEY = "sk-ant-canary-0123456789abcdef"
MODEL = "claude-x"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.fixture
async def upstream() -> AsyncIterator[AnthropicUpstream]:
    async with AnthropicUpstream() as running:
        yield running


@pytest.fixture
async def raw(tmp_path: Path, upstream: AnthropicUpstream) -> AsyncIterator[httpx.AsyncClient]:
    row = provider("anthropic", "anthropic", f"http://127.0.0.1:{upstream.port}/v1/", 'key = "env:PROVIDER_KEY"')
    async with (
        running(tmp_path, ROUTING + row, PROVIDER_KEY=KEY) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as made,
    ):
        yield made


@pytest.fixture
async def client(raw: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(str(raw.base_url.join("/v1"))) as made:
        yield made


@pytest.fixture
async def claude(raw: httpx.AsyncClient) -> AsyncIterator[anthropic.AsyncAnthropic]:
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    made = anthropic.AsyncAnthropic(base_url=str(raw.base_url), api_key=TOKEN, max_retries=0, http_client=http)
    yield made
    await made.close()


async def test_the_key_goes_in_its_own_header(client: openai.AsyncOpenAI, upstream: AnthropicUpstream) -> None:
    await client.chat.completions.create(**ASK)
    for asked in (*upstream.lists, *upstream.posts):
        assert asked.headers["x-api-key"] == KEY
        assert asked.headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in asked.headers
        assert TOKEN not in str(asked)
    assert upstream.lists[0].line == "GET /v1/models?limit=1000 HTTP/1.1"
    assert upstream.posts[0].line == "POST /v1/messages HTTP/1.1"


async def test_openais_client_gets_an_answer(client: openai.AsyncOpenAI, upstream: AnthropicUpstream) -> None:
    done = await client.chat.completions.create(**ASK, temperature=0.5)
    assert done.choices[0].message.content == "Hello"
    assert abs(done.created - time.time()) < 60
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (18, 7)
    assert done.usage.prompt_tokens_details is not None
    assert done.usage.prompt_tokens_details.cached_tokens == 5
    assert json.loads(upstream.posts[0].body)["max_tokens"] > 0


async def test_calls_go_there_and_back(client: openai.AsyncOpenAI, upstream: AnthropicUpstream) -> None:
    upstream.body = answer(CALL, stop="tool_use")
    done = await client.chat.completions.create(**ASK, tools=TOOLS)
    message = done.choices[0].message
    assert done.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"b": 1, "a": 2}
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "42"}
    upstream.body = answer({"type": "text", "text": "It is 42."})
    history = [*ASK["messages"], message.model_dump(exclude_none=True), result]
    await client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS)
    turns = json.loads(upstream.posts[1].body)["messages"]
    assert turns[1]["content"][-1] == CALL
    assert turns[2]["content"][0]["tool_use_id"] == "toolu_1"


async def test_openais_client_gets_a_stream(client: openai.AsyncOpenAI) -> None:
    options = {"include_usage": True}
    chunks = [c async for c in await client.chat.completions.create(**ASK, stream=True, stream_options=options)]
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Hello"
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]
    assert all(abs(chunk.created - time.time()) < 60 for chunk in chunks)
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (18, 7)


async def test_a_broken_stream_is_an_error(client: openai.AsyncOpenAI, upstream: AnthropicUpstream) -> None:
    upstream.events = events("Hel")[:4]
    with pytest.raises(openai.APIError, match="Anthropic broke the stream off"):
        [c async for c in await client.chat.completions.create(**ASK, stream=True)]


async def test_an_error_event_ends_the_stream(client: openai.AsyncOpenAI, upstream: AnthropicUpstream) -> None:
    upstream.events = [*events("Hel")[:4], error("overloaded_error", "Overloaded")]
    with pytest.raises(openai.APIError, match="Overloaded"):
        [c async for c in await client.chat.completions.create(**ASK, stream=True)]


@pytest.mark.parametrize(
    ("status", "kind", "seen"),
    [
        (401, "authentication_error", 502),
        (429, "rate_limit_error", 429),
        (500, "api_error", 502),
        (529, "overloaded_error", 503),
        (400, "invalid_request_error", 400),
    ],
)
async def test_refusals(
    client: openai.AsyncOpenAI, upstream: AnthropicUpstream, status: int, kind: str, seen: int
) -> None:
    upstream.status, upstream.body = status, error(kind, "something is wrong")
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(**ASK)
    assert refused.value.status_code == seen
    assert KEY not in str(refused.value.response.text)


async def test_anthropics_client_is_passed_through(
    raw: httpx.AsyncClient, claude: anthropic.AsyncAnthropic, upstream: AnthropicUpstream
) -> None:
    body = b'{ "model" : "claude-x", "max_tokens":8, "messages":[{"role":"user","content":"\\u00e9"}], "unknown": 1e2 }'
    done = await raw.post("/v1/messages?beta=true", content=body, headers={"content-type": "application/json"})
    assert (done.content, upstream.posts[0].body) == (upstream.sent, body)
    pinned = body.replace(b'"claude-x"', b'"anthropic/claude-x"')
    await raw.post("/v1/messages", content=pinned, headers={"content-type": "application/json"})
    assert upstream.posts[1].body == body
    async with claude.messages.stream(max_tokens=8, **ASK) as stream:
        assert await stream.get_final_text() == "Hello"
        assert (await stream.get_final_message()).usage.output_tokens == 7


async def test_betas_go_to_anthropic_as_the_client_names_them(
    raw: httpx.AsyncClient, upstream: AnthropicUpstream
) -> None:
    beta = {"anthropic-beta": "context-1m-2026-01-01,other"}
    await raw.post("/v1/messages", json=ASK | {"max_tokens": 8}, headers=beta)
    await raw.post("/v1/chat/completions", json=ASK, headers=beta)
    assert [asked.headers.get("anthropic-beta") for asked in upstream.posts] == [beta["anthropic-beta"], None]


async def test_tokens_are_counted_by_anthropic(
    claude: anthropic.AsyncAnthropic, raw: httpx.AsyncClient, upstream: AnthropicUpstream
) -> None:
    counted = await claude.messages.with_raw_response.count_tokens(**ASK)
    assert (await counted.parse()).input_tokens == 4711
    assert counted.headers["x-switchtower-token-source"] == "provider"
    assert upstream.posts[0].line == "POST /v1/messages/count_tokens HTTP/1.1"
    assert (await raw.get("/v1/status")).json()["providers"][0]["requests"] == 0


async def test_a_counter_that_fails_is_replaced_by_an_estimate(
    claude: anthropic.AsyncAnthropic, upstream: AnthropicUpstream
) -> None:
    upstream.status, upstream.body = 529, error("overloaded_error", "Overloaded")
    counted = await claude.messages.with_raw_response.count_tokens(**ASK)
    assert 0 < (await counted.parse()).input_tokens < 100
    assert counted.headers["x-switchtower-token-source"] == "estimate"
