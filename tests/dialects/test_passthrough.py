"""Requests that are passed through: the model is found and replaced, errors and usage are seen in answers."""

import json

import pytest

from app.dialects.passthrough import DIALECTS, Passthrough
from app.domain.chat import PASSED_THROUGH, Operation
from app.domain.faults import FaultError, FaultKind, InBandError

BY_OPERATION = {dialect.operation: dialect for dialect in DIALECTS}
RERANK, SPEECH = BY_OPERATION[Operation.RERANK], BY_OPERATION[Operation.SPEECH]
IMAGES = BY_OPERATION[Operation.IMAGES]
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\x00\xff\r\n--b--\r\n'
)


def test_every_operation_has_its_dialect() -> None:
    assert set(BY_OPERATION) == PASSED_THROUGH


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.operation)
def test_json_changes_in_the_name_only(dialect: Passthrough) -> None:
    body = b'{ "prompt":"model", "model" : "one/a", "n": 12345678901234567890123 }\n'
    request = dialect.parse_request(body)
    assert (request.model, request.operation, request.stream) == ("one/a", dialect.operation, False)
    assert dialect.build_request(request, "one/a") == body
    assert dialect.build_request(request, "b") == body.replace(b"one/a", b"b")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.operation)
def test_a_form_changes_in_the_name_only(dialect: Passthrough) -> None:
    request = dialect.parse_request(FORM % b"one/a")
    assert (request.model, request.body_type) == ("one/a", "multipart/form-data; boundary=b")
    assert dialect.build_request(request, "b") == FORM % b"b"


def test_moderation_has_a_model_when_none_is_named() -> None:
    dialect = BY_OPERATION[Operation.MODERATIONS]
    request = dialect.parse_request(b'{"input":"x"}')
    assert request.model == "omni-moderation-latest"
    assert dialect.build_request(request, request.model) == b'{"input":"x"}'
    assert json.loads(dialect.build_request(request, "other")) == {"input": "x", "model": "other"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"--b\r\ncut", None),
        (b"{}", "model"),
        (b'{"model":5}', "model"),
        (b'{"model":" "}', "model"),
        (FORM.replace(b'name="model"', b'name="x"') % b"a", "model"),
        (FORM % b"", "model"),
        (FORM % b"a\nb", "model"),
        (FORM % b"\xff", "model"),
        (FORM % (b"a" * 600), "model"),
    ],
)
def test_what_names_no_model_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(FaultError) as refused:
        SPEECH.parse_request(body)
    assert (refused.value.fault.kind, refused.value.fault.param) == (FaultKind.INVALID_REQUEST, param)


def test_answers_stay_as_they_are_and_usage_is_read() -> None:
    request = RERANK.parse_request(b'{"model":"m"}')
    reply = RERANK.parse_reply(request, b'{ "results":[], "usage":{"total_tokens":7} }')
    assert (reply.body, reply.usage.input) == (b'{ "results":[], "usage":{"total_tokens":7} }', 7)
    for sound in (b"\xff\xfb\x90sound", b"{broken", b"just text", b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"):
        assert SPEECH.parse_reply(request, sound).body == sound
    timed = SPEECH.parse_reply(request, b'{"text":"x","usage":{"type":"duration","seconds":3}}')
    assert timed.usage.input is None


@pytest.mark.parametrize("body", [b"", b"  ", b"<!DOCTYPE html><html>", b"<html>", b"[]", b"text", b"{broken"])
def test_nonsense_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(FaultError) as refused:
        RERANK.parse_reply(RERANK.parse_request(b'{"model":"m"}'), body)
    assert refused.value.fault.kind is FaultKind.BAD_REPLY


def test_an_error_with_status_200_is_seen() -> None:
    with pytest.raises(InBandError):
        SPEECH.parse_reply(SPEECH.parse_request(b'{"model":"m"}'), b'{"error":{"message":"busy","code":"overloaded"}}')


def test_there_are_no_streams_and_faults_are_openais() -> None:
    request = SPEECH.parse_request(b'{"model":"m","stream":true}')
    assert not request.stream
    with pytest.raises(FaultError) as refused:
        SPEECH.open_stream(request)
    assert json.loads(SPEECH.render_fault(refused.value.fault, "id"))["error"]["param"] == "stream"
    assert SPEECH.render_stream_fault(refused.value.fault, "id").startswith(b"data: ")
    assert SPEECH.parse_fault(b'{"error":{"message":"m"}}').message == "m"


def test_what_a_picture_is_made_of_is_counted_as_one() -> None:
    request = IMAGES.parse_request(b'{"model":"gpt-image-1","prompt":"a tower"}')
    told = b'{"data":[],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40},"output_tokens":1000}}'
    usage = IMAGES.parse_reply(request, told).usage
    assert (usage.output, usage.images, usage.images_written) == (1000, 1040, 1000)
