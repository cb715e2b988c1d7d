"""Providers with the Responses API behind the running program: passed through, or translated for other clients."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from app.domain.chat import Operation
from app.providers.catalog import CATALOG
from app.providers.spec import ProviderSpec
from contract.program import ROUTING, TOKEN, openai_client, provider, root_of, running
from contract.responses_upstream import CALL, THOUGHT, ResponsesUpstream, message
from faults import plays
from faults.upstream import OK, FaultyUpstream

KEY = "sk-canary-0123456789abcdef"
ASK: dict[str, Any] = {"model": "m", "input": "hello"}
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
TOOLS: list[Any] = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
ODD = (
    b'{ "model":"up/m",\n "input" : "\\u0068i \\ud83d\\ude00", "seed":12345678901234567890, "new_field": {"b":1e-7}%b }'
)

HAVE_IT = tuple(spec for spec in CATALOG if Operation.RESPONSES in spec.operations)


@pytest.fixture
async def upstream() -> AsyncIterator[ResponsesUpstream]:
    async with ResponsesUpstream() as made:
        yield made


@pytest.fixture
async def other() -> AsyncIterator[ResponsesUpstream]:
    async with ResponsesUpstream("other") as made:
        yield made


def row(upstream: ResponsesUpstream, name: str, rank: int = 0, kind: str = "responses-compatible") -> str:
    return provider(name, kind, upstream.base_url, 'key = "env:PROVIDER_KEY"', f"priority = {rank}")


@pytest.fixture
async def raw(tmp_path: Path, upstream: ResponsesUpstream) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(tmp_path, ROUTING + row(upstream, "up"), PROVIDER_KEY=KEY) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as made,
    ):
        yield made


@pytest.fixture
async def client(raw: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(str(raw.base_url.join("/v1"))) as made:
        yield made


# -- passed through


@pytest.mark.parametrize("stream", [False, True])
async def test_a_responses_client_is_passed_through_byte_for_byte(
    raw: httpx.AsyncClient, upstream: ResponsesUpstream, stream: bool
) -> None:
    upstream.output = [THOUGHT, message("Hello"), CALL]
    body = ODD % (b', "stream": true' if stream else b"")
    got = await raw.post("/v1/responses", content=body, headers={"content-type": "application/json"})
    assert got.status_code == 200
    assert got.content == upstream.sent
    (asked,) = upstream.posts
    assert asked.body == body.replace(b'"up/m"', b'"m"')
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert TOKEN not in str(asked)


@pytest.mark.parametrize("spec", HAVE_IT, ids=[spec.id for spec in HAVE_IT])
async def test_every_row_that_has_the_api_gets_the_bytes(
    tmp_path: Path, upstream: ResponsesUpstream, spec: ProviderSpec
) -> None:
    key = ('key = "env:PROVIDER_KEY"',) if spec.needs_key else ()
    rows = provider("up", spec.id, upstream.base_url, *key)
    async with (
        running(tmp_path, ROUTING + rows, PROVIDER_KEY=KEY) as runtime,
        httpx.AsyncClient(base_url=root_of(runtime), headers={"x-api-key": TOKEN}, trust_env=False) as raw,
    ):
        for more in (b"", b', "stream": true', b', "tools": [{"type":"function", "name":"f"}]'):
            body = ODD % more
            got = await raw.post("/v1/responses", content=body, headers={"content-type": "application/json"})
            assert (got.status_code, got.content) == (200, upstream.sent)
            assert upstream.posts[-1].body == body.replace(b'"up/m"', b'"m"')
            header, head = spec.auth.header or ("", "")
            assert upstream.posts[-1].headers.get(header, "") == (head + KEY if header else "")
            assert TOKEN not in str(upstream.posts[-1])


async def test_usage_is_read_along_the_way(raw: httpx.AsyncClient) -> None:
    for stream in (False, True):
        await raw.post("/v1/responses", json={**ASK, "stream": stream})
    status = (await raw.get("/v1/status")).json()["providers"][0]
    assert (status["input_tokens"], status["output_tokens"], status["requests"]) == (36, 14, 2)


async def test_thoughts_of_other_providers_are_left_out_and_nothing_else(
    raw: httpx.AsyncClient, upstream: ResponsesUpstream
) -> None:
    words, theirs = b'{"role":"user","content":"hi"}', b'{"type":"reasoning","id":"rs_0a1b","encrypted_content":"S"}'
    ours = (
        b'{"type":"reasoning","id":"rs_x","encrypted_content":"switchtower.e30="},{"type":"reasoning","id":"rs_c1_0"}'
    )
    body = b'{"model":"m", "input":[%b,%b,%b]}' % (words, ours, theirs)
    await raw.post("/v1/responses", content=body, headers={"content-type": "application/json"})
    assert upstream.posts[0].body == b'{"model":"m", "input":[%b,%b]}' % (words, theirs)


async def test_a_failed_answer_is_an_error_with_its_status(
    client: openai.AsyncOpenAI, upstream: ResponsesUpstream
) -> None:
    upstream.more = {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow down."}}
    with pytest.raises(openai.RateLimitError, match="Slow down"):
        await client.responses.create(**ASK)


# -- a provider that has it first, one that has not second


@pytest.mark.parametrize("stream", [False, True])
async def test_who_has_it_and_who_has_not_answer_for_each_other(
    tmp_path: Path, upstream: ResponsesUpstream, one: FaultyUpstream, stream: bool
) -> None:
    rows = row(upstream, "up") + provider("one", "openai-compatible", one.base_url, 'key = "none"', "priority = 1")
    alias = '[[aliases]]\nname = "both"\ntargets = ["up/m", "one/test-small"]\n'
    upstream.error = (503, {"message": "Down.", "type": "server_error"})
    async with (
        running(tmp_path, ROUTING + rows + alias, PROVIDER_KEY=KEY) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        got = await client.responses.with_raw_response.create(model="both", input="hello", stream=stream)
        assert got.headers["x-switchtower-provider"] == "one"
        if stream:
            events = [event async for event in got.parse()]
            assert events[-1].type == "response.completed"
        assert one.posts[-1].path.endswith("/chat/completions")
        upstream.error = None
        runtime.fleet.providers[0].try_now()
        got = await client.responses.with_raw_response.create(model="both", input="hello", stream=stream)
        assert got.headers["x-switchtower-provider"] == "up"


async def test_who_has_no_words_for_a_request_leaves_it_to_the_next(
    tmp_path: Path, upstream: ResponsesUpstream, one: FaultyUpstream
) -> None:
    rows = provider("one", "openai-compatible", one.base_url, 'key = "none"') + row(upstream, "up", 1)
    alias = '[[aliases]]\nname = "both"\ntargets = ["one/test-small", "up/m"]\n'
    tools: list[Any] = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    async with (
        running(tmp_path, ROUTING + rows + alias, PROVIDER_KEY=KEY) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        got = await client.responses.with_raw_response.create(model="both", input="hello", tools=tools)
        assert got.headers["x-switchtower-provider"] == "up"
        assert not one.posts
        with pytest.raises(openai.BadRequestError, match="code_interpreter"):
            await client.responses.create(model="one/test-small", input="hello", tools=tools)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_lacks_the_api_after_all_is_asked_in_chat(tmp_path: Path, one: FaultyUpstream, stream: bool) -> None:
    rows = provider("lm", "lmstudio", one.base_url)
    async with (
        running(tmp_path, ROUTING + rows) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        one.script(plays.PATH_NOT_FOUND, OK)
        for _ in range(2):
            got = await client.responses.create(model="test-small", input="hello", stream=stream)
            if stream:
                assert [event.type async for event in got][-1] == "response.completed"
        assert [asked.path.rpartition("/")[2] for asked in one.posts] == ["responses", "completions", "completions"]


async def test_tools_that_a_server_does_not_take_are_translated(tmp_path: Path, upstream: ResponsesUpstream) -> None:
    rows = row(upstream, "lm", kind="lmstudio")
    async with (
        running(tmp_path, ROUTING + rows, PROVIDER_KEY=KEY) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        await client.responses.create(
            **ASK, tools=[{"type": "function", "name": "f", "parameters": None, "strict": None}]
        )
        assert len(upstream.posts) == 1
        await client.responses.create(**ASK, tools=[{"type": "custom", "name": "apply_patch"}])
        assert upstream.asked[1].line.startswith("POST /v1/chat/completions ")  # where this server says: only there


# -- what is kept


async def test_a_conversation_goes_on_where_it_began(
    tmp_path: Path, upstream: ResponsesUpstream, other: ResponsesUpstream
) -> None:
    rows = row(upstream, "up", 0) + row(other, "other", 1)
    async with (
        running(tmp_path, ROUTING + rows, PROVIDER_KEY=KEY) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        for stream in (False, True):
            first = await client.responses.create(model="other/m", input="hello")
            more = {"input": "more", "previous_response_id": first.id, "stream": stream}
            got = await client.responses.with_raw_response.create(model="m", **more)
            assert got.headers["x-switchtower-provider"] == "other"
        assert not upstream.posts


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_stored_can_be_asked_for_again(
    tmp_path: Path, upstream: ResponsesUpstream, other: ResponsesUpstream, stream: bool
) -> None:
    rows = row(upstream, "up", 0) + row(other, "other", 1)
    async with (
        running(tmp_path, ROUTING + rows, PROVIDER_KEY=KEY) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        if stream:
            events = [event async for event in await client.responses.create(model="other/m", input="x", stream=True)]
            one = events[-1].response.id
        else:
            one = (await client.responses.create(model="other/m", input="x")).id
        assert (await client.responses.retrieve(one)).output_text == "Hello"
        stored = [event.type async for event in await client.responses.retrieve(one, stream=True)]
        assert stored[-1] == "response.completed"
        items = await client.responses.input_items.list(one, limit=5)
        assert [item.id for item in items.data] == ["msg_in"]
        assert (await client.responses.cancel(one)).status == "cancelled"
        as_node_does = {"content-type": openai.Omit()}
        assert (await client.responses.cancel(one, extra_headers=as_node_does)).status == "cancelled"
        await client.responses.delete(one)
        assert not other.kept
        assert all(asked.headers["authorization"] == f"Bearer {KEY}" for asked in other.asked)
        assert not upstream.asked
        with pytest.raises(openai.NotFoundError, match="No provider keeps"):
            await client.responses.retrieve(one)


async def test_tokens_are_counted_by_the_provider(raw: httpx.AsyncClient, client: openai.AsyncOpenAI) -> None:
    assert (await client.responses.input_tokens.count(model="m", input="hello")).input_tokens == 4711
    got = await raw.post("/v1/responses/input_tokens", json=ASK)
    assert got.headers["x-switchtower-token-source"] == "provider"


async def test_a_conversation_is_compacted_by_its_provider(
    client: openai.AsyncOpenAI, upstream: ResponsesUpstream
) -> None:
    await client.responses.compact(model="m", input="hello")
    assert upstream.asked[-1].line == "POST /v1/responses/compact HTTP/1.1"


async def test_a_conversation_that_nobody_keeps_is_refused_with_the_remedy(tmp_path: Path, one: FaultyUpstream) -> None:
    rows = provider("one", "openai-compatible", one.base_url, 'key = "none"')
    async with (
        running(tmp_path, ROUTING + rows) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        with pytest.raises(openai.NotFoundError, match="whole conversation as `input`") as refused:
            await client.responses.create(model="test-small", input="more", previous_response_id="resp_1")
        assert refused.value.param == "previous_response_id"
        assert not one.posts


async def test_an_unknown_response_is_refused_by_the_provider(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="not found"):
        await client.responses.create(**ASK, previous_response_id="resp_unknown")


# -- clients of other dialects


async def test_openais_chat_client(client: openai.AsyncOpenAI, upstream: ResponsesUpstream) -> None:
    upstream.output = [THOUGHT, message("Hello"), CALL]
    done = await client.chat.completions.create(**CHAT, tools=TOOLS)
    said = done.choices[0].message
    assert said.content == "Hello"
    assert said.tool_calls is not None
    assert (said.tool_calls[0].id, said.tool_calls[0].function.arguments) == ("call_1", '{"b":1, "a": 2}')
    assert done.choices[0].finish_reason == "tool_calls"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (18, 7)
    assert done.usage.prompt_tokens_details is not None
    assert done.usage.prompt_tokens_details.cached_tokens == 5
    assert said.reasoning_details == [  # type: ignore[attr-defined]  # no field of OpenAI's own
        {"type": "reasoning.encrypted", "data": "SEAL", "id": "rs_abc", "format": "openai-responses-v1", "index": 0}
    ]
    (asked,) = upstream.posts
    assert asked.json["store"] is False
    again = [
        *CHAT["messages"],
        said.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    ]
    await client.chat.completions.create(model="m", messages=again, tools=TOOLS)
    kinds = [item["type"] for item in upstream.posts[-1].json["input"]]
    assert kinds == ["message", "reasoning", "message", "function_call", "function_call_output"]
    assert upstream.posts[-1].json["input"][1]["encrypted_content"] == "SEAL"


async def test_openais_chat_client_streamed(client: openai.AsyncOpenAI, upstream: ResponsesUpstream) -> None:
    upstream.output = [message("Hello"), CALL]
    more: dict[str, Any] = {"stream_options": {"include_usage": True}, "tools": TOOLS}
    chunks = [chunk async for chunk in await client.chat.completions.create(**CHAT, stream=True, **more)]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "Hello"
    calls = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert "".join(call.function.arguments or "" for call in calls if call.function) == '{"b":1, "a": 2}'
    assert len(calls) > 2
    assert choices[-1].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 7


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropics_client(raw: httpx.AsyncClient, upstream: ResponsesUpstream, stream: bool) -> None:
    upstream.output = [message("Hello"), CALL]
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    tools: list[Any] = [{"name": "f", "input_schema": {"type": "object"}}]
    async with anthropic.AsyncAnthropic(
        base_url=str(raw.base_url), api_key=TOKEN, max_retries=0, http_client=http
    ) as made:
        if stream:
            async with made.messages.stream(**CHAT, max_tokens=50, tools=tools) as events:
                done = await events.get_final_message()
        else:
            done = await made.messages.create(**CHAT, max_tokens=50, tools=tools)
    text, call = done.content
    assert (text.type, call.type, done.stop_reason) == ("text", "tool_use", "tool_use")
    assert isinstance(call, anthropic.types.ToolUseBlock)
    assert call.input == {"b": 1, "a": 2}
    assert (done.usage.input_tokens, done.usage.cache_read_input_tokens, done.usage.output_tokens) == (13, 5, 7)
    assert upstream.posts[0].json["max_output_tokens"] == 50


@pytest.mark.parametrize("path", ["/v1beta/models/m:generateContent", "/api/chat"])
async def test_googles_and_ollamas_clients(raw: httpx.AsyncClient, path: str) -> None:
    gemini = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    got = await raw.post(path, json=gemini if "models" in path else {**CHAT, "stream": False})
    assert got.status_code == 200
    assert "Hello" in got.text


async def test_an_error_in_the_middle_of_a_stream_reaches_a_chat_client(
    client: openai.AsyncOpenAI, upstream: ResponsesUpstream
) -> None:
    upstream.more = {"status": "failed", "error": {"code": "server_error", "message": "It broke."}}
    with pytest.raises(openai.APIError, match="It broke"):
        _ = [chunk async for chunk in await client.chat.completions.create(**CHAT, stream=True)]


async def test_an_answer_that_was_cut_short(client: openai.AsyncOpenAI, upstream: ResponsesUpstream) -> None:
    upstream.more = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    for stream in (False, True):
        got = await client.chat.completions.create(**CHAT, stream=stream)
        if stream:
            finishes = [c.choices[0].finish_reason async for c in got if c.choices]
            assert [word for word in finishes if word] == ["length"]
        else:
            assert got.choices[0].finish_reason == "length"


async def test_models_that_answer_only_there_are_asked_there(tmp_path: Path, upstream: ResponsesUpstream) -> None:
    upstream.models = ("gpt-5-codex", "gpt-4o")
    async with (
        running(tmp_path, ROUTING + row(upstream, "openai", kind="openai"), PROVIDER_KEY=KEY) as runtime,
        openai_client(runtime.service.listening) as client,
    ):
        done = await client.chat.completions.create(model="gpt-5-codex", messages=CHAT["messages"])
        assert done.choices[0].message.content == "Hello"
        assert upstream.posts[0].json["include"] == ["reasoning.encrypted_content"]
        for _ in range(2):  # the second time without a look at chat
            await client.chat.completions.create(model="gpt-4o", messages=CHAT["messages"])
        paths = [asked.line.split(" ")[1] for asked in upstream.asked]
        assert paths == ["/v1/responses", "/v1/chat/completions", "/v1/responses", "/v1/responses"]


async def test_the_provider_sees_json_that_it_can_read(client: openai.AsyncOpenAI, upstream: ResponsesUpstream) -> None:
    await client.chat.completions.create(**CHAT, temperature=0.5, reasoning_effort="low")
    assert json.loads(upstream.posts[0].body) == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "store": False,
        "temperature": 0.5,
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
    }
