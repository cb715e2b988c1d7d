"""What the server answers of the Responses dialect besides answers; tests/contract has the whole way."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from app.domain.chat import Answer
from app.domain.faults import FaultError, FaultKind
from app.domain.usage import UsageSource
from app.engine.stored import Wanted
from app.server import responses
from app.server.gate import Visit


class Facade(SimpleNamespace):
    """Remembers what it was asked for."""

    asked: list[Any]

    async def stored(self, wanted: Wanted) -> Answer:
        self.asked.append(wanted)
        return Answer(200, ())

    async def counted(self, request: Any, dialect: str) -> tuple[int, UsageSource]:
        self.asked.append((request.model, dialect))
        return 4711, self.source


def visit(method: str, path: str, **more: Any) -> Visit:
    return Visit(method, path, "c", "req_1", **more)


@pytest.mark.parametrize(
    ("method", "path", "verb"),
    [
        ("GET", "/v1/responses/resp_1", ""),
        ("DELETE", "/v1/responses/resp_1", ""),
        ("POST", "/v1/responses/resp_1/cancel", "/cancel"),
        ("GET", "/v1/responses/resp_1/input_items", "/input_items"),
    ],
)
async def test_a_stored_response_is_asked_for(method: str, path: str, verb: str) -> None:
    facade: Any = Facade(asked=[])
    await responses.stored(facade, visit(method, path, query=b"limit=2&key=sk-local-secret&include%5B%5D=a.b"))
    assert facade.asked == [Wanted(method, "resp_1", verb, "limit=2&include%5B%5D=a.b", "req_1")]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/responses/resp_1"), ("GET", "/v1/responses/resp_1/cancel"), ("GET", "/v1/responses/resp_1/")],
)
async def test_anything_else_is_not_there(method: str, path: str) -> None:
    facade: Any = Facade(asked=[])
    with pytest.raises(FaultError) as refused:
        await responses.stored(facade, visit(method, path))
    assert refused.value.fault.kind is FaultKind.NOT_FOUND
    assert not facade.asked


@pytest.mark.parametrize("source", [UsageSource.PROVIDER, UsageSource.ESTIMATE])
async def test_tokens_are_counted(source: UsageSource) -> None:
    facade: Any = Facade(asked=[], source=source)
    body = b'{"model":"m","input":"The quick brown fox jumps over the lazy dog."}'
    answer = await responses.input_tokens(facade, visit("POST", "/v1/responses/input_tokens", body=body))
    assert msgspec.json.decode(answer.body) == {"object": "response.input_tokens", "input_tokens": 4711}
    assert (b"x-switchtower-token-source", source.value.encode()) in answer.headers
    assert facade.asked == [("m", "responses")]
