"""The demo providers answer over real HTTP, say that they are a demo, and let one see a failover."""

import asyncio
import base64
import contextlib
import json
import struct
import time
import tomllib
from collections.abc import AsyncIterator

import httpx
import pytest
from openai import AsyncOpenAI

from app.providers.catalog import CATALOG
from app.providers.registry import Registry
from app.server.demo import FAILOVER_MODEL, MODELS, PACE_S, DemoProviders, settings_toml
from app.store.settings import Settings

HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
async def urls() -> AsyncIterator[tuple[str, str]]:
    demo = DemoProviders(pace_s=0)
    yield await demo.start()
    await demo.stop()


@pytest.fixture
async def first(urls: tuple[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=urls[0], trust_env=False) as client:
        yield client


def sdk(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=httpx.AsyncClient(trust_env=False))


async def test_the_real_client_gets_chat_plain_and_streamed(urls: tuple[str, str]) -> None:
    async with sdk(urls[0]) as client:
        plain = await client.chat.completions.create(model="demo-small", messages=HELLO)
        stream = await client.chat.completions.create(
            model="demo-small", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = plain.choices[0].message.content or ""
    assert text.startswith("Demo answer: demo-a")
    assert text.endswith("Hello there")
    assert plain.usage is not None
    assert plain.usage.prompt_tokens == 2
    assert plain.usage.completion_tokens == len(text.split())
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage == plain.usage


async def test_the_real_client_gets_completions_embeddings_and_models(urls: tuple[str, str]) -> None:
    async with sdk(urls[1]) as client:
        completion = await client.completions.create(model="demo-large", prompt=["Once", "upon"])
        streamed = await client.completions.create(model="demo-large", prompt="Once", stream=True)
        pieces = [chunk.choices[0].text async for chunk in streamed]
        vectors = await client.embeddings.create(model="demo-embed", input=["one", "two", "one"], dimensions=4)
        names = [model.id async for model in client.models.list()]
    assert completion.choices[0].text == "Demo answer: demo-b made this up, no model was asked. You wrote: Once upon"
    assert "".join(pieces).endswith("You wrote: Once")
    a, b, c = (row.embedding for row in vectors.data)
    assert a == c != b
    assert len(a) == 4
    assert names == list(MODELS)


async def test_the_first_refuses_the_failover_model_and_the_second_answers(urls: tuple[str, str]) -> None:
    question = {"model": FAILOVER_MODEL, "messages": HELLO}
    async with httpx.AsyncClient(trust_env=False) as client:
        refused = await client.post(f"{urls[0]}/chat/completions", json=question)
        answered = await client.post(f"{urls[1]}/chat/completions", json=question)
    assert refused.status_code == 503
    assert "on purpose" in refused.json()["error"]["message"]
    assert answered.status_code == 200
    assert answered.json()["choices"][0]["message"]["content"].startswith("Demo answer: demo-b")


async def test_a_stream_comes_word_by_word() -> None:
    demo = DemoProviders()
    url, _ = await demo.start()
    async with httpx.AsyncClient(trust_env=False) as client:
        question = {"model": "demo-small", "stream": True, "messages": HELLO}
        started = time.monotonic()
        answer = await client.post(f"{url}/chat/completions", json=question)
        took_s = time.monotonic() - started
    await demo.stop()
    words = answer.text.count('"content": "') - 1
    assert words > 10
    assert took_s >= PACE_S * words  # a lower bound only: it may always take longer
    assert "usage" not in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "invalid_request_error"),
        (b"[]", 400, "invalid_request_error"),
        (b"\xff", 400, "invalid_request_error"),
        (b"{}", 404, "model_not_found"),
        (b'{"model":["x"]}', 404, "model_not_found"),
    ],
)
async def test_bad_requests_get_an_error(first: httpx.AsyncClient, content: bytes, status: int, code: str) -> None:
    answer = await first.post("/chat/completions", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_an_unknown_path_is_not_found(first: httpx.AsyncClient) -> None:
    assert (await first.post("/images", json={"model": "demo-small"})).status_code == 404


@pytest.mark.parametrize(
    "messages", [None, [], "x", [{"role": "user", "content": [{"type": "text", "text": "x"}]}], [7]]
)
async def test_messages_of_any_shape_are_answered(first: httpx.AsyncClient, messages: object) -> None:
    answer = await first.post("/chat/completions", json={"model": "demo-small", "messages": messages})
    text = answer.json()["choices"][0]["message"]["content"]
    assert text.endswith("You wrote: x" if "x" in json.dumps(messages) else "You wrote: (nothing)")


@pytest.mark.parametrize(
    ("given", "rows"), [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2), ([], 1), ("\ud800", 1)]
)
async def test_embeddings_take_every_form_of_input(first: httpx.AsyncClient, given: object, rows: int) -> None:
    question = {"model": "demo-embed", "input": given, "encoding_format": "base64"}
    data = (await first.post("/embeddings", content=json.dumps(question))).json()["data"]
    assert len(data) == rows
    vector = struct.unpack("<8f", base64.b64decode(data[0]["embedding"]))
    assert sum(n * n for n in vector) == pytest.approx(1, abs=1e-5)


async def test_it_survives_clients_that_do_not_speak_http_or_leave(urls: tuple[str, str]) -> None:
    port = httpx.URL(urls[0]).port
    for sent in (b"", b"hello\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", b"x" * 100_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        if writer.can_write_eof():
            writer.write_eof()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{urls[0]}/models")).status_code == 200


async def test_stopping_ends_streams_and_frees_the_ports() -> None:
    demo = DemoProviders(pace_s=30)
    url, _ = await demo.start()
    tasks = len(asyncio.all_tasks())
    async with httpx.AsyncClient(trust_env=False) as client:
        question = {"model": "demo-small", "stream": True, "messages": HELLO}
        async with client.stream("POST", f"{url}/chat/completions", json=question) as answer:
            rest = answer.aiter_bytes()
            await anext(rest)
            await demo.stop()
            with pytest.raises(httpx.RemoteProtocolError):
                _ = [piece async for piece in rest]
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/models")
    assert len(asyncio.all_tasks()) == tasks


def test_the_settings_are_valid_and_ask_the_first_provider_first() -> None:
    text = settings_toml("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")
    settings = Settings.model_validate(tomllib.loads(text), context={"kinds": Registry(CATALOG).kinds()})
    assert [(p.id, p.base_url, p.key, p.priority) for p in settings.providers] == [
        ("demo-a", "http://127.0.0.1:1/v1", "none", 1),
        ("demo-b", "http://127.0.0.1:2/v1", "none", 2),
    ]
