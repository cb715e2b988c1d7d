"""No log line, error or printed object shows a provider's key, whatever the row and whatever goes wrong."""

import base64
import logging
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from app.domain.chat import Answer, Operation
from app.domain.secret import Secret
from app.providers.spec import Auth
from contract.row_rig import CANARIES, CANARY, RowRig, asks, whole
from faults import plays
from faults.play import Play


def telltales(key: str) -> tuple[Play, ...]:
    """Providers that repeat the key in what they refuse, in every place where they could."""
    base64_key = base64.b64encode(key.encode()).decode()
    text = f"The key {key} ({key[::-1]}) is not to my taste; was it {base64_key}?"
    away = (("location", f"https://sign-in.example/{key}?key={key}"),)
    event = b'{"error":{"message":"%b","type":"server_error","param":null,"code":null}}' % text.encode()
    return (
        plays.error(400, text, "bad_thing", param=key),
        plays.error(401, text, "invalid_api_key"),
        plays.error(403, text, key, key),
        plays.error(429, text, "rate_limit_exceeded", "requests", x_ratelimit_limit_requests="60"),
        plays.error(500, text, None, "server_error"),
        Play("401 text", status=401, headers=(("content-type", "text/plain"),), body=text.encode()),
        Play("200 with an error that tells", body=b'{"error":{"message":"%b","code":500}}' % text.encode()),
        Play("302 that tells", status=302, headers=away, body=b""),
        Play("garbage that tells", raw=f"{text}\r\n\r\n".encode()),
        plays.ERROR_FIRST.but(error=event),
        plays.ERROR_LATER.but(error=event),
    )


FAILURES = (plays.OK, plays.TRUNCATED_CHUNKED, plays.DISCONNECT, plays.BAD_GZIP)


def said(answer: Answer, body: bytes) -> str:
    """All of an answer that a client sees."""
    return "\n".join([*(f"{name!r}: {value!r}" for name, value in answer.headers), body.decode()])


def leaks(text: str) -> list[str]:
    """The spellings of the key in `text`, whatever the case of its letters."""
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


async def everything(rig: RowRig) -> list[str]:
    """Ask for everything with every failure, the model list too; return what clients and windows are shown."""
    shown: list[str] = []
    key = "no-key-at-all" if rig.spec.auth is Auth.NONE else CANARY
    for play in (*FAILURES, *telltales(key)):
        rig.upstream.script(play)
        rig.upstream.script_get(play if play.status != 200 or play.raw else plays.OK)
        for operation, stream in asks(rig.spec):
            answer = await rig.ask(operation, stream=stream)
            shown += [said(answer, await whole(answer)), repr(answer), repr(rig.provider.status())]
        await rig.health.probe(rig.provider)
        shown.append(repr(rig.provider.status()))
    rig.upstream.kill()
    shown.append(said(answer := await rig.ask(Operation.CHAT), answer.body))
    return shown


async def test_no_failure_shows_the_key_to_anybody(rig: RowRig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        shown = await everything(rig)
    assert len(caplog.records) > len(FAILURES)
    formatter = logging.Formatter("%(name)s %(message)s")
    for record in caplog.records:
        assert leaks(formatter.format(record) + repr(vars(record))) == []
    if rig.spec.auth is not Auth.NONE:
        assert CANARY in "".join(value for request in rig.upstream.requests for _, value in request.headers)
    assert {canary for text in shown for canary in leaks(text)} == set()
    assert {canary for event in rig.events for canary in leaks(repr(event))} == set()


_DEAD_ENDS = (str, bytes, int, float, type, ModuleType, FunctionType, MethodType, logging.Logger)


def parts_of(thing: Any) -> Iterator[Any]:
    """What an object of ours is made of; a secret keeps its value to itself."""
    if isinstance(thing, Secret):
        return
    if isinstance(thing, dict):
        yield from (*thing.keys(), *thing.values())
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif type(thing).__module__.startswith("app."):
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        yield from vars(thing).values() if hasattr(thing, "__dict__") else ()
        yield from (getattr(thing, name) for name in slots if hasattr(thing, name))


def reachable(*roots: Any) -> Iterator[Any]:
    """Everything that can be reached from `roots` through objects of ours and containers."""
    seen: set[int] = set()
    waiting: list[Any] = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        if not isinstance(thing, _DEAD_ENDS):
            waiting += parts_of(thing)


async def test_nothing_that_is_kept_shows_the_key_when_it_is_printed(rig: RowRig) -> None:
    for operation, stream in asks(rig.spec):
        await rig.read(operation, stream=stream)
    rig.upstream.script(plays.STALL)
    running = await rig.ask(Operation.CHAT, stream=True)
    assert running.stream is not None
    await anext(running.stream)
    things = list(reachable(rig.provider, rig.fleet.routing, rig.relay, rig.health, rig.bus, rig.events))
    secrets = [thing for thing in things if isinstance(thing, Secret)]
    assert len(things) > 100
    assert bool(secrets) is (rig.spec.auth is not Auth.NONE)
    for thing in things:
        assert leaks(repr(thing)) == [], type(thing)
        if not isinstance(thing, _DEAD_ENDS):
            assert leaks(str(thing)) == [], type(thing)
    await running.stream.aclose()
