"""What the OpenAI dialects share: reading requests, building the provider's, reading plain answers."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import openai
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import FaultError, FaultKind, InBandError

NEEDS = openai.Needs(Operation.CHAT, "messages", b"[", "Send a list.")


def read(body: bytes) -> ApiRequest:
    return openai.read_request(body, NEEDS)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "has no body"),
        (b" \n", None, "has no body"),
        (b"hello", None, "not a valid JSON object: line 1, column 1"),
        (b'{"model":\n "a",}', None, "line 2, column 6"),
        (b"[]", None, "not an object"),
        (b"\xff\xfe", None, "not a valid JSON object"),
        (b'{"model":"a","x":' + b"[" * 100_000, None, "nested too deeply"),
        (b"{}", "model", "names no `model`"),
        (b'{"model":null,"messages":[]}', "model", "names no `model`"),
        (b'{"model":3,"messages":[]}', "model", "not a string"),
        (b'{"model":" ","messages":[]}', "model", "empty"),
        (b'{"model":"\\ud83d","messages":[]}', "model", "not plain text"),
        (b'{"model":"a\\r\\nset-cookie: b","messages":[]}', "model", "not plain text"),
        (b'{"model":"' + b"x" * 513 + b'","messages":[]}', "model", "longer than 512 characters"),
        (b'{"model":"m\xff","messages":[]}', None, "byte 12 is not UTF-8"),
        (b'{"model":"m","messages":[],"user":"\xff"}', None, "byte 36 is not UTF-8"),
        (b'{"\xff":1,"model":"m","messages":[]}', None, "byte 3 is not UTF-8"),
        (b'{"model":' + b"9" * 5000 + b',"messages":[]}', "model", "not a string"),
        (b'{"model":"m","messages":[],"stream":' + b"9" * 5000 + b"}", "stream", "not a boolean"),
        (b'{"model":"a"}', "messages", "has no `messages`"),
        (b'{"model":"a","messages":null}', "messages", "has no `messages`"),
        (b'{"model":"a","messages":"hi"}', "messages", "wrong type"),
        (b'{"model":"a","messages":[],"stream":1}', "stream", "not a boolean"),
        (b'{"model":"a","messages":[],"stream":"true"}', "stream", "not a boolean"),
    ],
)
def test_bad_requests_say_what_and_the_remedy(body: bytes, param: str | None, words: str) -> None:
    with pytest.raises(FaultError, match=words) as caught:
        read(body)
    fault = caught.value.fault
    assert (fault.kind, fault.param, fault.status) == (FaultKind.INVALID_REQUEST, param, 400)
    assert fault.remedy


@pytest.mark.parametrize(
    ("extra", "stream", "wants_usage", "affinity"),
    [
        ({}, False, True, ""),
        ({"stream": None, "stream_options": None}, False, True, ""),
        ({"stream": False, "prompt_cache_key": "k"}, False, True, "k"),
        ({"stream": True}, True, False, ""),
        ({"stream": True, "stream_options": {"include_usage": True}, "session_id": "s"}, True, True, "s"),
        ({"stream": True, "stream_options": {"include_usage": False}, "prompt_cache_key": 3}, True, False, ""),
        ({"stream": True, "stream_options": {}, "prompt_cache_key": "cut \ud83d"}, True, False, "cut ?"),
        ({"stream": True, "stream_options": "strange"}, True, True, ""),
    ],
)
def test_what_routing_needs_is_read(extra: dict[str, Any], stream: bool, wants_usage: bool, affinity: str) -> None:
    request = read(json.dumps({"model": "a", "messages": [], **extra}).encode())
    assert (request.model, request.stream, request.wants_usage, request.affinity) == (
        "a",
        stream,
        wants_usage,
        affinity,
    )


def test_the_last_of_two_models_counts_and_both_are_replaced() -> None:
    request = read(b'{"model":"a","messages":[{"model":"x"}],"model":"b"}')
    assert request.model == "b"
    assert openai.build_body(request, "c") == b'{"model":"c","messages":[{"model":"x"}],"model":"c"}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a","messages":[]}', b'{"model":"B","messages":[]}'),
        (b'{"messages":[], "model" : "a" }', b'{"messages":[], "model" : "B" }'),
        (b'{"mo\\u0064el":"a","messages":[]}', b'{"mo\\u0064el":"B","messages":[]}'),
        (
            b'{"messages":[{"content":"\\"model\\":\\"a\\""}],"tools":[{"model":"a"}],"model":"a"}',
            b'{"messages":[{"content":"\\"model\\":\\"a\\""}],"tools":[{"model":"a"}],"model":"B"}',
        ),
        (
            b'{"model":"a","messages":[],"stream":true}\n',
            b'{"model":"B","messages":[],"stream":true,"stream_options":{"include_usage":true}}\n',
        ),
        (
            b'{"model":"a","stream_options":null,"messages":[],"stream":true}',
            b'{"model":"B","stream_options":{"include_usage":true},"messages":[],"stream":true}',
        ),
        (
            b'{"model":"a","stream_options": {"include_usage" : false,"x":1},"messages":[],"stream":true}',
            b'{"model":"B","stream_options": {"include_usage" : true,"x":1},"messages":[],"stream":true}',
        ),
        (
            b'{"model":"a","stream_options":{"x":1},"messages":[],"stream":true}',
            b'{"model":"B","stream_options":{"x":1,"include_usage":true},"messages":[],"stream":true}',
        ),
        (
            b'{"model":"a","stream_options":{"include_usage":true},"messages":[],"stream":true}',
            b'{"model":"B","stream_options":{"include_usage":true},"messages":[],"stream":true}',
        ),
        (
            b'{"model":"a","stream_options":"strange","messages":[],"stream":true}',
            b'{"model":"B","stream_options":"strange","messages":[],"stream":true}',
        ),
    ],
)
def test_build(body: bytes, expected: bytes) -> None:
    assert openai.build_body(read(body), "B") == expected


def test_the_same_model_leaves_the_very_same_bytes() -> None:
    request = read(b'{"model":"\\u0061","messages":[]}')
    assert openai.build_body(request, "a") is request.body


def test_a_request_made_without_members_is_built_too() -> None:
    request = ApiRequest(Operation.CHAT, "a", stream=False, body=b'{"messages":[],"model":"a"}')
    assert openai.build_body(request, "é/b") == '{"messages":[],"model":"é/b"}'.encode()


VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=6) | st.just("model"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "stream", "stream_options", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["a", "tools", "metadata", '"model":', "n"]), VALUES, max_size=4),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.booleans(),
)
def test_the_body_is_equal_but_for_model_and_usage(
    extra: dict[str, Any], indent: int | None, stream: bool, ascii_only: bool
) -> None:
    sent = {"tools": [{"model": 1}], "model": "old/näme", "messages": [], "stream": stream, **extra}
    body = json.dumps(sent, indent=indent, ensure_ascii=ascii_only).encode()
    built = openai.build_body(read(body), 'new "model"')
    expected = {**sent, "model": 'new "model"'}
    if stream:
        expected["stream_options"] = {"include_usage": True}
    assert json.loads(built) == expected
    undone = built.replace(b',"stream_options":{"include_usage":true}', b"") if stream else built
    old = json.dumps("old/näme", ensure_ascii=ascii_only).encode()
    assert undone.replace(b'"new \\"model\\""', old) == body


@given(st.binary(max_size=80))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    for use in (read, openai.plain_reply, lambda data: openai.read_reply(data, "data")):
        with contextlib.suppress(FaultError, InBandError):
            use(body)


def test_every_client_request_passes_byte_for_byte(client_requests: list[dict[str, Any]]) -> None:
    seen = 0
    for sent in client_requests:
        key = {"/v1/chat/completions": "messages", "/v1/completions": "prompt", "/v1/embeddings": "input"}.get(
            sent["path"]
        )
        if key is None:
            continue
        needs = openai.Needs(Operation.CHAT, key, b'["', "x", streams=key != "input")
        for dumped in (json.dumps(sent["body"]), json.dumps(sent["body"], indent=1, ensure_ascii=False)):
            body = dumped.encode()
            request = openai.read_request(body, needs)
            built = openai.build_body(request, "provider-model")
            if request.stream and not request.wants_usage:
                assert json.loads(built)["stream_options"] == {"include_usage": True}
                built = built.replace(b',"stream_options":{"include_usage":true}', b"")
            start, end = request.members["model"][0]
            assert built == body[:start] + b'"provider-model"' + body[end:]
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "answered with nothing"),
        (b"<html>", "answered with an HTML page"),
        (b'{"choices":', "not valid JSON"),
        (b"[1]", "JSON that is not an object"),
        (b"3", "JSON that is not an object"),
        (b'{"id":"x"}', "without a list `choices`"),
        (b'{"choices":{}}', "without a list `choices`"),
        (b'{"choices":[ ]}', "without any choice"),
    ],
)
def test_a_reply_that_is_none_is_a_fault(body: bytes, words: str) -> None:
    with pytest.raises(FaultError, match=words) as caught:
        openai.plain_reply(body)
    assert caught.value.fault.kind is FaultKind.BAD_REPLY


@pytest.mark.parametrize(
    ("body", "message", "status"),
    [
        (b'{"error":{"message":"down","code":503}}', "down", 503),
        (b'{"error":"down"}', "down", None),
        (b'[{"error":{"message":"down","code":503}}]', "down", 503),
        (b'{"detail":"down"}', "down", None),
        (b'{"choices":[{"error":{"code":502,"message":"down"},"message":{}}]}', "down", 502),
        (b'{"error":{"message":"down"},"choices":[{}]}', "down", None),
    ],
)
def test_an_error_with_a_good_status_is_seen(body: bytes, message: str, status: int | None) -> None:
    with pytest.raises(InBandError) as caught:
        openai.plain_reply(body)
    assert (caught.value.error.message, caught.value.error.status) == (message, status)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":null,"choices":[{"message":{"content":"a"},"error":null}]}',
        b'\n   {"choices":[{"message":{"content":"\\ud83d"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
    ],
)
def test_a_good_reply_keeps_its_bytes(body: bytes) -> None:
    assert openai.plain_reply(body).body is body


@pytest.mark.parametrize(("n", "choices"), [("3", 3), ("0", 1), ('"x"', 1), ("null", 1), ("true", 1)])
def test_choices_asked(n: str, choices: int) -> None:
    request = ApiRequest(Operation.CHAT, "a", stream=True, body=b'{"n":%s}' % n.encode())
    assert openai.choices_asked(request) == choices
