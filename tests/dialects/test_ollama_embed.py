"""Ollama's embeddings: passed through, and both sides of their translation."""

import json
from typing import Any

import pytest

from app.dialects.dialect import Dialect
from app.dialects.ollama_embed import EMBED, EMBEDDINGS
from app.domain.chat import Operation
from app.domain.embedding import EmbedReply, EmbedRequest, Task
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.usage import Usage

BODY = (
    b'{ "input":["a","\\u00e9"],"model":"m","truncate":true,"options":{"num_ctx":5},"dimensions":2,"keep_alive":"5m"}'
)
ANSWER = b'{"model":"m","embeddings":[[1e0,2],[3,4.50]],"total_duration":7,"prompt_eval_count":4}'


def test_to_an_ollama_the_bytes_stay() -> None:
    request = EMBED.parse_request(BODY)
    assert (request.operation, request.model, request.stream) == (Operation.EMBEDDINGS, "m", False)
    assert EMBED.build_request(request, "n") == BODY.replace(b'"m"', b'"n"', 1)
    reply = EMBED.parse_reply(request, ANSWER)
    assert (reply.body, reply.usage.input) == (ANSWER, 4)


def test_a_list_of_texts_for_others() -> None:
    read = EMBED.read_texts(BODY)
    assert read == EmbedRequest("m", ("a", "é"), dimensions=2, truncate=True)
    assert EMBED.read_texts(b'{"model":"m","input":"a","more":1}').extras == ("more",)
    reply = EmbedReply((b"[1e0,2]", b"[3,4.50]"), usage=Usage(fresh_input=4))
    assert b'"embeddings":[[1e0,2],[3,4.50]]' in EMBED.write_vectors(reply, read)
    assert json.loads(EMBED.write_vectors(reply, read))["prompt_eval_count"] == 4
    assert "prompt_eval_count" not in json.loads(EMBED.write_vectors(EmbedReply((b"[1]",)), read))


def test_texts_of_others() -> None:
    written = EMBED.write_texts(EmbedRequest("x", ("a",), 3, Task.QUERY, extras=("user",)), "m")
    assert (written.path, json.loads(written.body), written.dropped) == (
        "/api/embed",
        {"model": "m", "input": ["a"], "dimensions": 3},
        ("user", "task"),
    )
    assert EMBED.read_vectors(ANSWER).vectors == (b"[1e0,2]", b"[3,4.50]")


def test_the_older_path_takes_one_text() -> None:
    request = EMBEDDINGS.parse_request(b'{"model":"m","prompt":"a"}')
    assert EMBEDDINGS.build_request(request, "m") == request.body
    read = EMBEDDINGS.read_texts(request.body)
    assert read.texts == ("a",)
    assert json.loads(EMBEDDINGS.write_vectors(EmbedReply((b"[1,2]",)), read)) == {"embedding": [1, 2]}
    assert EMBEDDINGS.parse_reply(request, b'{"embedding":[1]}').body == b'{"embedding":[1]}'


@pytest.mark.parametrize("body", [b"{}", b'{"model":"m"}', b'{"model":"m","input":5}', b'{"model":"m","input":[]}'])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError) as refused:
        EMBED.parse_request(body)
    assert refused.value.fault.kind is FaultKind.INVALID_REQUEST


def test_bad_answers() -> None:
    request = EMBED.parse_request(b'{"model":"m","input":"a"}')
    for body in (b'{"embeddings":["AAAA"]}', b"{}", b"[", b'{"embeddings":{}}', b'{"embeddings":[["a"]]}'):
        with pytest.raises(FaultError):
            EMBED.parse_reply(request, body)
    with pytest.raises(InBandError):
        EMBED.parse_reply(request, b'{"error":"no"}')
    with pytest.raises(FaultError):
        EMBED.open_stream(request)


def test_errors_are_ollamas() -> None:
    dialect: Dialect = EMBED
    fault = Fault(FaultKind.INVALID_REQUEST, "No.")
    assert json.loads(dialect.render_fault(fault, ""))["error"].startswith("No.")
    assert dialect.render_stream_fault(fault, "").endswith(b"\n")
    assert dialect.parse_fault(b'{"error":"no"}').message == "no"


def test_every_recorded_request_is_read(client_requests: list[dict[str, Any]]) -> None:
    found = [request["body"] for request in client_requests if request["path"] == "/api/embed"]
    assert found
    for body in found:
        assert EMBED.parse_request(json.dumps(body).encode()).model == body["model"]
