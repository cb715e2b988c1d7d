"""`/api/generate` as the engine uses it."""

import pytest

from app.dialects import ollama_generate
from app.domain.faults import FaultError
from app.domain.hub_reply import Ended, Finish, Finished, TextDelta
from dialects.ollama_rig import lines_of

BODY = b'{"model":"m","prompt":"Hi"}'


def test_what_routing_needs() -> None:
    request = ollama_generate.parse_request(BODY)
    assert (request.model, request.stream, request.stream_type) == ("m", True, b"application/x-ndjson")
    assert ollama_generate.build_request(request, "n") == b'{"model":"n","prompt":"Hi"}'


def test_a_prompt_is_needed() -> None:
    with pytest.raises(FaultError) as refused:
        ollama_generate.parse_request(b'{"model":"m"}')
    assert refused.value.fault.param == "prompt"


def test_a_stream_for_its_client() -> None:
    writer = ollama_generate.event_writer(ollama_generate.read_request(BODY))
    lines = lines_of(writer.write([TextDelta("a"), Finished(Finish.STOP), Ended()]))
    assert [line["response"] for line in lines] == ["a", ""]


def test_its_own_answers_and_streams_can_be_read() -> None:
    request = ollama_generate.parse_request(BODY)
    line = b'{"response":"x","done":true,"eval_count":1}'
    assert ollama_generate.parse_reply(request, line).usage.output == 1
    assert ollama_generate.open_stream(request).feed(line + b"\n") == line + b"\n"
    assert TextDelta("x") in ollama_generate.event_reader().feed(line + b"\n")
