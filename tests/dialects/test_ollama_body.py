"""What routing needs of the requests of every path of Ollama's."""

import pytest

from app.dialects import ollama_body
from app.domain.chat import Operation
from app.domain.faults import FaultError


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b'{"messages":[]}', "model"),
        (b'{"model":" ","messages":[]}', "model"),
        (b'{"model":"%b","messages":[]}' % (b"m" * 513), "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":"x"}', "messages"),
        (b'{"model":"m","messages":[],"stream":1}', "stream"),
    ],
)
def test_what_cannot_be_routed_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(FaultError) as refused:
        ollama_body.parse(body, key="messages")
    assert refused.value.fault.param == param


def test_embeddings_are_never_streamed() -> None:
    assert not ollama_body.parse(b'{"model":"m","input":"x"}', Operation.EMBEDDINGS).stream


def test_the_last_of_two_models_counts_and_both_are_replaced() -> None:
    request = ollama_body.parse(b'{"model":"a","model":"b"}')
    assert request.model == "b"
    assert ollama_body.build_request(request, "c") == b'{"model":"c","model":"c"}'
