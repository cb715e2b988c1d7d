"""The real `openai` package's `responses` in front of the running program; the providers behind speak OpenAI chat."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from contract.openapi import Description
from contract.program import in_order, openai_client, running
from faults import answers, plays
from faults.play import Play
from faults.upstream import FaultyUpstream

ASK: dict[str, Any] = {"model": "test-small", "input": "hello"}
TOOLS: list[Any] = [
    {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False},
    {"type": "custom", "name": "apply_patch", "description": "Edits files."},
    {"type": "web_search"},
]
CALLS = [
    {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}},
    {"index": 1, "id": "c2", "type": "function", "function": {"name": "apply_patch", "arguments": '{"input":"+a\\n"}'}},
]


@pytest.fixture
async def client(tmp_path: Path, one: FaultyUpstream, two: FaultyUpstream) -> AsyncIterator[openai.AsyncOpenAI]:
    async with running(tmp_path, in_order(one, two)) as runtime, openai_client(runtime.service.listening) as made:
        yield made


async def test_a_response_is_whole(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    raw = await client.responses.with_raw_response.create(**ASK, instructions="Be brief.", max_output_tokens=200)
    response = raw.parse()
    assert response.output_text.startswith("one")
    assert response.status == "completed"
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 9)
    assert Description().problems("Response", raw.http_response.json()) == []
    assert raw.headers["x-switchtower-provider"] == "one"
    sent = one.posts[0]
    assert sent.path.endswith("/chat/completions")
    assert sent.json["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent.json["max_tokens"] == 200


async def test_a_stream_ends_with_all_of_it(client: openai.AsyncOpenAI) -> None:
    events = [event async for event in await client.responses.create(**ASK, stream=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    problems = [Description().problems("ResponseStreamEvent", event.to_dict()) for event in (events[0], events[-1])]
    assert problems == [[], []]
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].response.output_text == said
    assert said.startswith("one")
    assert events[-1].response.usage.output_tokens == 9


async def test_the_packages_own_stream_helper_is_content(client: openai.AsyncOpenAI) -> None:
    async with client.responses.stream(**ASK) as stream:
        final = await stream.get_final_response()
    assert final.output_text.startswith("one")


async def test_a_dead_provider_is_invisible(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    one.kill()
    assert (await client.responses.create(**ASK)).output_text.startswith("two")


async def test_a_broken_stream_fails(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    one.script(plays.TRUNCATED_CHUNKED)
    kinds: list[str] = []
    stream = await client.responses.create(**ASK, stream=True)

    async def read() -> None:
        async for event in stream:
            kinds.append(event.type)

    with pytest.raises(openai.APIError):
        await read()
    assert kinds[-1] == "response.failed"
    assert "response.completed" not in kinds


async def test_what_codex_sends_beyond_a_chat_is_named(
    client: openai.AsyncOpenAI, one: FaultyUpstream, two: FaultyUpstream
) -> None:
    raw = await client.responses.with_raw_response.create(
        **ASK, store=False, include=["reasoning.encrypted_content"], tools=[{"type": "web_search"}], tool_choice="auto"
    )
    assert raw.headers["x-switchtower-dropped-params"] == "tools.web_search"
    assert "tools" not in [*one.posts, *two.posts][0].json


async def test_what_is_stored_nowhere_is_refused(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        await client.responses.create(**ASK, previous_response_id="resp_1")
    assert refused.value.param == "previous_response_id"
    assert "whole conversation" in refused.value.message
    assert one.posts == []
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve("resp_1")


@pytest.mark.parametrize(
    ("play", "error"),
    [(plays.BAD_REQUEST, openai.BadRequestError), (plays.RATE_LIMIT, openai.RateLimitError)],
)
async def test_errors_come_in_openais_envelope(
    client: openai.AsyncOpenAI, one: FaultyUpstream, two: FaultyUpstream, play: Any, error: type[openai.APIStatusError]
) -> None:
    one.script(play)
    two.script(play)
    with pytest.raises(error) as caught:
        await client.responses.create(**ASK)
    assert caught.value.code


def _answer(message: dict[str, Any]) -> bytes:
    choice = {"index": 0, "finish_reason": "tool_calls", "logprobs": None, "message": message}
    return answers.encode({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


def _chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return answers.event(answers.encode({"id": "c", "created": 1, "model": "m", "choices": [choice]}))


async def test_calls_and_their_results_go_round(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    asked = {"model": "one/test-small", "tools": TOOLS, "store": False}
    one.script(Play("calls", body=_answer({"role": "assistant", "content": None, "tool_calls": CALLS})), plays.OK)
    first = await client.responses.create(**asked, input="hello")
    call, patch = first.output
    assert (call.type, call.arguments) == ("function_call", '{"city": "Köln"}')
    assert (patch.type, patch.input) == ("custom_tool_call", "+a\n")
    talk = [
        {"role": "user", "content": "hello"},
        *[item.to_dict() for item in first.output],
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"},
        {"type": "custom_tool_call_output", "call_id": patch.call_id, "output": "done"},
    ]
    final = await client.responses.create(**asked, input=talk)
    assert final.output_text.startswith("one")
    sent = one.posts[1].json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["weather", "apply_patch"]
    assert sent["messages"][1]["tool_calls"] == [{k: v for k, v in c.items() if k != "index"} for c in CALLS]
    assert [(m["tool_call_id"], m["content"]) for m in sent["messages"][2:]] == [("c1", "rain"), ("c2", "done")]


async def test_streamed_calls_beside_each_other(client: openai.AsyncOpenAI, one: FaultyUpstream) -> None:
    def more(index: int, arguments: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}

    begun = [{**c, "function": {**c["function"], "arguments": ""}} for c in CALLS]
    deltas = [
        *({"tool_calls": [call]} for call in begun),
        more(0, '{"city":'),
        more(1, '{"input":'),
        more(0, '"K"}'),
        more(1, '"+a"}'),
    ]
    events = (*[_chunk(delta) for delta in deltas], _chunk({}, "tool_calls"), answers.DONE)
    one.script(Play("streamed calls", events=events))
    asked = {"model": "one/test-small", "tools": TOOLS, "input": "hello"}
    seen = [event async for event in await client.responses.create(**asked, stream=True)]
    call, patch = seen[-1].response.output
    assert (call.arguments, patch.input) == ('{"city":"K"}', "+a")
    assert [e.delta for e in seen if e.type == "response.function_call_arguments.delta"] == ['{"city":', '"K"}']
    assert [e.item for e in seen if e.type == "response.output_item.done"] == [call, patch]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_item_may_be_referred_to_by_its_id(
    client: openai.AsyncOpenAI, one: FaultyUpstream, stream: bool
) -> None:
    asked = {"model": "one/test-small", "input": "hello"}
    if stream:
        first = [event async for event in await client.responses.create(**asked, stream=True)][-1].response
    else:
        first = await client.responses.create(**asked)
    reference = {"type": "item_reference", "id": first.output[0].id}
    talk = [{"role": "user", "content": "hello"}, reference, {"role": "user", "content": "again"}]
    again = await client.responses.create(model="one/test-small", input=talk)
    assert again.output_text.startswith("one")
    assert one.posts[-1].json["messages"][1] == {"role": "assistant", "content": first.output_text}
