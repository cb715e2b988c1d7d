"""Our answers and errors are what OpenAI's published description of its API says they are."""

import base64
import json
import struct
from typing import Any

import pytest

from app.dialects import openai_models, sse
from app.domain.chat import PASSED_THROUGH, Operation
from app.domain.faults import Fault, FaultKind
from app.domain.models import ModelInfo
from app.providers.catalog import CATALOG
from contract.openapi import Description
from contract.row_rig import DIALECTS, RowRig, asks
from faults import plays
from faults.play import Play

pytestmark = pytest.mark.parametrize("spec", CATALOG[:1], ids=["openai"], indirect=True)

_PLAIN = {
    Operation.CHAT: "CreateChatCompletionResponse",
    Operation.COMPLETIONS: "CreateCompletionResponse",
    Operation.EMBEDDINGS: "CreateEmbeddingResponse",
}
_CHUNK = {Operation.CHAT: "CreateChatCompletionStreamResponse", Operation.COMPLETIONS: "CreateCompletionResponse"}
_MODELS = (
    ModelInfo("bare"),
    ModelInfo("vendor/known", created=1_700_000_000, context_length=8192, capabilities=("tools",)),
)


@pytest.fixture(scope="session")
def description() -> Description:
    return Description()


def chunks(stream: bytes) -> list[Any]:
    """The JSON of every event of a stream but its end mark."""
    events = [sse.parse_event(piece).data for piece in sse.pieces(stream)]
    return [json.loads(data) for data in events if data and data != b"[DONE]"]


async def test_the_description_would_notice(description: Description, spec: object) -> None:
    wrong = {"error": {"message": "no code, no param", "type": "server_error"}}
    assert len(description.problems("ErrorResponse", wrong)) == 2
    assert description.problems(_PLAIN[Operation.CHAT], {"choices": []}) != []
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {}, "finish_reason": None}
    assert description.problems(_CHUNK[Operation.CHAT], chunk | {"choices": [choice]}) == []
    bad = chunk | {"choices": [choice | {"finish_reason": "because"}]}
    assert description.problems(_CHUNK[Operation.CHAT], bad) != []


async def test_answers_are_valid(rig: RowRig, description: Description) -> None:
    wrong: list[str] = []
    for operation, stream in asks(rig.spec):
        if operation in PASSED_THROUGH:
            continue
        body = await rig.read(operation, stream=stream)
        values = chunks(body) if stream else [json.loads(body)]
        assert len(values) > 8 * stream
        for value in values:
            wrong += description.problems(_CHUNK[operation] if stream else _PLAIN[operation], value)
    assert sorted(set(wrong)) == []


async def test_embeddings_that_had_to_be_converted_are_valid(rig: RowRig, description: Description) -> None:
    packed = base64.b64encode(struct.pack("<3f", 0.5, -0.25, 1.0)).decode()
    item = {"object": "embedding", "index": 0, "embedding": packed}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    value = {"object": "list", "model": "m", "data": [item], "usage": usage}
    rig.upstream.script(Play("base64 unasked", body=json.dumps(value).encode()))
    assert description.problems(_PLAIN[Operation.EMBEDDINGS], value) != []
    told = json.loads(await rig.read(Operation.EMBEDDINGS))
    assert description.problems(_PLAIN[Operation.EMBEDDINGS], told) == []
    assert told["data"][0]["embedding"] == [0.5, -0.25, 1.0]


async def test_model_lists_are_valid(spec: object, description: Description) -> None:
    listed = json.loads(openai_models.render_models([("one", info) for info in _MODELS]))
    assert description.problems("ListModelsResponse", listed) == []
    for info in _MODELS:
        assert description.problems("Model", json.loads(openai_models.render_model("one", info))) == []


@pytest.mark.parametrize("kind", FaultKind)
async def test_every_error_is_valid_in_every_dialect(spec: object, description: Description, kind: FaultKind) -> None:
    for param in (None, "messages"):
        fault = Fault(kind, "It broke.", "Mend it.", provider="one", provider_status=422, param=param)
        for dialect in DIALECTS.values():
            envelope = json.loads(dialect.render_fault(fault, "req_1"))
            assert description.problems("ErrorResponse", envelope) == []
            (event,) = chunks(dialect.render_stream_fault(fault, "req_1"))
            assert event == envelope


REFUSALS = tuple(play for row in range(10, 25) for play in plays.ROWS[row])


@pytest.mark.parametrize("play", REFUSALS, ids=str)
async def test_every_refusal_of_a_provider_ends_in_a_valid_error(
    rig: RowRig, description: Description, play: Play
) -> None:
    rig.upstream.script(play)
    for operation in DIALECTS:
        answer = await rig.ask(operation)
        assert answer.status >= 400
        assert description.problems("ErrorResponse", json.loads(answer.body)) == []
