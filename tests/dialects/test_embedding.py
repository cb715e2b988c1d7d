"""Every dialect of embeddings in front of every other one: the same vectors, digit by digit."""

import base64
import json
import struct
from types import ModuleType
from typing import Any, cast

import pytest

from app.dialects import openai_embeddings
from app.dialects.embedding import EmbedClient, EmbedProvider, EmbedTranslation
from app.dialects.gemini_embed import BATCH, ONE
from app.dialects.ollama_embed import EMBED, EMBEDDINGS
from app.domain.chat import ApiRequest, Operation
from app.domain.embedding import EmbedReply, EmbedRequest
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.usage import Usage

CLIENTS = {
    "openai": (openai_embeddings, {"model": "m", "input": ["a", "b"]}),
    "base64": (openai_embeddings, {"model": "m", "input": ["a", "b"], "encoding_format": "base64"}),
    "gemini": (BATCH, {"requests": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"text": "b"}]}}]}),
    "ollama": (EMBED, {"model": "m", "input": ["a", "b"]}),
}
ANSWERS = {
    "openai": (openai_embeddings, b'{"data":[{"index":1,"embedding":[3.0]},{"index":0,"embedding":[0.50,-1e2]}],'
               b'"usage":{"prompt_tokens":4}}'),
    "gemini": (BATCH, b'{"embeddings":[{"values":[0.50,-1e2]},{"values":[3.0]}],'
               b'"usageMetadata":{"promptTokenCount":4}}'),
    "ollama": (EMBED, b'{"embeddings":[[0.50,-1e2],[3.0]],"prompt_eval_count":4}'),
}  # fmt: skip


def joined(client: object, provider: object) -> EmbedTranslation:
    return EmbedTranslation(cast("EmbedClient", client), cast("EmbedProvider", provider))


def asking(body: Any) -> ApiRequest:
    return ApiRequest(Operation.EMBEDDINGS, "m", stream=False, body=json.dumps(body).encode())


@pytest.mark.parametrize("provider", ANSWERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_same_vectors_come_down(client: str, provider: str) -> None:
    side, body = CLIENTS[client]
    behind, answer = ANSWERS[provider]
    translation, request = joined(side, behind), asking(body)
    written = translation.write(request, "e")
    assert written.dropped == ()
    assert cast("EmbedClient", behind).read_texts(written.body).texts == ("a", "b")
    reply = translation.parse_reply(request, answer)
    assert reply.usage.input == 4
    if client == "base64":
        found = [one["embedding"] for one in json.loads(reply.body)["data"]]
        assert [struct.unpack(f"<{n}f", base64.b64decode(v)) for n, v in zip((2, 1), found, strict=True)] == [
            (0.5, -100.0),
            (3.0,),
        ]
    else:
        assert b"[0.50,-1e2]" in reply.body
        assert reply.body.index(b"[0.50,-1e2]") < reply.body.index(b"[3.0]")


def test_one_text_comes_back_as_one() -> None:
    answer = b'{"embeddings":[[1]]}'
    one = {"content": {"parts": [{"text": "a"}]}}
    assert joined(ONE, EMBED).parse_reply(asking(one), answer).body == b'{"embedding":{"values":[1]}}'
    older = {"model": "m", "prompt": "a"}
    assert joined(EMBEDDINGS, EMBED).parse_reply(asking(older), answer).body == b'{"embedding":[1]}'


def test_a_missing_vector_is_a_bad_answer() -> None:
    with pytest.raises(FaultError, match="1 vectors for 2 texts") as caught:
        joined(openai_embeddings, EMBED).parse_reply(asking(CLIENTS["openai"][1]), b'{"embeddings":[[1]]}')
    assert caught.value.fault.kind is FaultKind.BAD_REPLY


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m", "input": [1, 2]}, "input"),
        ({"model": "m", "input": [[1], [2]]}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": "a", "output_dtype": "int8"}, "output_dtype"),
    ],
)
def test_what_only_openais_dialect_knows_is_refused(body: Any, param: str) -> None:
    with pytest.raises(FaultError) as refused:
        joined(openai_embeddings, BATCH).write(asking(body), "e")
    assert refused.value.fault.param == param


def test_what_only_tunes_is_named() -> None:
    body = {"model": "m", "input": "a", "user": "u", "input_type": "search_document"}
    assert joined(openai_embeddings, BATCH).write(asking(body), "e").dropped == ("user",)
    assert joined(openai_embeddings, EMBED).write(asking(body), "e").dropped == ("user", "task")
    asked = {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING", "title": "t", "outputDimensionality": 4}
    written = joined(ONE, openai_embeddings).write(asking(asked), "e")
    assert json.loads(written.body) == {"model": "e", "input": "a", "dimensions": 4}
    assert written.dropped == ("title", "task")


def test_base64_of_a_provider_becomes_numbers_for_others() -> None:
    vector = base64.b64encode(struct.pack("<2f", 0.5, 2)).decode()
    answer = json.dumps({"data": [{"embedding": vector}]}).encode()
    assert openai_embeddings.read_vectors(answer).vectors == (b"[0.5,2.0]",)
    for bad in (b'{"data":[{"embedding":{}}]}', b'{"data":[{}]}'):
        with pytest.raises(FaultError):
            openai_embeddings.read_vectors(bad)
    with pytest.raises(InBandError):
        openai_embeddings.read_vectors(b'{"error":{"message":"no"}}')
    reply = EmbedReply((b"[1]",), usage=Usage())
    assert json.loads(openai_embeddings.write_vectors(reply, EmbedRequest("m", ("a",))))["usage"] == {
        "prompt_tokens": 0,
        "total_tokens": 0,
    }


def test_errors_are_read_from_one_side_and_written_to_the_other() -> None:
    translation = joined(openai_embeddings, BATCH)
    assert translation.parse_fault(b'{"error":{"message":"no","status":"NOT_FOUND","code":404}}').message == "no"
    fault = Fault(FaultKind.RATE_LIMITED, "Wait.")
    assert json.loads(translation.render_fault(fault, ""))["error"]["code"] == "rate_limit_exceeded"
    assert translation.render_stream_fault(fault, "").startswith(b"data: ")
    with pytest.raises(FaultError):
        translation.open_stream(asking({}))


def test_openais_side_is_a_module() -> None:
    assert isinstance(openai_embeddings, ModuleType)
    assert openai_embeddings.write_texts(EmbedRequest("x", ("a", "b")), "m").path == "/embeddings"
