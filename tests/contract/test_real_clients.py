"""The real `openai` package, blocking and asynchronous, against the running program with two upstreams behind it."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from app.runtime import Runtime
from app.store.memory_keyring import MemoryKeyring
from app.store.paths import Paths
from app.store.secrets import KeyStore
from contract.sdk import AsyncSdk, BlockingSdk, Sdk
from faults import answers, plays
from faults.answers import Voice
from faults.play import Play
from faults.upstream import FaultyUpstream

TOKEN = "sk-local-contract-0123456789abcdef"
KEYS = {"ONE_KEY": "key-of-one-0123456789", "TWO_KEY": "key-of-two-0123456789"}
CHAT: dict[str, Any] = {"model": "one/test-small", "messages": [{"role": "user", "content": "hello"}]}
SETTINGS = """
[routing]
max_wait_s = 0.01

[[providers]]
id = "one"
kind = "openai"
base_url = "{one}"
key = "env:ONE_KEY"
retry = {{ base_s = 0.01, cap_s = 0.01 }}

[[providers]]
id = "two"
kind = "openai-compatible"
base_url = "{two}"
key = "env:TWO_KEY"
priority = 2

[[aliases]]
name = "fast"
targets = ["one/test-small", "two/test-small"]
"""


@pytest.fixture
async def one() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream("one") as running:
        yield running


@pytest.fixture
async def two() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream(Voice("two", models=("test-small", "vendor/only-two"))) as running:
        yield running


@pytest.fixture
async def program(tmp_path: Path, one: FaultyUpstream, two: FaultyUpstream) -> AsyncIterator[Runtime]:
    environ = {"SWITCHTOWER_HOME": str(tmp_path), "SWITCHTOWER_TOKEN": TOKEN, "SWITCHTOWER_LOG": "debug", **KEYS}
    paths = Paths.from_environ(environ)
    paths.prepare()
    paths.settings_file.write_text(SETTINGS.format(one=one.base_url, two=two.base_url))
    runtime = Runtime(paths, environ, keys=KeyStore(environ, backend=MemoryKeyring()))
    await runtime.start(port=0)
    async with asyncio.timeout(10):
        while any(provider.catalogue.names is None for provider in runtime.fleet.providers):
            await asyncio.sleep(0.01)
    yield runtime
    await runtime.stop()
    log = paths.log_file.read_text()
    assert "started version=" in log
    assert [secret for secret in (TOKEN, *KEYS.values()) if secret in log] == []


@pytest.fixture(params=[BlockingSdk, AsyncSdk], ids=["blocking", "async"])
async def make_sdk(request: pytest.FixtureRequest, program: Runtime) -> AsyncIterator[Callable[..., Sdk]]:
    made: list[Sdk] = []

    def make(token: str = TOKEN, path: str = "") -> Sdk:
        made.append(request.param(program.snapshot().listening + path, token))
        return made[-1]

    yield make
    for sdk in made:
        await sdk.close()


@pytest.fixture
def sdk(make_sdk: Callable[..., Sdk]) -> Sdk:
    return make_sdk()


# -- what works


async def test_chat(sdk: Sdk, one: FaultyUpstream, two: FaultyUpstream) -> None:
    reply = await sdk.do(lambda c: c.chat.completions.create(**CHAT, extra_headers={"x-request-id": "mine-1"}))
    assert reply.choices[0].message.content == one.voice.text
    assert reply.usage.total_tokens == one.voice.prompt_tokens + one.voice.completion_tokens
    assert reply.model == "test-small"
    assert reply._request_id == "mine-1"
    sent = one.posts[0]
    assert sent.header("authorization") == f"Bearer {KEYS['ONE_KEY']}"
    assert [name for name, _ in sent.headers if name.startswith("x-stainless")] == []
    assert two.posts == []


async def test_the_answer_says_who_gave_it(sdk: Sdk) -> None:
    raw = await sdk.do(lambda c: c.chat.completions.with_raw_response.create(**CHAT))
    named = {name: raw.headers[f"x-switchtower-{name}"] for name in ("provider", "model", "attempts")}
    assert named == {"provider": "one", "model": "test-small", "attempts": "1"}


async def test_a_chat_stream_with_usage(sdk: Sdk, one: FaultyUpstream) -> None:
    chunks: list[Any] = []
    options = {"include_usage": True}
    await sdk.stream(lambda c: c.chat.completions.create(**CHAT, stream=True, stream_options=options), chunks)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == one.voice.text
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == ["stop"]
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [one.voice.completion_tokens]


async def test_a_chat_stream_without_usage_shows_none(sdk: Sdk, one: FaultyUpstream) -> None:
    chunks: list[Any] = []
    await sdk.stream(lambda c: c.chat.completions.create(**CHAT, stream=True), chunks)
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert one.posts[0].json["stream_options"] == {"include_usage": True}


TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    frame = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "test-small"}
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return answers.event(answers.encode(frame | {"choices": [choice]}))


def _piece(**function: str) -> dict[str, Any]:
    first = {"id": "call_1", "type": "function"} if "name" in function else {}
    return {"tool_calls": [{"index": 0, **first, "function": function}]}


async def test_tool_calls_and_their_results(sdk: Sdk, one: FaultyUpstream) -> None:
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [_CALL]}
    choice = {"index": 0, "finish_reason": "tool_calls", "logprobs": None, "message": message}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "test-small", "choices": [choice]}
    one.script(Play("tool call", body=answers.encode(body)), plays.OK)
    reply = await sdk.do(lambda c: c.chat.completions.create(**CHAT, tools=[TOOL], tool_choice="auto"))
    (call,) = reply.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Köln"}
    assert one.posts[0].json["tools"] == [TOOL]
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    talk = CHAT | {"messages": [*CHAT["messages"], reply.choices[0].message, result]}
    final = await sdk.do(lambda c: c.chat.completions.create(**talk, tools=[TOOL]))
    assert final.choices[0].message.content == one.voice.text
    sent = one.posts[1].json["messages"]
    assert (sent[1]["tool_calls"], sent[2]) == ([_CALL], result)


async def test_a_streamed_tool_call(sdk: Sdk, one: FaultyUpstream) -> None:
    pieces = (
        _chunk({"role": "assistant", "content": None}),
        _chunk(_piece(name="weather", arguments="")),
        _chunk(_piece(arguments='{"city": ')),
        _chunk(_piece(arguments='"Köln"}')),
        _chunk({}, "tool_calls"),
        answers.DONE,
    )
    one.script(Play("streamed tool call", events=pieces))
    chunks: list[Any] = []
    await sdk.stream(lambda c: c.chat.completions.create(**CHAT, tools=[TOOL], stream=True), chunks)
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert [call.function.name for call in calls] == ["weather", None, None]
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Köln"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_completions_with_a_suffix(sdk: Sdk, one: FaultyUpstream) -> None:
    asked = {"model": "one/test-small", "prompt": "def f(", "suffix": "    return x", "max_tokens": 5}
    reply = await sdk.do(lambda c: c.completions.create(**asked))
    assert reply.choices[0].text == one.voice.text
    assert one.posts[0].json == asked | {"model": "test-small"}
    assert one.posts[0].path == "/v1/completions"
    chunks: list[Any] = []
    await sdk.stream(lambda c: c.completions.create(**asked, stream=True), chunks)
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == one.voice.text


VECTOR = [0.25, -0.5, 0.0]
PACKED = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()


@pytest.mark.parametrize("upstream_sends", ["numbers", "base64"])
@pytest.mark.parametrize(("encoding", "asked", "got"), [
    (None, "base64", VECTOR), ("float", "float", VECTOR), ("base64", "base64", PACKED),
])  # fmt: skip
async def test_embeddings_in_the_encoding_that_was_asked_for(
    sdk: Sdk, one: FaultyUpstream, upstream_sends: str, encoding: str | None, asked: str, got: object
) -> None:
    if upstream_sends == "base64":
        item = {"object": "embedding", "index": 0, "embedding": PACKED}
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        body = {"object": "list", "model": "test-small", "data": [item], "usage": usage}
        one.script(Play("base64", body=answers.encode(body)))
    more = {"encoding_format": encoding} if encoding else {}
    reply = await sdk.do(lambda c: c.embeddings.create(model="one/test-small", input="hello", dimensions=3, **more))
    assert reply.data[0].embedding == got
    assert reply.usage.prompt_tokens > 0
    assert (one.posts[0].json["encoding_format"], one.posts[0].json["dimensions"]) == (asked, 3)


async def test_embeddings_of_a_list_and_of_tokens(sdk: Sdk, one: FaultyUpstream) -> None:
    reply = await sdk.do(lambda c: c.embeddings.create(model="one/test-small", input=["one", "two"]))
    assert [(item.index, item.embedding) for item in reply.data] == [(0, VECTOR), (1, [0.25, -0.5, 1.0])]
    await sdk.do(lambda c: c.embeddings.create(model="one/test-small", input=[1, 2, 3]))
    assert one.posts[1].json["input"] == [1, 2, 3]


async def test_the_model_list(sdk: Sdk) -> None:
    listed: list[Any] = []
    await sdk.stream(lambda c: c.models.list(), listed)
    assert [(model.owned_by, model.id) for model in listed] == [
        ("switchtower", "fast"),
        ("one", "test-small"),
        ("one", "test-large"),
        ("two", "test-small"),
        ("two", "vendor/only-two"),
    ]


@pytest.mark.parametrize(
    ("name", "owner"),
    [("fast", "switchtower"), ("test-large", "one"), ("vendor/only-two", "two"), ("two/test-small", "two")],
)
async def test_one_model(sdk: Sdk, name: str, owner: str) -> None:
    model = await sdk.do(lambda c: c.models.retrieve(name))
    assert (model.owned_by, model.object) == (owner, "model")


async def test_every_listed_name_can_be_asked_for(sdk: Sdk) -> None:
    listed: list[Any] = []
    await sdk.stream(lambda c: c.models.list(), listed)
    for name in dict.fromkeys(model.id for model in listed):
        asked = CHAT | {"model": name}
        assert (await sdk.do(lambda c, asked=asked: c.chat.completions.create(**asked))).choices


@pytest.mark.parametrize("model", ["test-small", "fast"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_dead_provider_goes_unnoticed(
    sdk: Sdk, one: FaultyUpstream, two: FaultyUpstream, model: str, stream: bool
) -> None:
    one.kill()
    asked = CHAT | {"model": model}
    if stream:
        chunks: list[Any] = []
        await sdk.stream(lambda c: c.chat.completions.create(**asked, stream=True), chunks)
        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    else:
        text = (await sdk.do(lambda c: c.chat.completions.create(**asked))).choices[0].message.content
    assert text == two.voice.text


# -- every class of error that the package knows


@pytest.mark.parametrize(
    ("play", "kind", "status", "code"),
    [
        (plays.BAD_REQUEST, openai.BadRequestError, 400, "invalid_request_error"),
        (plays.CONTEXT_LENGTH, openai.BadRequestError, 400, "context_length_exceeded"),
        (plays.CONTENT_FILTER, openai.BadRequestError, 400, "content_filter"),
        (plays.MODEL_NOT_FOUND, openai.NotFoundError, 404, "model_not_found"),
        (plays.CONFLICT, openai.ConflictError, 409, "provider_conflict"),
        (plays.UNPROCESSABLE, openai.UnprocessableEntityError, 422, "invalid_request_error"),
        (plays.QUOTA, openai.RateLimitError, 429, "insufficient_quota"),
        (plays.RATE_LIMIT, openai.RateLimitError, 429, "rate_limit_exceeded"),
        (plays.INVALID_KEY, openai.InternalServerError, 502, "provider_auth"),
        (plays.FORBIDDEN, openai.InternalServerError, 502, "provider_auth"),
        (plays.SERVER_ERROR, openai.InternalServerError, 502, "provider_error"),
        (plays.UNAVAILABLE_LATER, openai.InternalServerError, 503, "provider_unavailable"),
        (plays.OVERLOADED, openai.InternalServerError, 503, "provider_overloaded"),
        (plays.HTML, openai.InternalServerError, 502, "bad_upstream_reply"),
    ],
    ids=lambda value: str(value) if isinstance(value, Play) else None,
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_providers_error_raises_the_class_for_it(
    sdk: Sdk, one: FaultyUpstream, play: Play, kind: type[openai.APIStatusError], status: int, code: str, stream: bool
) -> None:
    one.script(play)
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.do(lambda c: c.chat.completions.create(**CHAT, stream=stream))
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.code) == (status, code)
    assert error.param == (json.loads(play.body or b"{}").get("error", {}).get("param") if status == 400 else None)
    assert error.request_id
    assert "OpenAI" in error.message
    helps = error.response.headers.get("x-should-retry") != "false"
    later = dict(play.headers).get("retry-after", "2") if helps else None
    assert error.response.headers.get("retry-after") == later
    assert [key for key in KEYS.values() if key in str(error) or key in str(error.body)] == []


@pytest.mark.parametrize(("play", "calls"), [(plays.INVALID_KEY, 1), (plays.QUOTA, 1), (plays.SERVER_ERROR, 2 + 1)])
async def test_the_packages_own_retries_do_not_multiply_ours(
    sdk: Sdk, one: FaultyUpstream, play: Play, calls: int
) -> None:
    """What cannot help is sent once; else our two tries are followed by one for each of the client's."""
    one.script(play)
    with pytest.raises(openai.APIStatusError):
        await sdk.do(lambda c: c.chat.completions.create(**CHAT), max_retries=1)
    assert len(one.posts) == calls


async def test_the_rate_limits_of_the_provider_are_seen(sdk: Sdk, one: FaultyUpstream) -> None:
    one.script(plays.RATE_LIMIT)
    with pytest.raises(openai.RateLimitError) as caught:
        await sdk.do(lambda c: c.chat.completions.create(**CHAT))
    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["x-ratelimit-limit-requests"]) == ("3", "60")
    assert "x-should-retry" not in headers


async def test_a_wrong_local_token_is_the_only_authentication_error(
    make_sdk: Callable[..., Sdk], one: FaultyUpstream
) -> None:
    sdk = make_sdk("sk-local-wrong")
    for ask in (lambda c: c.chat.completions.create(**CHAT), lambda c: c.models.retrieve("fast")):
        with pytest.raises(openai.AuthenticationError) as caught:
            await sdk.do(ask, max_retries=2)
        assert caught.value.code == "invalid_api_key"
        assert "wrong" in caught.value.message
    assert one.posts == []


async def test_a_web_page_is_refused(sdk: Sdk, one: FaultyUpstream) -> None:
    page = {"origin": "https://page.example"}
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await sdk.do(lambda c: c.chat.completions.create(**CHAT, extra_headers=page), max_retries=2)
    assert caught.value.code == "forbidden"
    assert one.posts == []


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda c: c.chat.completions.create(**CHAT | {"model": "tset-smal"}), "model_not_found"),
        (lambda c: c.models.retrieve("tset-smal"), "model_not_found"),
        (lambda c: c.batches.retrieve("b1"), "not_found"),
    ],
    ids=["chat", "model", "path"],
)
async def test_an_unknown_name_or_path_is_not_found(sdk: Sdk, one: FaultyUpstream, ask: Any, code: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await sdk.do(ask, max_retries=2)
    assert caught.value.code == code
    if code == "model_not_found":
        assert "test-small" in caught.value.message
    assert one.posts == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": "hello"}, "messages"),
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"stream": 1}, "stream"),
    ],
    ids=str,
)
async def test_a_bad_request_is_told_with_its_field(
    sdk: Sdk, one: FaultyUpstream, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.do(lambda c: c.chat.completions.create(**CHAT, extra_body=body), max_retries=2)
    assert (caught.value.code, caught.value.param) == ("invalid_request", param)
    assert one.posts == []


# -- the package's own retries, and streams that break


@pytest.mark.parametrize(
    "play", [plays.INVALID_KEY, plays.QUOTA, plays.PATH_NOT_FOUND, plays.REDIRECT], ids=str
)  # fmt: skip
async def test_the_package_does_not_try_again_what_cannot_help(sdk: Sdk, one: FaultyUpstream, play: Play) -> None:
    one.script(play)
    with pytest.raises((openai.InternalServerError, openai.RateLimitError)) as caught:
        await sdk.do(lambda c: c.chat.completions.create(**CHAT), max_retries=2)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(one.posts) == 1


async def test_the_package_does_try_again_what_may_help(sdk: Sdk, one: FaultyUpstream) -> None:
    one.script(plays.SERVER_ERROR, plays.SERVER_ERROR, plays.OK)
    reply = await sdk.do(lambda c: c.chat.completions.create(**CHAT), max_retries=1)
    assert reply.choices[0].message.content == one.voice.text
    assert len(one.posts) == 3


async def test_the_retries_of_the_package_never_multiply_ours(sdk: Sdk, one: FaultyUpstream) -> None:
    one.script(plays.SERVER_ERROR)
    with pytest.raises(openai.InternalServerError) as caught:
        await sdk.do(lambda c: c.chat.completions.create(**CHAT), max_retries=2)
    assert float(caught.value.response.headers["retry-after"]) >= 1
    assert len(one.posts) <= 3 * 4
    assert len(one.posts) <= 6, "our own second try, for each of the package's three"


@pytest.mark.parametrize(
    ("play", "code"),
    [
        (plays.ERROR_LATER, "provider_error"),
        (plays.TRUNCATED_CHUNKED, "upstream_truncated"),
        (plays.EOF_WITHOUT_FRAMING, "upstream_truncated"),
        (plays.NO_FINISH, "upstream_truncated"),
        (plays.RESET_LATER, "upstream_truncated"),
        (plays.MALFORMED_EVENT, "bad_upstream_event"),
    ],
    ids=lambda value: str(value) if isinstance(value, Play) else None,
)
async def test_a_stream_that_is_cut_raises_and_does_not_end_silently(
    sdk: Sdk, one: FaultyUpstream, two: FaultyUpstream, play: Play, code: str
) -> None:
    one.script(play)
    chunks: list[Any] = []
    with pytest.raises(openai.APIError) as caught:
        await sdk.stream(lambda c: c.chat.completions.create(**CHAT | {"model": "fast"}, stream=True), chunks)
    assert caught.value.code == code
    assert "OpenAI" in caught.value.message
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "".join(one.voice.pieces[:3])
    assert (len(one.posts), len(two.posts)) == (1, 0)


async def test_a_missing_end_mark_is_made_up_for(sdk: Sdk, one: FaultyUpstream) -> None:
    one.script(plays.NO_DONE)
    chunks: list[Any] = []
    await sdk.stream(lambda c: c.chat.completions.create(**CHAT, stream=True), chunks)
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == one.voice.text


async def test_a_client_that_stops_reading_stops_the_provider(sdk: Sdk, one: FaultyUpstream, program: Runtime) -> None:
    one.script(plays.STALL)
    chunk = await sdk.leave(lambda c: c.chat.completions.create(**CHAT, stream=True))
    assert chunk.choices
    await one.wait(lambda: not one.connections[one.posts[0].connection].open)
    assert program.fleet.providers[0].in_flight == 0
