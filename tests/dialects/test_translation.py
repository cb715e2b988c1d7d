"""OpenAI clients with Anthropic providers and the other way round: plain, streamed, with tools, thoughts and errors."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import anthropic, ollama, openai_chat
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from dialects.translating import anthropic_stream, call, checked_blocks, openai_stream, sse_events

OPENAI = ApiRequest(
    Operation.CHAT,
    "m",
    stream=True,
    body=b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"seed":1,'
    b'"messages":[{"role":"user","content":"Hi"}]}',
)
ANTHROPIC = ApiRequest(
    Operation.CHAT,
    "m",
    stream=True,
    body=b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}',
)
THINKING = (
    {"type": "thinking", "thinking": "", "signature": ""},
    [{"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "S"}],
)
TEXT = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Yes"}])
TOOL = (
    {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"x"', ":1}")],
)


def openai_client() -> Translation:
    return Translation(openai_chat, anthropic)


def anthropic_client() -> Translation:
    return Translation(anthropic, openai_chat)


def test_a_request_goes_up_in_the_providers_dialect() -> None:
    written = openai_client().write(OPENAI, "claude-sonnet-4-5")
    assert (written.path, written.dropped) == ("/v1/messages", ("seed",))
    assert json.loads(written.body)["stream"] is True
    written = anthropic_client().write(ANTHROPIC, "gpt")
    assert written.path == "/chat/completions"
    assert json.loads(written.body)["stream_options"] == {"include_usage": True}


def test_a_plain_answer_comes_down_in_the_clients_dialect() -> None:
    body = {
        "id": "msg_1",
        "content": [{"type": "text", "text": "Yes"}, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 7, "cache_read_input_tokens": 20, "output_tokens": 9},
    }
    reply = openai_client().parse_reply(OPENAI, json.dumps(body).encode())
    out = json.loads(reply.body)
    assert out["choices"][0]["finish_reason"] == "tool_calls"
    assert out["choices"][0]["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x": 1}'}
    assert out["usage"]["prompt_tokens"] == reply.usage.input == 27


def test_a_stream_for_an_openai_client() -> None:
    stream = openai_client().open_stream(OPENAI)
    out = stream.feed(anthropic_stream(THINKING, TEXT, TOOL, stop="tool_use"))
    chunks = sse_events(out)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "Hm."
    assert "".join(d.get("content") or "" for d in deltas) == "Yes"
    arguments = [c["function"].get("arguments", "") for d in deltas for c in d.get("tool_calls", [])]
    assert arguments == ["", '{"x"', ":1}"]
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"]["prompt_tokens"] == 30
    assert out.count(b"[DONE]") == 1
    assert stream.committed
    assert stream.complete
    assert stream.ended
    assert stream.usage.output == 9


def test_a_stream_for_an_anthropic_client_with_calls_that_interleave() -> None:
    deltas = [{"reasoning_content": "Hm."}, {"content": "Yes"}, call(0, "", "a", "f"), call(1, "", "b", "g")]
    deltas += [call(0, '{"x":{"y":'), call(1, '{"z"'), call(0, "1}}"), call(1, ":2}")]
    stream = anthropic_client().open_stream(ANTHROPIC)
    out = stream.feed(openai_stream(*deltas, finish="tool_calls"))
    blocks = checked_blocks(out)
    assert [(b["type"], b["said"] or b["partial"]) for b in blocks] == [
        ("thinking", "Hm."),
        ("text", "Yes"),
        ("tool_use", '{"x":{"y":1}}'),
        ("tool_use", '{"z":2}'),
    ]
    last = sse_events(out)[-2]
    assert last["delta"]["stop_reason"] == "tool_use"
    assert last["usage"]["input_tokens"] == 10
    assert b"[DONE]" not in out
    assert stream.complete


def test_a_missing_done_is_complete_and_a_break_is_not() -> None:
    stream = anthropic_client().open_stream(ANTHROPIC)
    out = stream.feed(openai_stream({"content": "a"}, done=False))
    assert b"message_stop" not in out
    assert b"message_stop" in stream.finish()
    stream = anthropic_client().open_stream(ANTHROPIC)
    out = stream.feed(openai_stream({"content": "a"}, finish=None, done=False)) + stream.finish()
    assert (stream.complete, b'stop_reason":"' in out) == (False, False)


@pytest.mark.parametrize("client", [openai_client, anthropic_client])
def test_an_error_in_the_middle_is_told_and_nothing_follows(client: Any) -> None:
    opening, sent = (
        (OPENAI, anthropic_stream(TEXT)) if client is openai_client else (ANTHROPIC, openai_stream({"content": "a"}))
    )
    cut = sent.rindex(b"event: message_delta") if client is openai_client else sent.index(b'"finish_reason"')
    head = sent[: sent.rindex(b"\n\n", 0, cut) + 2]
    stream = client().open_stream(opening)
    stream.feed(head + b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n')
    assert stream.error is not None
    assert (stream.complete, stream.ended) == (False, True)
    assert stream.feed(sent) == stream.finish() == b""


def test_errors_are_in_the_clients_dialect() -> None:
    fault = Fault(FaultKind.OVERLOADED, "It broke.")
    assert json.loads(openai_client().render_fault(fault, "r"))["error"]["code"] == "provider_overloaded"
    assert json.loads(anthropic_client().render_fault(fault, "r"))["error"]["type"] == "overloaded_error"
    assert anthropic_client().render_stream_fault(fault, "r").startswith(b"event: error\n")
    assert openai_client().parse_fault(b'{"type":"error","error":{"message":"x"}}').message == "x"
    with pytest.raises(InBandError):
        openai_client().parse_reply(OPENAI, b'{"type":"error","error":{"message":"x"}}')


def test_what_cannot_be_said_is_refused_before_anybody_is_asked() -> None:
    body = OPENAI.body.replace(b'"seed":1', b'"n":2')
    with pytest.raises(FaultError, match="`n`"):
        openai_client().write(ApiRequest(Operation.CHAT, "m", stream=False, body=body), "claude")


def test_a_refusal() -> None:
    stream = openai_client().open_stream(OPENAI)
    chunks = sse_events(stream.feed(anthropic_stream(TEXT, stop="refusal")))
    assert chunks[-2]["choices"][0]["finish_reason"] == "content_filter"


def test_every_recorded_stream_is_whole_for_the_other_client(
    exchanges: list[dict[str, Any]], anthropic_exchanges: list[dict[str, Any]]
) -> None:
    for exchange in exchanges:
        if exchange["path"].endswith("chat/completions") and "stream" in exchange["kinds"]:
            stream = anthropic_client().open_stream(ANTHROPIC)
            out = stream.feed(exchange["resp"].encode()) + stream.finish()
            if stream.complete:
                checked_blocks(out)
                assert out.count(b"event: message_stop") == 1
    for exchange in anthropic_exchanges:
        if "stream" in exchange["kinds"]:
            stream = openai_client().open_stream(OPENAI)
            out = stream.feed(exchange["resp"].encode()) + stream.finish()
            reasons = [c["choices"][0]["finish_reason"] for c in sse_events(out) if c["choices"]]
            assert sum(reason is not None for reason in reasons) == 1
            assert out.count(b"[DONE]") == 1


@given(st.lists(st.integers(1, 1500), max_size=10))
def test_any_chunking_gives_the_same_bytes(cuts: list[int]) -> None:
    sent = anthropic_stream(THINKING, TEXT, TOOL, stop="tool_use")
    at = sorted({0, len(sent), *(min(cut, len(sent)) for cut in cuts)})
    whole, pieces = openai_client().open_stream(OPENAI), openai_client().open_stream(OPENAI)
    out = b"".join(pieces.feed(sent[a:b]) for a, b in pairwise(at))
    assert out + pieces.finish() == whole.feed(sent) + whole.finish()


def test_an_answer_without_an_id_gets_one() -> None:
    answer = b'{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"stop"}'
    for clock, wanted in ((lambda: 1.5, "gen16e360"), (lambda: 0.0, "chatcmpl-0")):
        translation = Translation(openai_chat, ollama, clock)
        assert json.loads(translation.parse_reply(OPENAI, answer).body)["id"] == wanted
        stream = Translation(openai_chat, ollama, clock).open_stream(OPENAI)
        chunks = sse_events(stream.feed(answer + b"\n") + stream.finish())
        assert {chunk["id"] for chunk in chunks} == {wanted}


@pytest.mark.parametrize("levels", [100, 300, 480])
def test_what_is_nested_too_deeply_is_refused(levels: int) -> None:
    schema = b'{"properties":{"a":' * levels + b"{}" + b"}}" * levels
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"response_format":'
    body += b'{"type":"json_schema","json_schema":{"name":"n","schema":%b}}}' % schema
    request = ApiRequest(Operation.CHAT, "m", stream=False, body=body)
    try:
        assert openai_client().write(request, "claude-sonnet-4-5").body
    except FaultError as error:
        assert error.fault.kind is FaultKind.INVALID_REQUEST  # noqa: PT017 - either end is good, nothing else is
        assert levels > 100
