"""What Gemini's clients say in the path, and what they ask beside answers."""

import json
from typing import Any

import pytest

from app.dialects import gemini_embed
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import FaultError
from app.domain.models import ModelInfo
from app.domain.usage import UsageSource
from app.engine.catalogue import ModelPage
from app.engine.tokenizer import NO_TOKENIZER
from app.engine.tokens import count_request
from app.server import gemini
from app.server.gate import Visit

BODY = b'{"contents":[{"parts":[{"text":"Hello there, all of you"}]}]}'


class Program:
    """A program with two models."""

    def models(self) -> ModelPage:
        return ModelPage([("one", ModelInfo("a/b", context_length=100)), ("two", ModelInfo("c"))])

    async def counted(self, request: ApiRequest, dialect: str) -> tuple[int, UsageSource]:
        """Nobody's counter can be asked, but for one model."""
        if (request.model, dialect) == ("one/a/b", "gemini"):
            return 4711, UsageSource.PROVIDER
        return await count_request(request.body, request.model, NO_TOKENIZER)


def visit(path: str, query: bytes = b"", body: bytes = BODY) -> Visit:
    return Visit("POST", path, "default", "req_1", body=body, query=query)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("/v1/models/one/a/b:generateContent", "one/a/b"),
        ("/v1beta/models/qwen:7b:generateContent", "qwen:7b"),
        ("/v1beta/models/models/x:generateContent", "x"),
        ("/v1beta/one/a/b:generateContent", "one/a/b"),
        ("/v1beta/fireworks/accounts/f/models/m:generateContent", "fireworks/accounts/f/models/m"),
    ],
)
def test_the_model_is_in_the_path(path: str, model: str) -> None:
    request = gemini.parse(visit(path))
    assert (request.model, request.stream, request.body) == (model, False, BODY)


def test_the_verb_says_whether_it_streams() -> None:
    path = "/v1beta/models/m:streamGenerateContent"
    assert gemini.parse(visit(path, b"key=x&alt=sse")).stream
    assert gemini.framing(visit(path, b"alt=sse")) is None
    assert gemini.framing(visit(path, b"key=%ff&alt=sse")) is None
    assert gemini.parse(visit(path)).stream_type.startswith(b"application/json")
    assert gemini.framing(visit(path, b"alt=json")) is not None
    assert gemini.framing(visit("/v1beta/models/m:generateContent")) is None


def test_embeddings_have_their_model_in_the_path() -> None:
    parse = gemini.embeds(gemini_embed.ONE)
    request = parse(visit("/v1beta/models/one/a:embedContent", body=b'{"content":{}}'))
    assert (request.model, request.operation) == ("one/a", Operation.EMBEDDINGS)


def test_models_in_geminis_shape() -> None:
    program: Any = Program()
    names = [m["name"] for m in json.loads(gemini.models(program, visit("/v1beta/models")).body)["models"]]
    assert names == ["models/a/b", "models/c"]
    found = json.loads(gemini.model(program, visit("/v1beta/models/a/b")).body)
    assert (found["name"], found["inputTokenLimit"]) == ("models/a/b", 100)
    with pytest.raises(FaultError):
        gemini.model(program, visit("/v1beta/models/d"))


async def test_tokens_are_estimated() -> None:
    program: Any = Program()
    for body in (BODY, b'{"generateContentRequest":%b}' % BODY):
        answer = await gemini.count_tokens(program, visit("/v1beta/models/m:countTokens", body=body))
        assert 5 < json.loads(answer.body)["totalTokens"] < 20
        assert (b"x-switchtower-token-source", b"estimate") in answer.headers
    with pytest.raises(FaultError, match="contents"):
        await gemini.count_tokens(program, visit("/v1beta/models/m:countTokens", body=b"{}"))


async def test_tokens_are_counted_where_somebody_counts() -> None:
    program: Any = Program()
    answer = await gemini.count_tokens(program, visit("/v1beta/models/one/a/b:countTokens"))
    assert json.loads(answer.body)["totalTokens"] == 4711
    assert (b"x-switchtower-token-source", b"provider") in answer.headers
