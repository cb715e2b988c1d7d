"""The real `anthropic` package in front of the running program, with providers behind that speak OpenAI's dialect."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from contract.program import TOKEN, in_order, root_of, running
from faults import plays
from faults.upstream import FaultyUpstream

ASK: dict[str, Any] = {
    "model": "test-small",
    "max_tokens": 200,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "hello"}],
}


@pytest.fixture
async def client(tmp_path: Path, one: FaultyUpstream, two: FaultyUpstream) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with running(tmp_path, in_order(one, two)) as runtime:
        http = anthropic.DefaultAsyncHttpxClient(trust_env=False)
        made = anthropic.AsyncAnthropic(base_url=root_of(runtime), api_key=TOKEN, max_retries=0, http_client=http)
        yield made
        await made.close()


async def test_a_message_is_answered(client: anthropic.AsyncAnthropic, one: FaultyUpstream) -> None:
    raw = await client.messages.with_raw_response.create(**ASK, stop_sequences=["END"], extra_body={"temperature": 0.5})
    message = await raw.parse()
    assert message.content[0].type == "text"
    assert message.content[0].text.startswith("one")
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 9
    assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) == 11
    assert raw.headers["x-switchtower-provider"] == "one"
    sent = one.posts[0]
    assert sent.path.endswith("/chat/completions")
    assert sent.json["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent.json["max_tokens"], sent.json["temperature"], sent.json["stop"]) == (200, 0.5, ["END"])
    assert sent.header("x-api-key") is None


async def test_what_cannot_be_expressed_is_named(client: anthropic.AsyncAnthropic) -> None:
    raw = await client.messages.with_raw_response.create(**ASK, extra_body={"top_k": 5})
    assert "top_k" in raw.headers["x-switchtower-dropped-params"]


async def test_a_stream_is_a_stream_of_blocks(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(**ASK) as stream:
        kinds = [event.type async for event in stream]
        message = await stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    assert message.content[0].text.startswith("one")
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 9)


async def test_a_dead_provider_is_invisible(
    client: anthropic.AsyncAnthropic, one: FaultyUpstream, two: FaultyUpstream
) -> None:
    one.kill()
    message = await client.messages.create(**ASK)
    assert message.content[0].text.startswith("two")
    async with client.messages.stream(**ASK) as stream:
        assert (await stream.get_final_text()).startswith("two")


async def test_a_broken_stream_ends_with_an_error(client: anthropic.AsyncAnthropic, one: FaultyUpstream) -> None:
    one.script(plays.TRUNCATED_CHUNKED)
    with pytest.raises(anthropic.APIStatusError):
        async with client.messages.stream(**ASK) as stream:
            await stream.get_final_message()


@pytest.mark.parametrize(
    ("play", "error", "kind"),
    [
        (plays.BAD_REQUEST, anthropic.BadRequestError, "invalid_request_error"),
        (plays.CONTEXT_LENGTH, anthropic.BadRequestError, "invalid_request_error"),
        (plays.RATE_LIMIT, anthropic.RateLimitError, "rate_limit_error"),
        (plays.INVALID_KEY, anthropic.InternalServerError, "api_error"),
        (plays.SERVER_ERROR, anthropic.InternalServerError, "api_error"),
    ],
)
async def test_errors_come_in_the_clients_own_envelope(
    client: anthropic.AsyncAnthropic,
    one: FaultyUpstream,
    two: FaultyUpstream,
    play: Any,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    one.script(play)
    two.script(play)
    with pytest.raises(error) as caught:
        await client.messages.create(**ASK)
    body = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == kind
    assert "one" in body["error"]["message"] or "two" in body["error"]["message"]


async def test_a_wrong_token_and_a_missing_model_too(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.AuthenticationError) as refused:
        await client.with_options(api_key="sk-local-wrong-0123456789abcdef").messages.create(**ASK)
    assert "token" in refused.value.body["error"]["message"]
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await client.messages.create(**ASK | {"model": "test-smal"})
    assert "test-small" in str(unknown.value)


async def test_the_bearer_form_of_the_token_is_taken_as_well(client: anthropic.AsyncAnthropic) -> None:
    bearer = client.with_options(api_key=None, auth_token=TOKEN)
    assert (await bearer.messages.create(**ASK)).type == "message"


async def test_tokens_are_counted(client: anthropic.AsyncAnthropic, one: FaultyUpstream) -> None:
    raw = await client.messages.with_raw_response.count_tokens(
        model="test-small", system="Be brief.", messages=[{"role": "user", "content": "word " * 1000}]
    )
    assert 1000 < (await raw.parse()).input_tokens < 1500
    assert raw.headers["x-switchtower-token-source"] == "estimate"
    assert one.posts == []


async def test_models_are_listed(client: anthropic.AsyncAnthropic) -> None:
    page = await client.models.list(limit=1000)
    assert [model.type for model in page.data] == ["model"] * len(page.data)
    assert not page.has_more
    names = [model.id async for model in client.models.list(limit=1)]
    assert names == [model.id for model in page.data]
    assert "test-small" in names
    assert (await client.models.retrieve("test-small")).created_at.tzinfo is not None
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("test-smal")
