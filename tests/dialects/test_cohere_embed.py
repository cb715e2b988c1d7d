"""Cohere's embeddings behind: what is asked, and the vectors that come."""

import json
from typing import Any

import pytest

from app.dialects import openai_embeddings
from app.dialects.cohere_embed import EMBED
from app.dialects.embedding import EmbedTranslation
from app.domain.embedding import EmbedRequest, Task
from app.domain.faults import FaultError, InBandError


def asked(**more: Any) -> dict[str, Any]:
    written = EMBED.write_texts(EmbedRequest("m", ("one", "two"), **more), "embed-v4.0")
    assert written.path == "/v2/embed"
    body: dict[str, Any] = json.loads(written.body)
    return body


def test_what_is_asked() -> None:
    assert asked() == {
        "model": "embed-v4.0",
        "texts": ["one", "two"],
        "input_type": "search_document",
        "embedding_types": ["float"],
    }
    body = asked(dimensions=256, truncate=False, task=Task.QUERY)
    assert (body["output_dimension"], body["truncate"], body["input_type"]) == (256, "NONE", "search_query")
    assert asked(truncate=True)["truncate"] == "END"


def test_the_recorded_vectors_come_with_their_digits(cohere_exchanges: list[dict[str, Any]]) -> None:
    recorded = [exchange for exchange in cohere_exchanges if exchange["path"] == "/v2/embed"]
    assert recorded
    for exchange in recorded:
        sent = json.loads(exchange["resp"])
        reply = EMBED.read_vectors(exchange["resp"].encode())
        assert [json.loads(vector) for vector in reply.vectors] == sent["embeddings"]["float"]
        assert reply.usage.input == sent["meta"]["billed_units"]["input_tokens"]


def test_openais_client_gets_them() -> None:
    translation = EmbedTranslation(openai_embeddings, EMBED)
    request = openai_embeddings.parse_request(b'{"model":"m","input":"Hi","user":"u"}')
    assert translation.write(request, "embed").dropped == ("user",)
    reply = translation.parse_reply(
        request, b'{"embeddings":{"float":[[0.10,2]]},"meta":{"billed_units":{"input_tokens":1}}}'
    )
    assert json.loads(reply.body)["data"][0]["embedding"] == [0.1, 2]
    assert reply.usage.input == 1


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"embeddings":{"float":[["x"]]}}', b'{"embeddings":{"int8":[[1]]}}']
)
def test_what_holds_no_vectors_is_refused(body: bytes) -> None:
    with pytest.raises(FaultError, match="vectors"):
        EMBED.read_vectors(body)


def test_an_error_in_the_answer() -> None:
    with pytest.raises(InBandError):
        EMBED.read_vectors(b'{"message":"too many texts"}')
    assert EMBED.parse_fault(b'{"message":"invalid api token"}').message == "invalid api token"
