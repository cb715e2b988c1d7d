"""Amazon's event stream: what botocore reads in it is read here too, however it is cut, and damage is told."""

import base64
import itertools
import json
import struct
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import anthropic
from app.dialects.aws_events import EventStream, UnpackedReader
from app.domain.chat import ApiRequest, Operation
from app.domain.faults import FaultError, FaultKind
from contract.anthropic_upstream import events
from contract.clouds import framed, packed

ANSWER = [json.dumps(event).encode() for event in events("Hel", "l\u00f6", "\U0001f600")]
STREAM = b"".join(map(packed, ANSWER))


def message(headers: bytes, payload: bytes) -> bytes:
    """A message with headers that were spelled by hand."""
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack("!I", zlib.crc32(head))


def test_our_messages_are_what_botocore_reads() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(STREAM)
    read = [json.loads(each.payload)["bytes"] for each in buffer]
    assert [base64.b64decode(each) for each in read] == ANSWER


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_however_it_is_cut_the_same_events_come(cuts: list[int]) -> None:
    stream = EventStream()
    edges = [0, *sorted(cuts), len(STREAM)]
    out = b"".join(stream.feed(STREAM[start:end]) for start, end in itertools.pairwise(edges))
    assert out == b"".join(b"event: %b\ndata: %b\n\n" % (json.loads(e)["type"].encode(), e) for e in ANSWER)
    assert not stream.broken


def error_in(out: bytes) -> dict[str, Any]:
    name, data = out.decode().rstrip("\n").split("\n")
    assert name == "event: error"
    told: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert told["type"] == "error"
    error: dict[str, Any] = told["error"]
    return error


@pytest.mark.parametrize(
    ("headers", "payload", "kind", "text"),
    [
        (
            {":message-type": "exception", ":exception-type": "throttlingException"},
            b'{"message":"Too many tokens."}',
            "throttlingexception",
            "Too many tokens.",
        ),
        (
            {":message-type": "exception", ":exception-type": "modelStreamErrorException"},
            b'{"originalStatusCode":500,"originalMessage":"Oh."}',
            "modelstreamerrorexception",
            "Oh.",
        ),
        (
            {":message-type": "exception"},
            b"",
            "api_error",
            "The provider ended its answer with api_error.",
        ),
        (
            {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Broken."},
            b"no json",
            "internalfailure",
            "Broken.",
        ),
    ],
)
def test_exceptions_are_error_events(headers: dict[str, str], payload: bytes, kind: str, text: str) -> None:
    error = error_in(EventStream().feed(framed(payload, headers)))
    assert error == {"type": kind, "message": text}


def test_headers_of_every_type_are_passed_over() -> None:
    values = {0: b"", 1: b"", 2: b"1", 3: b"12", 4: b"1234", 5: b"8" * 8, 6: b"\0\3abc", 8: b"8" * 8, 9: b"9" * 16}
    headers = b"".join(b"\x01h" + bytes([kind]) + value for kind, value in values.items())
    name = b":message-type"
    headers += bytes([len(name)]) + name + b"\x07\x00\x05event"
    inner = json.dumps({"bytes": base64.b64encode(ANSWER[0]).decode()}).encode()
    assert ANSWER[0] in EventStream().feed(message(headers, inner))


def test_a_message_without_an_event_is_a_sign_of_life() -> None:
    assert EventStream().feed(framed(b'{"p":"abc"}', {":event-type": "ping"})) == b": \n\n"


@pytest.mark.parametrize(
    "broken",
    [
        b"<html>no stream at all</html>",
        STREAM[:20] + b"X" + STREAM[21:],
        message(b"\x05abc", b"{}"),
        message(b"\x01a\x0a\x00\x01x", b"{}"),
        message(b"\x01a\x07\x00\x01\xff", b"{}"),
        framed(b"no json", {}),
        framed(b"[]", {}),
        framed(b'{"bytes":"?"}', {}),
        framed(b'{"bytes":"e30"}', {}),
        framed('{"bytes":"é"}'.encode(), {}),
        framed(rb'{"bytes":"\ud800"}', {}),
        packed(b"{half"),
        struct.pack("!II", 12, 0) + struct.pack("!I", zlib.crc32(struct.pack("!II", 12, 0))),
    ],
)
def test_damage_is_told_once_and_nothing_is_read_behind_it(broken: bytes) -> None:
    stream = EventStream()
    assert error_in(stream.feed(broken))["type"] == FaultKind.MALFORMED_EVENT
    assert stream.broken
    assert stream.feed(STREAM) == b""


@pytest.mark.parametrize("kind", ["\\ud800", "a\\nb", "a\\n\\ndata: {}", "", "x" * 65])
def test_what_is_no_name_names_no_event(kind: str) -> None:
    event = b'{"type":"%b"}' % kind.encode()
    assert EventStream().feed(packed(event)) == b"data: " + event + b"\n\n"


def test_a_message_that_is_too_large_is_not_waited_for() -> None:
    prelude = struct.pack("!II", 2 * 1024 * 1024, 0)
    with pytest.raises(FaultError) as caught:
        EventStream().feed(prelude + struct.pack("!I", zlib.crc32(prelude)))
    assert caught.value.fault.kind is FaultKind.TOO_LARGE


def test_a_reader_behind_it_knows_everything() -> None:
    reader = UnpackedReader(anthropic.open_stream(ApiRequest(Operation.CHAT, "m", stream=True, body=b"{}")))
    assert (reader.committed, reader.complete, reader.ended, reader.error) == (False, False, False, None)
    assert reader.feed(STREAM[:5]) == b""
    out = reader.feed(STREAM[5:])
    assert out.count(b"event: ") == len(ANSWER)
    assert reader.finish() == b""
    assert (reader.committed, reader.complete, reader.usage.output) == (True, True, 7)


def test_a_stream_that_breaks_off_is_not_complete() -> None:
    reader = UnpackedReader(anthropic.open_stream(ApiRequest(Operation.CHAT, "m", stream=True, body=b"{}")))
    reader.feed(b"".join(map(packed, ANSWER[:4])) + STREAM[:40])
    reader.finish()
    assert reader.committed
    assert not reader.complete
