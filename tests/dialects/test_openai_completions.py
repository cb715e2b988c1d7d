"""The completions dialect: prompts of every kind, `suffix`, text in the stream."""

import json

import pytest

from app.dialects import openai_completions
from app.domain.chat import Operation
from app.domain.faults import Fault, FaultError, FaultKind


@pytest.mark.parametrize("prompt", ['"ping"', '["a","b"]', "[1,2]", "[[1],[2]]", '""'])
def test_prompts_and_suffix_pass(prompt: str) -> None:
    body = f'{{"model":"a","prompt":{prompt},"suffix":"x"}}'
    request = openai_completions.parse_request(body.encode())
    assert request.operation is Operation.COMPLETIONS
    assert openai_completions.build_request(request, "b") == body.replace('"a"', '"b"', 1).encode()


@pytest.mark.parametrize(("body", "words"), [(b'{"model":"m"}', "has no"), (b'{"model":"m","prompt":1}', "wrong type")])
def test_a_prompt_is_needed(body: bytes, words: str) -> None:
    with pytest.raises(FaultError, match=words) as caught:
        openai_completions.parse_request(body)
    assert caught.value.fault.param == "prompt"


@pytest.mark.parametrize(
    ("prompt", "n", "choices"),
    [('"a"', "1", 1), ('["a","b"]', "2", 4), ("[1,2,3]", "2", 2), ("[[1],[2],[3]]", "1", 3), ("[]", "1", 1)],
)
def test_every_prompt_has_choices_of_its_own(prompt: str, n: str, choices: int) -> None:
    body = f'{{"model":"a","prompt":{prompt},"n":{n},"stream":true}}'.encode()
    reader = openai_completions.open_stream(openai_completions.parse_request(body))
    for index in range(choices):
        assert not reader.complete
        reader.feed(b'data: {"choices":[{"index":%d,"text":"","finish_reason":"stop"}]}\n\n' % index)
    assert reader.complete


def test_reply_and_faults() -> None:
    request = openai_completions.parse_request(b'{"model":"a","prompt":"p"}')
    body = b'{"choices":[{"text":"x"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
    reply = openai_completions.parse_reply(request, body)
    assert (reply.body, reply.usage.input, reply.usage.output) == (body, 3, 1)
    assert openai_completions.parse_fault(b"no").message == "no"
    fault = Fault(FaultKind.TRUNCATED, "Acme broke off.")
    envelope = openai_completions.render_fault(fault, "r")
    assert json.loads(envelope)["error"]["type"] == "server_error"
    assert openai_completions.render_stream_fault(fault, "r") == b"data: " + envelope + b"\n\n"
