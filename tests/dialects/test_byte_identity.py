"""Same dialect on both sides: every recorded request and answer passes byte for byte, but for the model's name.

What is expected is made without the code under test: the same spelling of the same request with another model in it.
`pytest tests/dialects/test_byte_identity.py` prints how many there are; each request goes through five spellings.
"""

import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from app.dialects import anthropic, gemini, ollama, openai_chat, openai_completions, openai_embeddings, responses
from app.domain.faults import FaultError, InBandError
from dialects import recorded
from dialects.recorded import Exchange

PASSED = (openai_chat, openai_completions, openai_embeddings, responses, anthropic, gemini, ollama)
"""The dialects in which a provider can be asked as the client asked."""

OTHER = "another/model-1"

Dump = Callable[[Any], str]
SPELLINGS: dict[str, Dump] = {
    "compact": lambda value: json.dumps(value, separators=(",", ":")),
    "spaced": json.dumps,
    "raw unicode": lambda value: json.dumps(value, ensure_ascii=False),
    "indented": lambda value: json.dumps(value, indent=2),
    "carriage returns": lambda value: f"\r\n\t{json.dumps(value, indent=1)}\r\n".replace("\n", "\r\n"),
}

ODDITIES: dict[str, str] = {
    "escapes in keys and values": '"\\u0061\\ud83d\\ude00\\/":"\\u00e9\\u0000\\/\\"\\\\ {\\u007d"',
    "lone surrogates": '"cut":"\\ud83d","other":"\\ude00x"',
    "numbers beyond a float": '"huge":1e400,"tiny":-1E-400,"small":[-0,-0.0,1.10,1E+2,0.1e-7]',
    "30 digits": '"seed":123456789012345678901234567890,"also":[-987654321098765432109876543210.5]',
    "thousands of digits": f'"long":{"7" * 5000}',
    "the same key twice": '"twice":1,"twice":{"model":"inner"},"twice":2',
    "models within": '"metadata":{"model":"inner","x":[{"model":"in a list"},"\\"model\\":\\"in a text\\""]}',
    "unknown fields": '"__new__":{"a":[null,true,{"":{}}]},"":0',
    "everything": '"\\ud83d":1e999,"b":{"b":1,"b":1e999},"c":"\\u2028\\u2029\u2028"',
}


def requests() -> list[Any]:
    """Every recorded request of these dialects, of editors and agents as well as of SDKs."""
    found = [(e.name, e.dialect, e.path, e.sent) for e in recorded.exchanges() if e.dialect in PASSED]
    found += [request for request in recorded.client_requests() if request[1] in PASSED]
    params = [pytest.param(*case[1:], id=case[0]) for case in found]
    return params or [pytest.param(None, "", {}, marks=pytest.mark.skip(reason=recorded.MISSING))]


def with_odd(text: str, odd: str, *, front: bool) -> str:
    """The object with more members, in front of all others or behind them."""
    at = text.index("{") + 1 if front else text.rindex("}")
    return f"{text[:at]}{odd},{text[at:]}" if front else f"{text[:at].rstrip()},{odd}{text[at:]}"


def check(dialect: ModuleType, path: str, sent: dict[str, Any], spell: Callable[[dict[str, Any]], bytes]) -> None:
    """The provider gets `sent` as it is spelled, with its own name for the model."""
    body = spell(sent)
    request = recorded.parser(dialect, path)(body)
    for name in (request.model, OTHER):
        expected = spell({**sent, "model": name} if "model" in sent else sent)
        built: bytes = dialect.build_request(request, name)
        assert without_wish(built, expected) == expected


def without_wish(built: bytes, expected: bytes) -> bytes:
    """Take the wish for usage out again, which a stream of OpenAI's gets when its client has none."""
    if built == expected:
        return built
    for wish in (b',"stream_options":{"include_usage":true}', b',"include_usage":true', b'"include_usage":true'):
        at = built.find(wish)
        if at >= 0 and len(built) == len(expected) + len(wish):
            return built[:at] + built[at + len(wish) :]
    return built


@pytest.mark.parametrize(("dialect", "path", "sent"), requests())
def test_requests(dialect: ModuleType, path: str, sent: dict[str, Any]) -> None:
    for dump in SPELLINGS.values():
        check(dialect, path, sent, lambda value, dump=dump: dump(value).encode())


@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
@pytest.mark.parametrize("dialect", PASSED, ids=recorded.short)
def test_odd_requests(dialect: ModuleType, odd: str) -> None:
    found = {(e.dialect, e.path): e.sent for e in recorded.exchanges() if e.dialect is dialect}
    found |= {(d, path): sent for _, d, path, sent in recorded.client_requests() if d is dialect}
    assert found or not recorded.exchanges()
    for (_, path), sent in list(found.items())[:12]:
        for dump in SPELLINGS.values():
            for front in (True, False):

                def spell(value: Any, dump: Dump = dump, front: bool = front) -> bytes:
                    return with_odd(dump(value), odd, front=front).encode()

                check(dialect, path, sent, spell)


@pytest.mark.parametrize("dialect", [d for d in PASSED if d is not gemini], ids=recorded.short)
def test_a_model_that_is_named_twice_is_replaced_twice(dialect: ModuleType) -> None:
    body = b'{"model":"a","messages":[],"prompt":"x","input":"x","mod\\u0065l" : "b"}'
    request = dialect.parse_request(body)
    assert request.model == "b"
    assert dialect.build_request(request, "c") == body.replace(b'"a"', b'"c"').replace(b'"b"', b'"c"')


@pytest.mark.parametrize("exchange", recorded.cases(e for e in recorded.exchanges() if e.dialect in PASSED))
def test_answers(exchange: Exchange) -> None:
    request = request_of(exchange)
    if exchange.streamed:
        check_stream(exchange)
        return
    try:
        reply = exchange.dialect.parse_reply(request, exchange.resp)
    except (InBandError, FaultError):
        assert exchange.status != 200 or b"TOOL_CALL" in exchange.resp, "an error, or a call that nobody can run"
        return
    assert reply.body == exchange.resp or converted(exchange) or renamed(exchange, exchange.resp, reply.body)


def renamed(exchange: Exchange, body: bytes, out: bytes) -> bool:
    """Whether only the model's name is another: Claude Code insists on the one that it asked for."""
    found = re.finditer(rb'"model": ?"([^"]+)"', body) if exchange.dialect is anthropic else ()
    asked = exchange.model.encode()
    return any(body[: name.start(1)] + asked + body[name.end(1) :] == out for name in found)


def converted(exchange: Exchange) -> bool:
    """Whether it holds vectors in another encoding than was asked for, which are converted."""
    if exchange.dialect is not openai_embeddings:
        return False
    first = json.loads(exchange.resp)["data"][0]["embedding"]
    return isinstance(first, str) is not (exchange.sent.get("encoding_format") == "base64")


def request_of(exchange: Exchange) -> Any:
    """The exchange's request, as a client sends it that wants to see usage."""
    sent = exchange.sent
    if exchange.streamed and exchange.dialect in (openai_chat, openai_completions):
        sent = sent | {"stream": True, "stream_options": {"include_usage": True}}
    return recorded.parser(exchange.dialect, exchange.path)(json.dumps(sent).encode())


def check_stream(exchange: Exchange) -> None:
    """A stream passes whole, however it is cut; one that breaks passes up to there."""
    for size in (len(exchange.resp), 997, 13):
        reader = exchange.dialect.open_stream(request_of(exchange))
        reads = [exchange.resp[at : at + size] for at in range(0, len(exchange.resp), size)]
        out = b"".join([reader.feed(read) for read in reads]) + reader.finish()
        if reader.error is not None:
            assert exchange.resp.startswith(out) or chunks_of(exchange.resp)[: len(chunks_of(out))] == chunks_of(out)
            assert b"error" in exchange.resp
        else:
            assert reader.complete
            assert out == exchange.resp or mended(exchange, out) or renamed(exchange, exchange.resp, out)


def mended(exchange: Exchange, out: bytes) -> bool:
    """Whether only the second finish reason is taken out that OpenRouter sends, or a missing end mark is added."""
    twice = exchange.resp.count(b'"finish_reason":"') > 1
    return out == exchange.resp + b"data: [DONE]\n\n" or (twice and chunks_of(out) == chunks_of(exchange.resp))


def chunks_of(stream: bytes) -> list[Any]:
    """Every chunk of a stream without its finish reasons."""
    events = [line for line in stream.splitlines() if line.startswith(b"data:") and b"[DONE]" not in line]
    chunks = [json.loads(line[5:]) for line in events]
    for chunk in chunks:
        for choice in chunk.get("choices", []):
            choice.pop("finish_reason", None)
    return chunks


@pytest.mark.parametrize("dialect", PASSED, ids=recorded.short)
@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
def test_odd_answers(dialect: ModuleType, odd: str) -> None:
    plain = [e for e in recorded.exchanges() if e.dialect is dialect and e.status == 200 and not e.streamed]
    for exchange in plain[:12]:
        body = with_odd(exchange.resp.decode(), odd, front=False).encode()
        reply = dialect.parse_reply(request_of(exchange), body)
        assert reply.body == body or converted(exchange) or renamed(exchange, body, reply.body)
    streams = [e for e in recorded.exchanges() if e.dialect is dialect and e.streamed]
    for exchange in streams[:4]:
        lines = exchange.resp.split(b"\n")
        body = b"\n".join(
            with_odd(line.decode(), odd, front=False).encode() if line.startswith(b"data: {") else line
            for line in lines
        )
        reader = dialect.open_stream(request_of(exchange))
        out = reader.feed(body) + reader.finish()
        assert out == body or renamed(exchange, body, out)
