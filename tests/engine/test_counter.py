"""A provider's own counter is asked by whoever speaks its dialect; tests/contract has the whole way."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.chat import ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.engine import counter

ASKED = ApiRequest(Operation.CHAT, "m", stream=False, body=b'{"model":"m","messages":[]}')


@dataclass
class Reply:
    """What the stand-in of a client answers."""

    body: bytes
    status: int = 200
    closed: bool = False

    async def read(self) -> bytes:
        return self.body

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Client:
    """A stand-in for the HTTP client of a provider, which remembers what it sent."""

    reply: Reply | Exception
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    async def post(self, path: str, body: bytes, **how: object) -> Reply:
        self.sent.append((path, body))
        if isinstance(self.reply, TimeoutError):
            await asyncio.Event().wait()
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def candidate(dialect: str, reply: Reply | Exception, *, usable: bool = True) -> Any:
    spec = SimpleNamespace(dialect=dialect, quirks=None)
    provider = SimpleNamespace(spec=spec, usable=usable, client=Client(reply), paths={})
    return SimpleNamespace(provider=provider, model="theirs")


async def test_who_speaks_the_dialect_is_asked_by_its_own_name_for_the_model() -> None:
    other, off = candidate("openai", Reply(b"{}")), candidate("anthropic", Reply(b"{}"), usable=False)
    right = candidate("anthropic", Reply(b'{"input_tokens":7}'))
    assert [await counter.count(ASKED, one, "anthropic") for one in (other, off, right)] == [None, None, 7]
    path, body = right.provider.client.sent[0]
    assert (path, body) == ("/v1/messages/count_tokens", b'{"model":"theirs","messages":[]}')
    assert right.provider.client.reply.closed
    assert other.provider.client.sent == off.provider.client.sent == []


async def test_googles_counter_has_the_model_in_its_path() -> None:
    google = candidate("gemini", Reply(b'{"totalTokens":9}'))
    assert await counter.count(ASKED, google, "gemini") == 9
    assert google.provider.client.sent == [("/v1beta/models/theirs:countTokens", ASKED.body)]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b'{"input_tokens":7}', status=429),
        Reply(b"<html>"),
        Reply(b"[1]"),
        Reply(b'{"input_tokens":"7"}'),
        Reply(b'{"input_tokens":-1}'),
        Reply(b'{"input_tokens":123456789012345678}'),
        FaultError(Fault(FaultKind.UNREACHABLE, "down")),
        TimeoutError(),
    ],
    ids=str,
)
async def test_what_is_no_count_is_none(reply: Reply | Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter, "LIMIT_S", 0.01)
    assert await counter.count(ASKED, candidate("anthropic", reply), "anthropic") is None


async def test_nobody_counts_for_a_dialect_without_a_counter() -> None:
    assert await counter.count(ASKED, candidate("openai", Reply(b"{}")), "openai") is None
