"""The real `openai` package asks for pictures, speech, transcripts and moderation, which are passed through."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from app.domain.events import RequestFinished
from contract.program import in_order, openai_client, prepared
from faults import plays
from faults.play import Play
from faults.upstream import FaultyUpstream

SOUND = b"\xff\xfb\x90\x00" + bytes(range(256)) * 2000


def json_play(body: bytes) -> Play:
    return Play("json", headers=(("content-type", "application/json"),), body=body)


@dataclass
class Rig:
    client: openai.AsyncOpenAI
    one: FaultyUpstream
    two: FaultyUpstream
    finished: list[RequestFinished]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with FaultyUpstream("one") as one, FaultyUpstream("two") as two:
        runtime = prepared(tmp_path, in_order(one, two, more=('models = ["m"]',)))
        finished: list[RequestFinished] = []
        runtime.bus.subscribe(lambda event: finished.append(event) if isinstance(event, RequestFinished) else None)
        await runtime.start(port=0)
        async with openai_client(runtime.service.listening) as made:
            yield Rig(made, one, two, finished)
        await runtime.stop()


async def test_pictures(rig: Rig) -> None:
    reply = b'{"created":1,"data":[{"b64_json":"aGk="}],"usage":{"input_tokens":5,"output_tokens":9,"total_tokens":14}}'
    rig.one.script(json_play(reply))
    answer = await rig.client.images.with_raw_response.generate(model="one/m", prompt="a model", n=1)
    assert answer.content == reply
    assert answer.headers["x-switchtower-provider"] == "one"
    (sent,) = rig.one.posts
    assert sent.path.endswith("/images/generations")
    assert sent.json == {"model": "m", "prompt": "a model", "n": 1}
    (event,) = rig.finished
    assert (event.operation, event.usage.input, event.usage.output) == ("images", 5, 9)


async def test_a_picture_is_edited(rig: Rig) -> None:
    rig.one.script(json_play(b'{"created":1,"data":[{"b64_json":"aGk="}]}'))
    await rig.client.images.edit(model="one/m", prompt="brighter", image=("a.png", SOUND, "image/png"))
    (sent,) = rig.one.posts
    assert (sent.header("content-type") or "").startswith("multipart/form-data; boundary=")
    assert SOUND in sent.body
    assert b"one/m" not in sent.body


async def test_speech_is_sound_byte_for_byte(rig: Rig) -> None:
    rig.one.script(Play("sound", headers=(("content-type", "audio/mpeg"),), body=SOUND))
    answer = await rig.client.audio.speech.create(model="m", voice="alloy", input="Hello")
    assert answer.content == SOUND
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert rig.one.posts[0].header("accept") == "*/*"
    (event,) = rig.finished
    assert (event.operation, event.usage.input, event.estimate) == ("speech", None, None)
    async with rig.client.audio.speech.with_streaming_response.create(model="m", voice="alloy", input="Hi") as stream:
        assert b"".join([chunk async for chunk in stream.iter_bytes()]) == SOUND


async def test_a_transcript_of_a_file(rig: Rig) -> None:
    rig.one.script(json_play(b'{"text":"Hello","usage":{"type":"duration","seconds":1}}'))
    answer = await rig.client.audio.transcriptions.create(model="one/m", file=("a.wav", SOUND), language="en")
    assert answer.text == "Hello"
    (sent,) = rig.one.posts
    assert sent.path.endswith("/audio/transcriptions")
    boundary = (sent.header("content-type") or "").partition("boundary=")[2].encode()
    assert sent.body.startswith(b"--" + boundary)
    assert sent.body.rstrip().endswith(b"--" + boundary + b"--")
    assert b'name="model"\r\n\r\nm\r\n' in sent.body
    assert SOUND in sent.body


async def test_a_transcript_may_be_text(rig: Rig) -> None:
    rig.one.script(Play("text", headers=(("content-type", "text/plain; charset=utf-8"),), body="Grüße".encode()))
    answer = await rig.client.audio.transcriptions.create(model="m", file=("a.wav", b"x"), response_format="text")
    assert answer == "Grüße"


async def test_moderation_and_reranking(rig: Rig) -> None:
    rig.one.script(json_play(b'{"id":"x","model":"m","results":[]}'))
    assert (await rig.client.moderations.create(model="m", input="hello")).results == []
    reply = await rig.client.post("/rerank", cast_to=object, body={"model": "m", "query": "q", "documents": ["a"]})
    assert reply == {"id": "x", "model": "m", "results": []}
    assert [sent.path.rpartition("/")[2] for sent in rig.one.posts] == ["moderations", "rerank"]


async def test_whoever_fails_is_replaced_by_the_next(rig: Rig) -> None:
    rig.one.script(plays.SERVER_ERROR)
    rig.two.script(json_play(b'{"text":"from two"}'))
    answer = await rig.client.audio.transcriptions.create(model="m", file=("a.wav", SOUND))
    assert answer.text == "from two"
    assert SOUND in rig.two.posts[0].body
    rig.one.kill()
    assert (await rig.client.audio.transcriptions.create(model="m", file=("a.wav", b"x"))).text == "from two"


async def test_errors_say_whose_they_are(rig: Rig) -> None:
    rig.one.script(plays.BAD_REQUEST)
    with pytest.raises(openai.BadRequestError, match="one"):
        await rig.client.moderations.create(model="m", input="x")
    with pytest.raises(openai.BadRequestError) as unnamed:
        await rig.client.images.generate(prompt="x")
    assert unnamed.value.param == "model"
    with pytest.raises(openai.NotFoundError):
        await rig.client.images.generate(prompt="x", model="none")


async def test_only_a_route_for_forms_takes_one(rig: Rig) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        await rig.client.post("/moderations", cast_to=object, body={"model": "m"}, files={"file": b"x"},
                              options={"headers": {"content-type": "multipart/form-data; boundary=b"}})  # fmt: skip
    assert refused.value.status_code == 415


async def test_many_forms_at_once_keep_their_own_boundaries(rig: Rig) -> None:
    rig.one.script(json_play(b'{"text":"x"}'))
    ask = rig.client.audio.transcriptions.create
    await asyncio.gather(*(ask(model="m", file=("a.wav", b"%d" % number)) for number in range(20)))
    for sent in rig.one.posts:
        boundary = (sent.header("content-type") or "").partition("boundary=")[2].encode()
        assert sent.body.startswith(b"--" + boundary + b"\r\n")
