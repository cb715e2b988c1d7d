"""Ollama's wire in front of the running program, with providers behind that speak OpenAI's dialect."""

import gzip
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.runtime import Runtime
from contract.program import TOKEN, in_order, running
from faults import plays
from faults.upstream import FaultyUpstream

RECORDED = Path(__file__).parents[3] / "shared" / "fixtures" / "client_requests.jsonl.gz"
ASK: dict[str, Any] = {"model": "test-small", "messages": [{"role": "user", "content": "hello"}]}
ALIAS = """
[[aliases]]
name = "gpt-4o"
targets = ["one/test-small"]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def runtime(tmp_path: Path, one: FaultyUpstream, two: FaultyUpstream) -> AsyncIterator[Runtime]:
    server = f"[server]\nkeyless_port = {free_port()}\n"
    async with running(tmp_path, server + in_order(one, two) + ALIAS) as made:
        yield made


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    base_url = runtime.service.listening.removesuffix("/v1")
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as made:
        yield made


async def lines(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Every line of a stream, read as Ollama's own client reads it: none may be blank."""
    async with client.stream("POST", path, json=body) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) async for line in answer.aiter_lines()]


async def test_a_chat_is_answered(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    options = {"num_predict": 200, "temperature": 0.5, "stop": ["END"], "num_ctx": 4096}
    answer = await client.post("/api/chat", json=ASK | {"stream": False, "options": options, "keep_alive": "5m"})
    value = answer.json()
    assert value["message"]["role"] == "assistant"
    assert value["message"]["content"].startswith("one")
    assert (value["done"], value["done_reason"], value["model"]) == (True, "stop", "test-small")
    assert (value["prompt_eval_count"], value["eval_count"]) == (11, 9)
    assert answer.headers["x-switchtower-provider"] == "one"
    assert answer.headers["x-switchtower-dropped-params"] == "options.num_ctx, keep_alive"
    sent = one.posts[0]
    assert sent.path.endswith("/chat/completions")
    assert (sent.json["max_tokens"], sent.json["temperature"], sent.json["stop"]) == (200, 0.5, ["END"])


@pytest.mark.parametrize(("path", "ask"), [("/api/chat", ASK), ("/api/generate", {"model": "gpt-4o", "prompt": "hi"})])
async def test_a_stream_is_what_comes_unless_it_says_no(
    client: httpx.AsyncClient, path: str, ask: dict[str, Any]
) -> None:
    *pieces, last = await lines(client, path, ask)
    assert all(line["done"] is False for line in pieces)
    text = "".join(line["response"] if "response" in line else line["message"]["content"] for line in pieces)
    assert text.startswith("one")
    assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "stop", 9)
    assert last["total_duration"] > 0


async def test_a_dead_provider_is_invisible(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    one.kill()
    first, *_ = await lines(client, "/api/chat", ASK)
    assert first["message"]["content"] == "two"


async def test_a_broken_stream_ends_with_an_error(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    one.script(plays.TRUNCATED_CHUNKED)
    *pieces, last = await lines(client, "/api/chat", ASK)
    assert pieces
    assert "one" in last["error"]
    assert not any(line.get("done") for line in (*pieces, last))


@pytest.mark.parametrize(
    ("play", "status"), [(plays.BAD_REQUEST, 400), (plays.RATE_LIMIT, 429), (plays.INVALID_KEY, 502)]
)
async def test_errors_come_in_the_clients_own_envelope(
    client: httpx.AsyncClient, one: FaultyUpstream, two: FaultyUpstream, play: Any, status: int
) -> None:
    one.script(play)
    two.script(play)
    answer = await client.post("/api/chat", json=ASK)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
    refused = await client.post("/api/chat", json={"messages": []})
    assert refused.status_code == 400
    assert "`model`" in refused.json()["error"]


async def test_embeddings(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    answer = (await client.post("/api/embed", json={"model": "test-small", "input": ["a", "b"]})).json()
    assert answer["embeddings"] == [[0.25, -0.5, 0.0], [0.25, -0.5, 1.0]]
    assert one.posts[-1].json == {"model": "test-small", "input": ["a", "b"]}
    older = (await client.post("/api/embeddings", json={"model": "test-small", "prompt": "a"})).json()
    assert older == {"embedding": [0.25, -0.5, 0.0]}


async def test_an_editor_finds_its_models(client: httpx.AsyncClient) -> None:
    version = (await client.get("/api/version")).json()["version"]
    assert tuple(int(part) for part in version.split(".")) >= (0, 6, 4)
    names = [model["model"] for model in (await client.get("/api/tags")).json()["models"]]
    assert {"one/test-small", "two/test-large", "gpt-4o"} <= set(names)
    for name in names:
        shown = (await client.post("/api/show", json={"model": name})).json()
        assert shown["model_info"]["general.basename"]
        assert "tools" in shown["capabilities"]
        answer = await client.post("/v1/chat/completions", json=ASK | {"model": name})
        assert answer.status_code == 200
    unknown = await client.post("/api/show", json={"model": "test-smal"})
    assert unknown.status_code == 404
    assert "test-small" in unknown.json()["error"]


async def test_a_request_without_words_asks_nobody(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    (loaded,) = [
        json.loads(line)
        for line in (await client.post("/api/generate", json={"model": "test-small"})).text.splitlines()
    ]
    assert (loaded["done"], loaded["done_reason"]) == (True, "load")
    assert (await client.post("/api/chat", json=ASK | {"messages": []})).json()["done_reason"] == "load"
    assert not one.posts
    assert (
        await client.post("/api/chat", content=b"{", headers={"content-type": "application/json"})
    ).status_code == 400


async def test_the_keyless_port_looks_like_an_ollama(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=runtime.service.keyless.removesuffix("/v1"), trust_env=False) as bare:
        root = await bare.get("/")
        assert (root.status_code, root.text) == (200, "Ollama is running")
        assert (await bare.head("/")).status_code == 200
        assert (await bare.post("/api/chat", json=ASK | {"stream": False})).json()["done"]
        assert (await bare.get("/api/tags", headers={"origin": "http://localhost"})).status_code == 403
    assert "Ollama" not in (await client.get("/")).text


async def test_what_real_clients_sent_is_answered(client: httpx.AsyncClient) -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded requests are not beside the project")
    with gzip.open(RECORDED, "rt", encoding="utf-8") as rows:
        recorded = [row for row in map(json.loads, rows) if row["path"].startswith("/api/")]
    assert len(recorded) >= 12
    for row in recorded:
        sent = {name: value for name, value in row["headers"] if name.lower() not in ("content-length", "connection")}
        body = json.dumps(row["body"]).encode() if row["body"] is not None else b""
        sent = {"content-type": "application/json"} | {name.lower(): value for name, value in sent.items()}
        known = body.replace(b'"gpt-4o"', b'"one/test-small"')
        answer = await client.request(row["method"], row["path"], content=known, headers=sent)
        assert answer.status_code == 200, (row["client"], row["path"], answer.text)
