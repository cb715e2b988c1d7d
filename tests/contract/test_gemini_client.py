"""A client of Gemini's API in front of the running program, with providers behind that speak OpenAI's dialect.

Google's own package is not among the requirements, so the requests are spelled here as it sends them.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.program import TOKEN, in_order, root_of, running
from faults import plays
from faults.upstream import FaultyUpstream

ASK: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
    "generationConfig": {"temperature": 0.5, "maxOutputTokens": 200, "topK": 5},
}
MODEL = "/v1beta/models/test-small"


@pytest.fixture
async def client(tmp_path: Path, one: FaultyUpstream, two: FaultyUpstream) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-goog-api-key": TOKEN}
    async with (
        running(tmp_path, in_order(one, two)) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers=headers, trust_env=False) as made,
    ):
        yield made


def events(body: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line]


async def test_a_request_is_answered(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    answer = await client.post(f"{MODEL}:generateContent", json=ASK)
    said = answer.json()
    assert said["candidates"][0]["content"]["parts"][0]["text"].startswith("one")
    assert said["candidates"][0]["finishReason"] == "STOP"
    assert said["usageMetadata"]["promptTokenCount"] == 11
    assert sum(said["usageMetadata"].get(f"{what}TokenCount", 0) for what in ("candidates", "thoughts")) == 9
    assert answer.headers["x-switchtower-provider"] == "one"
    assert "top_k" in answer.headers["x-switchtower-dropped-params"]
    sent = one.posts[0]
    assert sent.path.endswith("/chat/completions")
    assert (sent.json["model"], sent.json["temperature"]) == ("test-small", 0.5)
    assert sent.json["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent.header("x-goog-api-key") is None


async def test_the_stable_version_and_the_key_in_the_query_are_taken_as_well(client: httpx.AsyncClient) -> None:
    path = "/v1/models/one/test-small:generateContent"
    answer = await client.post(path, params={"key": TOKEN}, json=ASK, headers={"x-goog-api-key": ""})
    assert answer.status_code == 200
    assert (await client.post("/v1beta/one/test-small:generateContent", json=ASK)).status_code == 200
    for nothing in ("/v1beta/models/:generateContent", "/v1beta/x:generateContent", "/v1beta//:generateContent"):
        assert (await client.post(nothing, json=ASK)).status_code in (404, 405)


async def test_a_stream_ends_with_finish_and_usage(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{MODEL}:streamGenerateContent?alt=sse", json=ASK)
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer.text)
    words = "".join(part["text"] for event in found for part in event["candidates"][0]["content"]["parts"])
    assert words.startswith("one")
    assert found[-1]["candidates"][0]["finishReason"] == "STOP"
    assert found[-1]["usageMetadata"]["totalTokenCount"] == 20


async def test_without_alt_sse_the_events_are_the_items_of_an_array(
    client: httpx.AsyncClient, one: FaultyUpstream, two: FaultyUpstream
) -> None:
    answer = await client.post(f"{MODEL}:streamGenerateContent", json=ASK)
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    found = answer.json()
    assert len(found) > 1
    words = "".join(part["text"] for item in found for part in item["candidates"][0]["content"]["parts"])
    assert words.startswith("one")
    assert found[-1]["candidates"][0]["finishReason"] == "STOP"
    one.script(plays.TRUNCATED_CHUNKED)
    broken = (await client.post(f"{MODEL}:streamGenerateContent", json=ASK)).json()
    assert broken[-1]["error"]["status"] == "INTERNAL"
    one.script(plays.BAD_REQUEST)
    two.script(plays.BAD_REQUEST)
    refused = await client.post(f"{MODEL}:streamGenerateContent?alt=json", json=ASK)
    assert (refused.status_code, refused.json()[0]["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_embeddings_of_one_text_and_of_many(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    content = {"parts": [{"text": "a"}]}
    answer = await client.post(f"{MODEL}:embedContent", json={"content": content, "taskType": "CLUSTERING"})
    assert answer.json()["embedding"] == {"values": [0.25, -0.5, 0.0]}
    assert answer.headers["x-switchtower-dropped-params"] == "task"
    assert one.posts[-1].json == {"model": "test-small", "input": "a"}
    batch = [{"model": "models/test-small", "content": content, "outputDimensionality": 3}] * 2
    many = await client.post(f"{MODEL}:batchEmbedContents", json={"requests": batch})
    assert [vector["values"][-1] for vector in many.json()["embeddings"]] == [0.0, 1.0]
    assert one.posts[-1].json == {"model": "test-small", "input": ["a", "a"], "dimensions": 3}
    refused = await client.post(f"{MODEL}:embedContent", json={"content": {"parts": [{"inlineData": {}}]}})
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_a_dead_provider_is_invisible(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    one.kill()
    answer = await client.post(f"{MODEL}:streamGenerateContent?alt=sse", json=ASK)
    assert events(answer.text)[0]["candidates"][0]["content"]["parts"][0]["text"].startswith("two")


async def test_a_broken_stream_ends_with_an_error(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    one.script(plays.TRUNCATED_CHUNKED)
    answer = await client.post(f"{MODEL}:streamGenerateContent?alt=sse", json=ASK)
    found = events(answer.text)
    assert found[-1]["error"]["status"] == "INTERNAL"
    assert found[-1] == found[-2]
    assert not answer.text.rstrip().rpartition("\n")[2].startswith("data:")  # as Google's packages for Go read it
    assert not any("finishReason" in c for event in found for c in event.get("candidates", []))


@pytest.mark.parametrize(
    ("play", "code", "status"),
    [
        (plays.BAD_REQUEST, 400, "INVALID_ARGUMENT"),
        (plays.RATE_LIMIT, 429, "RESOURCE_EXHAUSTED"),
        (plays.SERVER_ERROR, 502, "INTERNAL"),
    ],
)
async def test_errors_come_in_geminis_envelope(
    client: httpx.AsyncClient, one: FaultyUpstream, two: FaultyUpstream, play: Any, code: int, status: str
) -> None:
    one.script(play)
    two.script(play)
    answer = await client.post(f"{MODEL}:generateContent", json=ASK)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (code, code, status)


async def test_an_unknown_model_and_an_unknown_verb(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1beta/models/test-smal:generateContent", json=ASK)
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert "test-small" in answer.json()["error"]["message"]
    wrong = await client.post(f"{MODEL}:predict", json=ASK)
    assert wrong.status_code == 405
    assert "generateContent" in wrong.json()["error"]["message"]


async def test_googles_packages_get_geminis_lists_under_v1_too(client: httpx.AsyncClient) -> None:
    package = {"x-goog-api-client": "google-genai-sdk/1.0 gl-python/3.11"}
    names = [model["name"] for model in (await client.get("/v1/models", headers=package)).json()["models"]]
    assert "models/test-small" in names
    assert (await client.get("/v1/models/one/test-small", headers=package)).json()["name"] == "models/test-small"
    assert "data" in (await client.get("/v1/models")).json()


async def test_models_and_tokens(client: httpx.AsyncClient, one: FaultyUpstream) -> None:
    names = [model["name"] for model in (await client.get("/v1beta/models")).json()["models"]]
    assert "models/test-small" in names
    assert (await client.get(MODEL)).json()["name"] == "models/test-small"
    count = await client.post(f"{MODEL}:countTokens", json={"contents": ASK["contents"]})
    assert count.json()["totalTokens"] > 0
    assert count.headers["x-switchtower-token-source"] == "estimate"
    assert one.posts == []
