"""Pictures beside the words of an answer, read from providers and from the past."""

import json
from typing import Any

from app.dialects import anthropic, gemini, openai_chat
from app.dialects.openai_chat_events import EventReader
from app.dialects.openai_chat_pictures import read_pictures, split_data_url, write_picture
from app.domain.hub import Image
from app.domain.hub_reply import Pictured
from dialects.translating import gemini_request, openai_request, openai_stream

SENT = {"type": "image_url", "image_url": {"url": "data:image/webp;base64,QUJD"}}
READ = Image(data="QUJD", media_type="image/webp")
PAST: list[dict[str, Any]] = [
    {"role": "user", "content": "Draw."},
    {"role": "assistant", "content": "Here.", "images": [SENT]},
    {"role": "user", "content": "Larger."},
]


def test_forms() -> None:
    assert read_pictures({"images": [SENT, {"image_url": "https://x/a.png"}]}) == [READ, Image(url="https://x/a.png")]
    assert read_pictures({"images": [None, {}, {"image_url": {"url": 1}}]}) == read_pictures({"images": "x"}) == []
    assert write_picture(READ) == SENT


def test_an_answer_is_read_with_its_pictures_plain_and_streamed() -> None:
    message = {"role": "assistant", "content": "", "images": [SENT]}
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    read = openai_chat.read_reply(json.dumps(body).encode())
    assert read.choices[0].parts == (READ,)
    parts = json.loads(gemini.write_reply(read, gemini_request()))["candidates"][0]["content"]["parts"]
    assert parts == [{"inlineData": {"mimeType": "image/webp", "data": "QUJD"}}]
    events = EventReader().feed(openai_stream({"content": "Here."}, {"images": [SENT]}))
    assert Pictured(READ) in events
    assert b'"inlineData"' in gemini.event_writer(gemini_request()).write(events)


def test_pictures_of_the_past_go_back_to_who_makes_them_and_are_named_elsewhere() -> None:
    request = openai_request(messages=PAST)
    back = gemini.write_request(request, "gemini-2.5-flash-image")
    shown = {"inlineData": {"mimeType": "image/webp", "data": "QUJD"}}
    assert json.loads(back.body)["contents"][1]["parts"] == [{"text": "Here."}, shown]
    assert back.dropped == ()
    left = anthropic.write_request(request, "claude-sonnet-4-5")
    assert left.dropped == ("images",)
    assert b"QUJD" not in left.body
    assert json.loads(openai_chat.write_request(request, "m").body)["messages"] == PAST


def test_data_urls() -> None:
    assert split_data_url("data:image/png;base64,QUJD") == ("image/png", "QUJD")
    assert split_data_url("https://x/a,b") == split_data_url("data:text/plain,words") == ("", "")
