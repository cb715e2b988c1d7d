"""Gemini's embeddings: passed through, and both sides of their translation."""

import json
from typing import Any

import pytest

from app.dialects.dialect import Dialect
from app.dialects.gemini_embed import BATCH, ONE
from app.domain.chat import Operation
from app.domain.embedding import EmbedReply, EmbedRequest, Task
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.usage import Usage

BODY = (
    b'{ "requests" : [{"model":"models/x/e","content":{"parts":[{"text":"\\u00e9"}]},"taskType":"RETRIEVAL_QUERY"} ,\n'
    b'{"content":{"parts":[{"text":"b"},{"text":"c"}]},"model":"models/e","taskType":"RETRIEVAL_QUERY"}],"u":1e2}'
)
ANSWER = b'{\n "embeddings": [{"values": [1e0, 2]}, {"values":[3,4.50]}], "usageMetadata": {"promptTokenCount": 4}}'


def test_passed_through_only_the_model_is_named_anew() -> None:
    request = BATCH.parse_request(BODY, "x/e")
    assert (request.operation, request.model, request.stream) == (Operation.EMBEDDINGS, "x/e", False)
    assert BATCH.build_request(request, "e") == BODY.replace(b"models/x/e", b"models/e")
    assert BATCH.parse_reply(request, ANSWER).body == ANSWER
    one = b'{"content":{"parts":[{"text":"a"}]} }'
    assert ONE.build_request(ONE.parse_request(one, "x/e"), "e") == one
    named = b'{"model":"x/e","content":{"parts":[{"text":"a"}]} }'
    assert b'"models/e"' in ONE.build_request(ONE.parse_request(named, "x/e"), "e")


def test_equal_requests_are_each_named_anew() -> None:
    item = '{"model":"models/x/e","content":{"parts":[{"text":"a"}]}}'
    body = f'{{"requests":[{item},{item}]}}'.encode()
    assert BATCH.build_request(BATCH.parse_request(body, "x/e"), "e") == body.replace(b"models/x/e", b"models/e")


def test_texts_for_others() -> None:
    assert BATCH.read_texts(BODY) == EmbedRequest("x/e", ("é", "b\nc"), task=Task.QUERY)
    more = b'{"content":{"parts":[{"text":"a"}]},"outputDimensionality":7,"title":"t","taskType":"NEW_ONE"}'
    read = ONE.read_texts(more)
    assert (read.dimensions, read.task, read.extras) == (7, None, ("title", "taskType"))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"requests":[]}', "requests"),
        (b'{"requests":[{"content":{"parts":[{"inlineData":{}}]}}]}', "content.parts"),
        (b'{"requests":[{"content":{"parts":[]}}]}', "content"),
        (b'{"requests":[{"content":"a","outputDimensionality":1},{"content":"a"}]}', "outputDimensionality"),
    ],
)
def test_what_others_cannot_do_is_refused(body: bytes, names: str) -> None:
    with pytest.raises(FaultError) as refused:
        BATCH.read_texts(body)
    assert names in (refused.value.fault.param or "")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"{", b'{"content":1}', b'{"content":null}'])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError) as refused:
        ONE.parse_request(body, "m")
    assert refused.value.fault.kind is FaultKind.INVALID_REQUEST


def test_a_batch_that_is_no_list_and_a_path_without_a_model() -> None:
    request = BATCH.parse_request(b'{"requests":{}}', "m")
    with pytest.raises(FaultError):
        BATCH.build_request(request, "m")
    for model in ("", "m" * 513):
        with pytest.raises(FaultError) as refused:
            BATCH.parse_request(BODY, model)
        assert refused.value.fault.param == "model"


def test_texts_of_others() -> None:
    written = BATCH.write_texts(EmbedRequest("x", ("a",), 3, Task.SIMILARITY, truncate=False, extras=("user",)), "e")
    content = {"parts": [{"text": "a"}]}
    asked = {
        "model": "models/e",
        "content": content,
        "taskType": "SEMANTIC_SIMILARITY",
        "outputDimensionality": 3,
    }
    assert written.path == "/v1beta/models/e:batchEmbedContents"
    assert (json.loads(written.body), written.dropped) == ({"requests": [asked]}, ("user", "truncate"))


def test_vectors_keep_their_digits() -> None:
    reply = BATCH.read_vectors(ANSWER)
    assert (reply.vectors, reply.usage.input) == ((b"[1e0, 2]", b"[3,4.50]"), 4)
    assert ONE.read_vectors(b'{"embedding":{"values":[1]}}').vectors == (b"[1]",)
    told = EmbedReply((b"[1e0]",), usage=Usage(fresh_input=4))
    request = EmbedRequest("m", ("a",))
    assert ONE.write_vectors(told, request).startswith(b'{"embedding":{"values":[1e0]},"usageMetadata"')
    assert BATCH.write_vectors(EmbedReply((b"[1]",)), request) == b'{"embeddings":[{"values":[1]}]}'


def test_bad_answers() -> None:
    for body in (b"{}", b"{", b'{"embeddings":[{"values":["a"]}]}', b'{"embedding":7}'):
        with pytest.raises(FaultError):
            BATCH.read_vectors(body)
    for body in (b'{"error":{"code":500,"message":"no"}}', b'[{"error":{"message":"no"}}]'):
        with pytest.raises(InBandError):
            BATCH.read_vectors(body)
    with pytest.raises(FaultError):
        BATCH.open_stream(BATCH.parse_request(BODY, "m"))


def test_errors_are_geminis() -> None:
    dialect: Dialect = ONE
    fault = Fault(FaultKind.INVALID_REQUEST, "No.")
    assert json.loads(dialect.render_fault(fault, "r"))["error"]["status"] == "INVALID_ARGUMENT"
    assert dialect.render_stream_fault(fault, "r").startswith(b"data: ")
    assert dialect.parse_fault(b'{"error":{"message":"no"}}').message == "no"


def test_every_recorded_exchange_is_read(gemini_embeddings: list[dict[str, Any]]) -> None:
    found = [one for one in gemini_embeddings if one["status"] == 200]
    assert len(found) > 5
    for one in found:
        read = BATCH.read_texts(json.dumps(one["req"]).encode())
        reply = BATCH.read_vectors(one["resp"].encode())
        assert len(reply.vectors) == len(read.texts) == len(one["req"]["requests"])
        counted = json.loads(one["resp"]).get("usageMetadata", {}).get("promptTokenCount")
        assert reply.usage.input == counted
