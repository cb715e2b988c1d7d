"""Embeddings for Ollama's clients, from providers that speak OpenAI's dialect."""

import json
from typing import Any

import pytest

from app.dialects.dialect import Dialect
from app.dialects.ollama_embed import EMBED, EMBEDDINGS
from app.domain.chat import Operation
from app.domain.faults import Fault, FaultError, FaultKind, InBandError

VECTORS = b'{"data":[{"index":1,"embedding":[3,4.5]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":4}}'


def test_a_list_of_texts() -> None:
    body = {"model": "m", "input": ["a", "b"], "truncate": True, "options": {"num_ctx": 5}, "dimensions": 2}
    request = EMBED.parse_request(json.dumps(body).encode())
    assert (request.operation, request.model, request.stream) == (Operation.EMBEDDINGS, "m", False)
    assert json.loads(EMBED.build_request(request, "n")) == {"model": "n", "input": ["a", "b"], "dimensions": 2}
    reply = EMBED.parse_reply(request, VECTORS)
    assert json.loads(reply.body)["embeddings"] == [[1, 2], [3, 4.5]]
    assert (json.loads(reply.body)["prompt_eval_count"], reply.usage.input) == (4, 4)


def test_the_older_path_takes_one_text() -> None:
    request = EMBEDDINGS.parse_request(b'{"model":"m","prompt":"a"}')
    assert json.loads(request.body) == {"model": "m", "input": "a"}
    assert json.loads(EMBEDDINGS.parse_reply(request, VECTORS).body) == {"embedding": [1, 2]}


@pytest.mark.parametrize("body", [b"{}", b'{"model":"m"}', b'{"model":"m","input":5}', b'{"model":"m","input":[]}'])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError) as refused:
        EMBED.parse_request(body)
    assert refused.value.fault.kind is FaultKind.INVALID_REQUEST


def test_bad_answers() -> None:
    request = EMBED.parse_request(b'{"model":"m","input":"a"}')
    with pytest.raises(FaultError):
        EMBED.parse_reply(request, b'{"data":[{"embedding":"AAAA"}]}')
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
