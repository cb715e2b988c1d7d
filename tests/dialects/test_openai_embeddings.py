"""The embeddings dialect: the encoding that was asked for, whatever was sent."""

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import openai_embeddings
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind, InBandError

VECTOR = [0.5, -1.0, 0.25]
BASE64 = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()


def asking(**extra: Any) -> ApiRequest:
    return openai_embeddings.parse_request(json.dumps({"model": "m", "input": "x", **extra}).encode())


def reply_with(*vectors: Any) -> bytes:
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    return json.dumps({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 4}}).encode()


@pytest.mark.parametrize("text", ['"x"', '["x"]', "[1,2]", "[[1],[2]]"])
def test_inputs_and_dimensions_pass(text: str) -> None:
    body = f'{{"model":"a","input":{text},"dimensions":4,"stream":true}}'.encode()
    request = openai_embeddings.parse_request(body)
    assert (request.operation, request.stream, request.wants_usage) == (Operation.EMBEDDINGS, False, True)
    assert openai_embeddings.build_request(request, "b") == body.replace(b'"a"', b'"b"', 1)


@pytest.mark.parametrize(("body", "words"), [(b'{"model":"m"}', "has no"), (b'{"model":"m","input":1}', "wrong type")])
def test_an_input_is_needed(body: bytes, words: str) -> None:
    with pytest.raises(FaultError, match=words) as caught:
        openai_embeddings.parse_request(body)
    assert caught.value.fault.param == "input"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, VECTOR),
        ({"encoding_format": "float"}, VECTOR),
        ({"encoding_format": None}, VECTOR),
        ({"encoding_format": "base64"}, BASE64),
        ({"encoding_format": "base64", "output_dtype": None}, BASE64),
        ({"encoding_format": "int4"}, BASE64),
        ({"encoding_format": 3}, VECTOR),
        ({"output_dtype": "int8"}, "AQI="),
        ({"output_dtype": "int8", "encoding_format": "base64"}, [1, 2]),
    ],
)
def test_what_was_asked_for_passes_byte_for_byte(asked: dict[str, Any], sent: Any) -> None:
    body = reply_with(sent, sent)
    reply = openai_embeddings.parse_reply(asking(**asked), body)
    assert reply.body is body
    assert reply.usage.input == 4


@pytest.mark.parametrize(
    ("asked", "sent", "expected"),
    [
        ({}, BASE64, VECTOR),
        ({"encoding_format": "float"}, BASE64, VECTOR),
        ({"encoding_format": "base64"}, VECTOR, BASE64),
        ({"encoding_format": "base64"}, [], ""),
        ({"encoding_format": "float", "output_dtype": "float"}, "", []),
        ({"encoding_format": "base64"}, [1, 2], base64.b64encode(struct.pack("<2f", 1, 2)).decode()),
    ],
)
def test_what_was_not_asked_for_is_converted(asked: dict[str, Any], sent: Any, expected: Any) -> None:
    right = VECTOR if isinstance(expected, list) else BASE64
    body = reply_with(sent, right)
    reply = openai_embeddings.parse_reply(asking(**asked), body)
    assert json.loads(reply.body) == json.loads(reply_with(expected, right))
    assert reply.body.startswith(b'{"object": "list", "data": [')
    assert reply.body.endswith(b'], "model": "m", "usage": {"prompt_tokens": 4}}')


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_there_and_back(vector: list[float]) -> None:
    packed = json.loads(openai_embeddings.parse_reply(asking(encoding_format="base64"), reply_with(vector)).body)
    text = packed["data"][0]["embedding"]
    assert json.loads(openai_embeddings.parse_reply(asking(), reply_with(text)).body)["data"][0]["embedding"] == vector


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ({}, b'{"data":[1]}'),
        ({}, b'{"data":{}}'),
        ({}, b'{"data":[{"index":0}]}'),
        ({}, b'{"object":"list"}'),
        ({}, b"<html>"),
        ({}, reply_with("####")),
        ({}, reply_with("AAA=")),
        ({"encoding_format": "base64"}, reply_with([1e300])),
        ({"encoding_format": "base64"}, reply_with(["x"])),
    ],
)
def test_what_cannot_be_read_is_a_fault(asked: dict[str, Any], body: bytes) -> None:
    with pytest.raises(FaultError) as caught:
        openai_embeddings.parse_reply(asking(**asked), body)
    assert caught.value.fault.kind is FaultKind.BAD_REPLY


def test_an_error_with_a_good_status_is_seen() -> None:
    with pytest.raises(InBandError, match="no such model"):
        openai_embeddings.parse_reply(asking(), b'{"error":{"message":"no such model"}}')


def test_there_are_no_streams() -> None:
    with pytest.raises(FaultError, match="cannot be streamed"):
        openai_embeddings.open_stream(asking(stream=True))


def test_faults() -> None:
    assert openai_embeddings.parse_fault(b"no").message == "no"
    fault = Fault(FaultKind.QUOTA, "Used up.")
    envelope = openai_embeddings.render_fault(fault, "r")
    assert openai_embeddings.render_stream_fault(fault, "r") == b"data: " + envelope + b"\n\n"


def test_every_recorded_reply(exchanges: list[dict[str, Any]]) -> None:
    replies = [e for e in exchanges if e["path"].endswith("/embeddings") and e["status"] == 200]
    assert len(replies) >= 6
    for exchange in replies:
        body = exchange["resp"].encode()
        request = openai_embeddings.parse_request(json.dumps(exchange["req"]).encode())
        reply = openai_embeddings.parse_reply(request, body)
        assert reply.body is body
        assert reply.usage.input == json.loads(body)["usage"]["total_tokens"]
        as_numbers = openai_embeddings.parse_reply(asking(), body)
        for before, after in zip(json.loads(body)["data"], json.loads(as_numbers.body)["data"], strict=True):
            packed = struct.pack(f"<{len(after['embedding'])}f", *after["embedding"])
            assert base64.b64encode(packed).decode() == before["embedding"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"embedding":"\xff"}]}',
        b'{"data":[{"\xff":1,"embedding":"AAAA"}]}',
        b'{"data":[{"embedding":"AA\xff="}]}',
    ],
)
def test_vectors_beside_bytes_that_are_not_utf8_are_a_fault(body: bytes) -> None:
    with pytest.raises(FaultError) as caught:
        openai_embeddings.parse_reply(asking(), body)
    assert caught.value.fault.kind is FaultKind.BAD_REPLY
