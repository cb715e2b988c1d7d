"""The provider `cohere` behind the running program: the real `openai` and `anthropic` packages in front of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anthropic
import httpx
import openai
import pytest

from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running
from faults.upstream import FaultyUpstream

KEY = "cohere-canary-0123456789abcdef"
HELLO = {"role": "user", "content": "hello"}


@pytest.fixture
async def root(tmp_path: Path, one: FaultyUpstream) -> AsyncIterator[str]:
    row = provider("cohere", "cohere", f"http://127.0.0.1:{one.port}/v2/", 'key = "env:PROVIDER_KEY"')
    async with running(tmp_path, ROUTING + row, PROVIDER_KEY=KEY) as runtime:
        yield root_of(runtime)


@pytest.fixture
async def client(root: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(f"{root}/v1") as made:
        yield made


def asked(upstream: FaultyUpstream) -> tuple[str, dict[str, object]]:
    """Path and body of the last request."""
    sent = upstream.posts[-1]
    return sent.path, json.loads(sent.body)


async def test_openais_client_chats(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    done = await client.chat.completions.create(model="test-small", messages=[HELLO], top_p=0.9)  # type: ignore[list-item]
    assert done.choices[0].message.content == one.voice.text
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (
        one.voice.prompt_tokens,
        one.voice.completion_tokens,
    )
    path, body = asked(one)
    assert path == "/v2/chat"
    assert body == {"model": "test-small", "messages": [HELLO], "p": 0.9}
    assert dict(one.posts[-1].headers)["authorization"] == f"Bearer {KEY}"


async def test_openais_client_gets_a_stream(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    stream = await client.chat.completions.create(model="test-small", messages=[HELLO], stream=True)  # type: ignore[call-overload]
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == one.voice.text
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_anthropics_client(root: str, one: FaultyUpstream) -> None:
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    async with anthropic.AsyncAnthropic(base_url=root, api_key=TOKEN, max_retries=0, http_client=http) as claude:
        done = await claude.messages.create(model="test-small", max_tokens=99, messages=[HELLO])  # type: ignore[list-item]
        assert done.content[0].type == "text"
        assert done.content[0].text == one.voice.text
    assert asked(one)[1]["max_tokens"] == 99


async def test_vectors(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    made = await client.embeddings.create(model="test-small", input=["a", "b"])
    assert [row.embedding[2] for row in made.data] == [0.0, 1.0]
    path, body = asked(one)
    assert path == "/v2/embed"
    assert body["input_type"] == "search_document"


async def test_reranking_passes_through(root: str, one: FaultyUpstream) -> None:
    body = b'{"model": "test-small", "query" : "q", "documents":["a","b"], "top_n":1}'
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=root, headers=headers, trust_env=False) as raw:
        done = await raw.post("/v1/rerank", content=body)
    assert done.status_code == 200
    assert one.posts[-1].path == "/v2/rerank"
    assert one.posts[-1].body == body
