"""Gemini passed through: what routing reads of a request, and that no byte changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.dialects import anthropic, gemini, openai_chat
from app.dialects.translation import TranslatedStream, Translation
from app.domain.faults import FaultError, InBandError
from dialects.translating import anthropic_request, openai_request

GOLDEN = Path(__file__).parent / "golden" / "gemini"
BODY = b'{ "contents": [{"parts":[{"text":"\\u00e9"}]}],"x":1e2}'


def test_the_body_goes_on_as_it_is() -> None:
    request = gemini.parse_request(BODY, "models/gemini-2.5-flash", stream=True)
    assert (request.model, request.stream) == ("gemini-2.5-flash", True)
    assert gemini.build_request(request, "other") is BODY
    assert gemini.parse_request(b'{"model":"models/m","contents":[]}').model == "m"


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"contents":5}'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError):
        gemini.parse_request(body, "m")


@pytest.mark.parametrize("model", ["", " ", "a\nb", "m" * 513])
def test_a_request_needs_a_model(model: str) -> None:
    with pytest.raises(FaultError) as refused:
        gemini.parse_request(BODY, model)
    assert refused.value.fault.param == "model"


def test_every_recorded_answer_passes(gemini_exchanges: list[dict[str, Any]]) -> None:
    request = gemini.parse_request(BODY, "m")
    count = 0
    for exchange in gemini_exchanges:
        body = exchange["resp"].encode()
        if exchange["path"].endswith("streamGenerateContent") or b"UNEXPECTED_TOOL_CALL" in body:
            continue
        if exchange["status"] != 200:
            with pytest.raises(InBandError):
                gemini.parse_reply(request, body)
            continue
        if "candidates" not in json.loads(body):
            continue
        assert gemini.parse_reply(request, body).body is body
        count += 1
    assert count > 170


def test_counts_and_signs_of_life() -> None:
    assert json.loads(gemini.render_count(5)) == {"totalTokens": 5}
    assert json.loads(gemini.KEEPALIVE.removeprefix(b"data: ")) == {}


def test_a_translated_request_has_model_and_stream_from_the_path() -> None:
    request = gemini.parse_request(BODY, "my/alias", stream=True)
    written = Translation(gemini, openai_chat).write(request, "gpt")
    body = json.loads(written.body)
    assert (body["model"], body["stream"]) == ("gpt", True)
    answered = json.loads(
        Translation(gemini, openai_chat)
        .parse_reply(request, b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}')
        .body
    )
    assert answered["modelVersion"] == "my/alias"


def test_golden_request() -> None:
    case = json.loads((GOLDEN / "request.json").read_text("utf-8"))
    request = openai_chat.read_request(json.dumps(case["openai"]).encode())
    written = gemini.write_request(request, case["model"])
    assert (written.path, list(written.dropped)) == (case["path"], case["dropped"])
    assert json.loads(written.body) == case["gemini"]


def test_golden_reply() -> None:
    case = json.loads((GOLDEN / "reply.json").read_text("utf-8"))
    reply = gemini.read_reply(json.dumps(case["gemini"]).encode())
    assert json.loads(openai_chat.write_reply(reply, openai_request())) == case["openai"]
    assert json.loads(anthropic.write_reply(reply, anthropic_request())) == case["anthropic"]


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_golden_stream(client: str) -> None:
    wants = openai_request(stream=True, stream_options={"include_usage": True})
    writer = openai_chat.event_writer(wants) if client == "openai" else anthropic.event_writer(anthropic_request())
    translated = TranslatedStream(gemini.event_reader(), writer)
    out = translated.feed((GOLDEN / "stream.gemini.sse").read_bytes()) + translated.finish()
    assert out == (GOLDEN / f"stream.{client}.sse").read_bytes()
