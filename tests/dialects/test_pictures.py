"""Pictures in answers, from Gemini to every client: shown, told of, or refused."""

import json
from types import ModuleType
from typing import Any

import pytest

from app.dialects import anthropic, cohere, gemini, ollama, openai_chat, openai_completions_hub, pictures, responses
from app.dialects.openai_chat import Quirks
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import FaultError, FaultKind
from app.domain.hub import Image, Text
from app.domain.hub_reply import (
    Choice,
    Counted,
    Ended,
    Finish,
    Finished,
    Pictured,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import Usage
from dialects.responses_rig import checked_items
from dialects.translating import gemini_request, gemini_stream, sse_events

PICTURE = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}, "thoughtSignature": "S"}
WORDS = {"text": "Here."}
MESSAGES = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Draw."}]}
ASKED: dict[ModuleType, dict[str, Any]] = {
    openai_chat: MESSAGES,
    anthropic: MESSAGES,
    ollama: MESSAGES,
    responses: {"model": "m", "input": "Draw."},
}
TOLD = "cannot be shown here"
IMAGE = Image(data="QUJD", media_type="image/png")


def asked(client: ModuleType, *, stream: bool) -> ApiRequest:
    return ApiRequest(Operation.CHAT, "m", stream=stream, body=json.dumps(ASKED[client] | {"stream": stream}).encode())


def plain(client: ModuleType, *parts: dict[str, Any]) -> Any:
    body = json.dumps({"responseId": "R", "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    return json.loads(Translation(client, gemini).parse_reply(asked(client, stream=False), body.encode()).body)


def streamed(client: ModuleType, *parts: dict[str, Any]) -> bytes:
    stream = Translation(client, gemini).open_stream(asked(client, stream=True))
    try:
        return stream.feed(gemini_stream(*parts)) + stream.finish()
    except FaultError:
        assert not stream.committed
        raise


def test_openai_clients_get_pictures_as_openrouter_spells_them() -> None:
    shown = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]
    message = plain(openai_chat, WORDS, PICTURE)["choices"][0]["message"]
    assert (message["content"], message["images"]) == ("Here.", shown)
    assert plain(openai_chat, PICTURE)["choices"][0]["message"]["content"] == ""
    deltas = [chunk["choices"][0]["delta"] for chunk in sse_events(streamed(openai_chat, WORDS, PICTURE))]
    assert [delta["images"] for delta in deltas if "images" in delta] == [shown]


def test_responses_clients_get_pictures_as_the_call_that_made_them() -> None:
    items = plain(responses, WORDS, PICTURE)["output"]
    assert [item["type"] for item in items] == ["message", "image_generation_call", "reasoning"]
    assert (items[1]["result"], items[1]["output_format"], items[1]["status"]) == ("QUJD", "png", "completed")
    assert checked_items(streamed(responses, PICTURE))[0]["result"] == "QUJD"


@pytest.mark.parametrize("client", [anthropic, ollama])
@pytest.mark.parametrize("parts", [(WORDS, PICTURE), (PICTURE, WORDS)])
def test_others_are_told_of_a_picture_beside_words(client: ModuleType, parts: tuple[dict[str, Any], ...]) -> None:
    for said in (json.dumps(plain(client, *parts)), streamed(client, *parts).decode()):
        assert said.count(TOLD) == 1
        assert "Here." in said
        assert "QUJD" not in said


@pytest.mark.parametrize("client", [anthropic, ollama])
def test_nothing_but_a_picture_is_a_fault_where_it_cannot_be_shown(client: ModuleType) -> None:
    for ask in (plain, streamed):
        with pytest.raises(FaultError, match="nothing but a picture") as refused:
            ask(client, PICTURE)
        assert refused.value.fault.kind is FaultKind.BAD_REPLY


PAST = [
    {"role": "user", "parts": [{"text": "Draw."}]},
    {"role": "model", "parts": [WORDS, PICTURE]},
    {"role": "user", "parts": [{"text": "Bluer."}]},
    {"role": "model", "parts": [{"inlineData": PICTURE["inlineData"]}]},
    {"role": "user", "parts": [{"text": "Bigger."}]},
]


@pytest.mark.parametrize("provider", [anthropic, cohere, ollama, openai_chat, responses])
def test_a_gemini_clients_pictures_of_the_past_are_left_out_and_named(provider: ModuleType) -> None:
    written = provider.write_request(gemini_request(contents=PAST), "m")
    assert "images" in written.dropped
    assert b"QUJD" not in written.body
    for said in (b"Draw.", b"Here.", b"Bluer.", b"Bigger."):
        assert said in written.body


def test_openrouter_gets_them_back_and_a_turn_of_nothing_else_is_left_out_for_others() -> None:
    shown = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]
    for quirks, told in ((Quirks(pictures=True), [("Here.", shown), ("", shown)]), (Quirks(), [("Here.", None)])):
        written = openai_chat.write_request(gemini_request(contents=PAST), "m", quirks)
        turns = json.loads(written.body)["messages"]
        assert [(turn["content"], turn.get("images")) for turn in turns if turn["role"] == "assistant"] == told
        assert ("images" in written.dropped) is not quirks.pictures


def test_what_nothing_but_a_picture_cost_is_known() -> None:
    body = gemini_stream(PICTURE)
    stream = Translation(anthropic, gemini).open_stream(asked(anthropic, stream=True))
    with pytest.raises(FaultError):
        stream.feed(body) + stream.finish()
    assert (stream.usage.input, stream.usage.output) == (10, 5)
    sent = {"candidates": [{"content": {"parts": [PICTURE]}}], "usageMetadata": {"promptTokenCount": 5}}
    translation = Translation(anthropic, gemini)
    with pytest.raises(FaultError):
        translation.parse_reply(asked(anthropic, stream=False), json.dumps(sent).encode())
    assert translation.usage.input == 5


def test_completions_are_text() -> None:
    assert not pictures.shows(openai_completions_hub.ORIGIN)
    told = pictures.told(Choice((Text("a"), IMAGE), Finish.STOP)).parts
    assert all(isinstance(part, Text) for part in told)
    same = Choice((Text("a"),), Finish.STOP)
    assert pictures.told(same) is same


def test_pictures_of_each_alternative_wait_for_its_own_words() -> None:
    telling = pictures.Telling()
    events: list[StreamEvent] = [
        Pictured(IMAGE),
        TextDelta(" "),
        TextDelta("b", 1),
        ThoughtDelta("Hm."),
        TextDelta("a"),
    ]
    told = [(event.text, event.choice) for event in telling.tell(events) if isinstance(event, TextDelta)]
    assert [at for _, at in told] == [0, 1, 0, 0]
    assert TOLD in told[2][0]
    assert telling.tell([Finished(Finish.STOP)]) == [Finished(Finish.STOP)]
    telling.end()


def test_that_there_was_nothing_else_is_told_at_the_end_behind_what_it_cost() -> None:
    telling = pictures.Telling()
    counted = Counted(Usage(output=1290))
    assert telling.tell([Pictured(IMAGE), Finished(Finish.STOP), counted]) == [counted]
    for end in (lambda: telling.tell([Ended()]), telling.end):
        with pytest.raises(FaultError, match="nothing but a picture"):
            end()
