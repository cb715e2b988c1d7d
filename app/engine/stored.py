"""Ask for a stored response where it is kept: read it, read its input, delete it, cancel it."""

import re
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from app.dialects import responses
from app.domain.chat import Answer, Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.kept import Kept
from app.engine.provider import Provider
from app.net.client import UpstreamReply
from app.net.faults import fault_from_error, fault_from_status

VERBS = frozenset({("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")})
"""What can be asked for, behind the id."""

_OK = 200
_NOT_FOUND = 404
_ERROR_BODY_BYTES = 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_JSON = (b"content-type", b"application/json")
_EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request: `verb` is the path behind the response's id, `query` the query string that goes along."""

    method: str
    response_id: str
    verb: str = ""
    query: str = ""
    request_id: str = ""


async def ask(wanted: Wanted, providers: Iterable[Provider], kept: Kept) -> Answer:
    """Ask the provider that keeps the response; one that is not known any more is looked for, provider by provider.

    Raises:
        FaultError: NOT_FOUND, when nobody keeps it; whatever stood in the way of asking the one who does.
    """
    if not _ID.fullmatch(wanted.response_id):
        raise FaultError(_nobody(wanted))
    able = [one for one in providers if Operation.RESPONSES in one.spec.operations and one.usable]
    keeper = kept.provider_of(wanted.response_id)
    able.sort(key=lambda one: (one.id != keeper, one.settings.priority))
    trouble: FaultError | None = None
    for provider in able[:1] if keeper and able and able[0].id == keeper else able:
        try:
            answer = await _ask_one(wanted, provider)
        except FaultError as error:
            shown = provider.failed(error.fault)
            trouble = trouble or FaultError(shown)
            continue
        if answer is not None:
            kept.keep((wanted.response_id,), provider.id)
            if wanted.method == "DELETE":
                kept.forget(wanted.response_id)
            return answer
    raise trouble or FaultError(_nobody(wanted))


async def _ask_one(wanted: Wanted, provider: Provider) -> Answer | None:
    """What this provider answers, None when it does not know the response.

    Raises:
        FaultError: it could not be asked, or refused.
    """
    provider.begin()
    reply: UpstreamReply | None = None
    try:
        reply = await _send(wanted, provider)
        if reply.status == _OK and reply.headers.get("content-type", "").startswith(_EVENTS):
            stream, reply = _forward(reply, provider, wanted.request_id), None
            return Answer(
                _OK, (*_told(provider), (b"content-type", b"text/event-stream; charset=utf-8")), stream=stream
            )
        if reply.status == _OK:
            return Answer(_OK, (*_told(provider), _JSON), await reply.read())
        if reply.status == _NOT_FOUND:
            return None
        error = responses.parse_fault(await reply.read(_ERROR_BODY_BYTES))
        raise FaultError(fault_from_status(provider.name, reply.status, reply.headers, error, time.time()))
    finally:
        if reply is not None:
            await reply.aclose()
        provider.end()


async def _send(wanted: Wanted, provider: Provider) -> UpstreamReply:
    path = f"{responses.PATH}/{wanted.response_id}{wanted.verb}"
    if provider.paths:
        path = provider.path(Operation.RESPONSES, path, "", stream=False)
    if wanted.query:
        path += ("&" if "?" in path else "?") + wanted.query
    if wanted.method == "POST":
        return await provider.client.post(path, b"", stream=False)
    return await (provider.client.delete(path) if wanted.method == "DELETE" else provider.client.get(path))


async def _forward(reply: UpstreamReply, provider: Provider, request_id: str) -> AsyncIterator[bytes]:
    """Pass a stored stream on; one that breaks off ends with an error event."""
    provider.begin()
    reader = responses.open_stream(None)
    try:
        while not reader.ended and (data := await reply.chunk()):
            yield reader.feed(data)
        if reader.error is not None:
            raise FaultError(fault_from_error(provider.name, reader.error))
        if not reader.complete:
            message = f"{provider.name} broke the stream off before its end."
            raise FaultError(Fault(FaultKind.TRUNCATED, message, "Send the request again.", provider.id))
    except FaultError as error:
        yield responses.render_stream_fault(provider.failed(error.fault), request_id)
    finally:
        await reply.aclose()
        provider.end()


def _told(provider: Provider) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"x-switchtower-provider", provider.id.encode()),)


def _nobody(wanted: Wanted) -> Fault:
    return Fault(
        FaultKind.NOT_FOUND,
        f"No provider keeps a response {wanted.response_id[:80]!r}.",
        remedy="Only answers of providers with the Responses API are kept, unless they were made with `store: false`.",
    )
