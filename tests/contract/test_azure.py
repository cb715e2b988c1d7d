"""Azure behind the running program: deployments, both interfaces, the content filter's chunks and refusals, Claude."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from contract.anthropic_upstream import answer
from contract.cloud_upstream import Asked, CloudUpstream, Given, sse, told
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running

KEY = "0123456789abcdefcanary0123456789"
DEPLOYMENT = "my gpt:1"
ASK: dict[str, Any] = {"model": DEPLOYMENT, "messages": [{"role": "user", "content": "hello"}]}
SAFE = {"hate": {"filtered": False, "severity": "safe"}}
DEPLOYMENTS = {"object": "list", "data": [{"id": DEPLOYMENT, "model": "gpt-4o", "object": "deployment"}]}
REPLY = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-11-20",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "finish_reason": "stop",
            "content_filter_results": SAFE,
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
FILTER = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"x": SAFE}]}


def chunk(delta: dict[str, str], finish: str | None = None, **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "content_filter_results": {}}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | more


STREAM = sse(
    FILTER,
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hel"}),
    chunk({"content": "lo"}),
    chunk({}, "stop"),
    chunk({}) | {"choices": [], "usage": REPLY["usage"]},
    "[DONE]",
)


def door(asked: Asked) -> Given | None:
    if KEY in (asked.headers.get("api-key"), asked.headers.get("x-api-key")) and "authorization" not in asked.headers:
        return None
    message = "Access denied due to invalid subscription key or wrong API endpoint."
    return told({"error": {"code": "401", "message": message}}, 401)


House = tuple[str, str, str]
NEW = ("azure", "/openai/v1", "/openai/v1{path}")
OLD = ("azure-deployments", "", "/openai/deployments/my%20gpt%3A1{path}?api-version=2024-10-21")


@pytest.fixture(params=[NEW, OLD], ids=["v1", "api-version"])
def house(request: pytest.FixtureRequest) -> House:
    given: House = request.param
    return given


@pytest.fixture
async def azure(house: House) -> AsyncIterator[CloudUpstream]:
    async with CloudUpstream(door) as made:
        made.answers = {
            "/openai/deployments?api-version=2023-03-15-preview": told(DEPLOYMENTS),
            house[2].format(path="/chat/completions"): told(REPLY),
        }
        yield made
        assert made.strangers == []


@pytest.fixture
async def client(tmp_path: Path, azure: CloudUpstream, house: House) -> AsyncIterator[openai.AsyncOpenAI]:
    kind, path, _ = house
    row = provider(kind, kind, azure.root + path, 'key = "env:AZURE"')
    async with (
        running(tmp_path, ROUTING + row, AZURE=KEY) as runtime,
        openai_client(runtime.service.listening) as made,
    ):
        yield made


def place(house: House, path: str = "/chat/completions") -> str:
    return house[2].format(path=path)


async def test_models_are_the_deployments(client: openai.AsyncOpenAI, azure: CloudUpstream) -> None:
    assert [model.id async for model in await client.models.list()] == [DEPLOYMENT]
    assert azure.gets[0].headers["api-key"] == KEY


async def test_an_answer_with_what_the_filter_says(
    client: openai.AsyncOpenAI, azure: CloudUpstream, house: House
) -> None:
    done = await client.chat.completions.with_raw_response.create(**ASK)
    assert json.loads(done.content) == REPLY
    (asked,) = azure.posts
    assert (asked.target, asked.json) == (place(house), ASK)
    assert TOKEN not in f"{asked}"


async def test_a_stream_that_begins_without_choices(
    client: openai.AsyncOpenAI, azure: CloudUpstream, house: House
) -> None:
    azure.answers[place(house)] = STREAM
    chunks = [c async for c in await client.chat.completions.create(**ASK, stream=True)]
    assert chunks[0].to_dict()["prompt_filter_results"] == [{"x": SAFE}]
    assert "".join(choice.delta.content or "" for each in chunks for choice in each.choices) == "Hello"
    assert azure.posts[0].json["stream_options"] == {"include_usage": True}
    assert all(each.usage is None for each in chunks)


async def test_anthropics_client_gets_that_stream_too(
    client: openai.AsyncOpenAI, azure: CloudUpstream, house: House
) -> None:
    azure.answers[place(house)] = STREAM
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    root = str(client.base_url).removesuffix("v1/")
    claude = anthropic.AsyncAnthropic(base_url=root, api_key=TOKEN, max_retries=0, http_client=http)
    async with claude.messages.stream(**ASK, max_tokens=9) as opened:
        words = [word async for word in opened.text_stream]
        done = await opened.get_final_message()
    await claude.close()
    assert words == ["Hel", "lo"]
    assert (done.usage.input_tokens, done.usage.output_tokens) == (3, 2)
    assert azure.posts[0].json["max_completion_tokens"] == 9


LATE = {"id": "", "object": "", "created": 0, "model": ""}
LATER = {"index": 0, "finish_reason": None, "content_filter_results": SAFE, "content_filter_offsets": {"end_offset": 9}}


@pytest.mark.parametrize(("finish", "stop"), [("stop", "end_turn"), ("content_filter", "refusal")])
async def test_a_filter_that_comes_behind_its_text(
    client: openai.AsyncOpenAI, azure: CloudUpstream, house: House, finish: str, stop: str
) -> None:
    late = LATE | {"choices": [LATER]}
    azure.answers[place(house)] = sse(
        FILTER, chunk({"role": "assistant", "content": "Hello"}), late, chunk({}, finish), late, "[DONE]"
    )
    chunks = [c async for c in await client.chat.completions.create(**ASK, stream=True)]
    said = [choice.delta.content for each in chunks for choice in each.choices if choice.delta and choice.delta.content]
    ends = [choice.finish_reason for each in chunks for choice in each.choices if choice.finish_reason]
    assert (said, ends) == (["Hello"], [finish])
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    root = str(client.base_url).removesuffix("v1/")
    claude = anthropic.AsyncAnthropic(base_url=root, api_key=TOKEN, max_retries=0, http_client=http)
    async with claude.messages.stream(**ASK, max_tokens=9) as opened:
        done = await opened.get_final_message()
    await claude.close()
    assert (done.stop_reason, done.content[0].to_dict()["text"]) == (stop, "Hello")


async def test_vectors_and_pictures(client: openai.AsyncOpenAI, azure: CloudUpstream, house: House) -> None:
    vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    azure.answers[place(house, "/embeddings")] = told(
        {"object": "list", "data": [vector], "model": "e", "usage": usage}
    )
    azure.answers[place(house, "/images/generations")] = told({"created": 1, "data": [{"b64_json": "eA=="}]})
    made = await client.embeddings.create(model=DEPLOYMENT, input="x", encoding_format="float")
    assert made.data[0].embedding == [0.5]
    drawn = await client.images.generate(model=DEPLOYMENT, prompt="a cat")
    assert drawn.data is not None
    assert drawn.data[0].b64_json == "eA=="
    assert [asked.target for asked in azure.posts] == [place(house, "/embeddings"), place(house, "/images/generations")]


@pytest.mark.parametrize(
    ("status", "error", "seen", "code"),
    [
        (
            400,
            {
                "code": "content_filter",
                "message": "The response was filtered due to the prompt triggering the content management policy.",
                "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": SAFE},
            },
            400,
            "content_filter",
        ),
        (
            404,
            {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."},
            404,
            "model_not_found",
        ),
        (
            400,
            {"code": "context_length_exceeded", "message": "This model's maximum context length is 128000 tokens."},
            400,
            "context_length_exceeded",
        ),
        (
            500,
            {"code": "InternalServerError", "message": "Backend returned unexpected response."},
            502,
            "provider_error",
        ),
    ],
)
async def test_refusals(
    client: openai.AsyncOpenAI,
    azure: CloudUpstream,
    house: House,
    status: int,
    error: dict[str, object],
    seen: int,
    code: str,
) -> None:
    azure.answers[place(house)] = told({"error": error}, status)
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(**ASK)
    assert (refused.value.status_code, refused.value.code) == (seen, code)


async def test_a_limit_says_when_to_come_again(client: openai.AsyncOpenAI, azure: CloudUpstream, house: House) -> None:
    limited = {"error": {"code": "429", "message": "Requests have exceeded the token rate limit."}}
    azure.answers[place(house)] = told(limited, 429, retry_after="7", retry_after_ms="7000")
    with pytest.raises(openai.RateLimitError) as refused:
        await client.chat.completions.create(**ASK)
    assert refused.value.response.headers["retry-after"] == "7"


async def test_a_wrong_key(tmp_path: Path, azure: CloudUpstream, house: House) -> None:
    kind, path, _ = house
    row = provider(kind, kind, azure.root + path, 'key = "env:AZURE"', f'models = ["{DEPLOYMENT}"]')
    async with (
        running(tmp_path, ROUTING + row, AZURE="wrong-canary-0123456789") as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(**ASK)
    assert (refused.value.status_code, refused.value.code) == (502, "provider_auth")
    assert "wrong-canary" not in refused.value.response.text


async def test_a_resource_that_lists_no_deployments(tmp_path: Path) -> None:
    gone = told({"error": {"code": "404", "message": "Resource not found"}}, 404)
    answers = {"/openai/deployments": gone, "/openai/v1/chat/completions": told(REPLY)}
    async with CloudUpstream(door, answers) as azure:
        names = ('models = ["gpt-4o"]', 'model_map = { "gpt-4o" = "mine" }')
        row = provider("azure", "azure", azure.root, 'key = "env:AZURE"', *names)
        async with (
            running(tmp_path, ROUTING + row, AZURE=KEY) as runtime,
            openai_client(runtime.service.listening) as client,
        ):
            done = await client.chat.completions.create(**ASK | {"model": "gpt-4o"})
            assert runtime.snapshot().providers[0].state == "healthy"
        assert done.choices[0].message.content == "Hello"
        assert azure.posts[0].json["model"] == "mine"


async def test_claude_in_foundry(tmp_path: Path) -> None:
    answers = {
        "/anthropic/v1/models": told({"error": {"code": "404", "message": "Resource not found"}}, 404),
        "/anthropic/v1/messages": told(answer({"type": "text", "text": "Hello"})),
    }
    async with CloudUpstream(door, answers) as azure:
        row = provider("claude", "azure-claude", azure.root, 'key = "env:AZURE"', 'models = ["claude-sonnet-4-5"]')
        async with (
            running(tmp_path, ROUTING + row, AZURE=KEY) as runtime,
            httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as raw,
        ):
            body = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": ASK["messages"]}
            done = await raw.post("/v1/messages", json=body)
    assert done.json()["content"][0]["text"] == "Hello"
    assert azure.posts[0].headers["anthropic-version"] == "2023-06-01"
    assert azure.posts[0].json == body
