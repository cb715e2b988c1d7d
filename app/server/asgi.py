"""The shapes of ASGI that the server uses, and how answers of our own become ASGI messages."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from app.domain.chat import Answer
from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.unexpected import Unexpected

if TYPE_CHECKING:
    from app.dialects.dialect import Dialect

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
NO_STORE: tuple[bytes, bytes] = (b"cache-control", b"no-store")
SAFE_HEADERS: Headers = ((b"x-content-type-options", b"nosniff"), NO_STORE)
"""On every answer: browsers neither guess a type nor keep a copy."""

SHUTTING_DOWN = Fault(
    FaultKind.SHUTTING_DOWN, "The proxy is shutting down.", remedy="Send the request again once it has started."
)

_CACHE_CONTROL = b"cache-control"
_NO_CONTENT = 204


def fault_headers(fault: Fault) -> Headers:
    """What an error of our own says besides its body: its type, whether and when to try again."""
    headers = [JSON]
    if not fault.policy.should_retry:
        headers.append((b"x-should-retry", b"false"))
    if fault.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(fault.retry_after_s))))
    headers.extend((name.encode("ascii"), value.encode("latin-1")) for name, value in fault.headers)
    return tuple(headers)


def fault_answer(fault: Fault, dialect: "Dialect", request_id: str) -> Answer:
    """The error envelope of `dialect`, with `request_id` in its header unless it is empty."""
    headers = fault_headers(fault)
    if request_id:
        headers = (*headers, (b"x-request-id", request_id.encode("ascii")))
    return Answer(fault.status, headers, dialect.render_fault(fault, request_id))


def start_message(answer: Answer, more: Headers = ()) -> Message:
    """The message that opens `answer`, made safe, with `more` headers and the length of a plain body."""
    headers = [SAFE_HEADERS[0], *answer.headers, *more]
    if not any(name == _CACHE_CONTROL for name, _ in answer.headers):
        headers.append(NO_STORE)
    if answer.stream is None and answer.status != _NO_CONTENT:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def send_plain(send: Send, answer: Answer, more: Headers = ()) -> None:
    """Send an answer that has its whole body."""
    await send(start_message(answer, more))
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def send_stream(send: Send, start: Message, stream: AsyncIterator[bytes], request_id: str) -> Fault | None:
    """Send chunk by chunk, but not the end; return what has ended the stream before it was over, None if nothing has.

    The first chunk is asked for before anything is sent: a generator that has not begun could not clean up after
    itself.
    """
    pending: Message | None = start
    fault: Fault | None = None
    try:
        with Unexpected(request_id, "stream"):
            async for chunk in stream:
                if pending is not None:
                    await send(pending)
                    pending = None
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except asyncio.CancelledError:
        fault = SHUTTING_DOWN
    except FaultError as error:
        fault = error.fault
    finally:
        await _close(stream)
    if pending is not None:
        await send(pending)
    return fault


async def _close(stream: AsyncIterator[bytes]) -> None:
    """Close a generator; other iterators have nothing to close."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()
