"""What one attempt does by itself; what follows from it is in test_relay.py."""

import json
from dataclasses import replace

import pytest

from app.dialects import ollama
from app.dialects.dialect import Dialect
from app.domain.chat import Operation
from app.domain.faults import FaultError, FaultKind
from app.domain.status import HealthState
from app.engine.attempt import Attempt
from engine.rig import Rig
from faults import plays
from faults.upstream import FaultyUpstream


def begin(rig: Rig, **more: object) -> Attempt:
    call = rig.call(**more)
    return Attempt(rig.relay.chooser.choose(call.request).candidates[0], call)


async def test_only_the_model_name_changes_on_the_way_up(rig: Rig, first: FaultyUpstream) -> None:
    rig.providers[0].settings.model_map["demo"] = "real"
    attempt = begin(rig, weird={"unknown": [1e2, "\u2028"]})
    await attempt.run()
    await attempt.close()
    sent = first.posts[0].body
    assert sent == attempt.request.body.replace(b'"demo"', b'"real"', 1)


async def test_the_connection_is_kept_after_a_whole_answer_and_closed_after_a_half_one(
    rig: Rig, first: FaultyUpstream
) -> None:
    for _ in range(2):
        attempt = begin(rig)
        await attempt.run()
        await attempt.close()
    assert first.posts[0].connection is first.posts[1].connection
    first.script(plays.STALL)
    attempt = begin(rig, stream=True)
    await attempt.run()
    await attempt.close()
    await first.wait(lambda: first.open_connections == 0)


async def test_a_stream_is_held_until_its_first_content(rig: Rig, first: FaultyUpstream) -> None:
    first.script(plays.STALL.but(after=1))
    attempt = begin(rig, stream=True)
    await attempt.run()
    assert attempt.reader is not None
    assert attempt.reader.committed
    assert attempt.head.count(b"data:") >= 1
    assert await attempt.more(0.05) is None
    await attempt.close()


async def test_closing_twice_ends_the_request_once(rig: Rig) -> None:
    attempt = begin(rig)
    assert rig.providers[0].in_flight == 1
    await attempt.close()
    await attempt.close()
    assert rig.providers[0].in_flight == 0


async def test_a_plain_answer_to_a_request_for_a_stream_is_a_bad_reply(rig: Rig, first: FaultyUpstream) -> None:
    first.script(plays.HTML)
    attempt = begin(rig, stream=True)
    with pytest.raises(FaultError) as caught:
        await attempt.run()
    assert caught.value.fault.kind is FaultKind.BAD_REPLY
    await attempt.close()


async def test_a_missing_path_for_something_else_than_chat_leaves_the_provider_well(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    for upstream in (first, second):
        upstream.script(plays.PATH_NOT_FOUND)
    answer = await rig.ask(operation=Operation.EMBEDDINGS)
    assert answer.status == 404
    assert b"does not seem to offer embeddings" in (answer.body or b"")
    assert [provider.status().state for provider in rig.providers] != []
    assert all(provider.status().state is not HealthState.CONFIG_ERROR for provider in rig.providers)


PICTURE = {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]}
TOKENS = {"prompt_tokens": 5, "completion_tokens": 1290, "total_tokens": 1295}
CHUNKS = [
    {"choices": [{"index": 0, "delta": PICTURE}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": TOKENS},
]
PICTURED = {"choices": [{"index": 0, "message": PICTURE, "finish_reason": "stop"}], "usage": TOKENS}


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_cannot_be_shown_has_cost_what_it_cost(
    rig: Rig, first: FaultyUpstream, stream: bool
) -> None:
    events = (*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in CHUNKS), b"data: [DONE]\n\n")
    first.script(plays.OK.but(events=events) if stream else plays.OK.but(body=json.dumps(PICTURED).encode()))
    lines: Dialect = ollama
    asked = {"model": "demo", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
    call = replace(rig.call(), request=lines.parse_request(json.dumps(asked).encode()), dialect=lines)
    attempt = Attempt(rig.relay.chooser.choose(call.request).candidates[0], call)
    with pytest.raises(FaultError, match="nothing but a picture"):
        await attempt.run()
    assert (attempt.usage.input, attempt.usage.output) == (5, 1290)
    await attempt.close()


class Silence:
    """A provider's stream that brings one more event after a long time."""

    async def chunk(self, wait_s: float) -> bytes:
        return b'data: {"choices":[{"index":0,"delta":{"content":"more"}}]}\n\n'

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_content_in_lines_of_json_counts_as_content(rig: Rig, first: FaultyUpstream) -> None:
    first.script(plays.STALL)
    lines: Dialect = ollama
    body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    call = replace(rig.call(), request=lines.parse_request(body), dialect=lines)
    attempt = Attempt(rig.relay.chooser.choose(call.request).candidates[0], call)
    await attempt.run()
    assert attempt.upstream is not None
    await attempt.upstream.aclose()
    attempt.upstream = Silence()  # type: ignore[assignment]  # only its chunks are read
    attempt._content_s = -1e9  # what came before is long ago
    for _ in range(2):
        line = json.loads(await attempt.more(1.0) or b"")
        assert line["message"]["content"] == "more"
    await attempt.close()
