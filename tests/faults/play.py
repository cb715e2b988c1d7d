"""One scripted behaviour of the faulty upstream: what it answers, how far it gets and how it ends."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Then(StrEnum):
    """What follows when `Play.after` is reached (or before any byte when `Play.head` is false)."""

    END = "end"  # the answer goes on to its proper end
    HANG = "hang"  # nothing more, the connection stays open
    CLOSE = "close"  # FIN in the middle: truncated for chunked and content-length, silent for Framing.EOF
    RESET = "reset"  # RST in the middle
    ERROR_EVENT = "error event"  # an in-band error, then a proper end of the transport, no [DONE]
    MALFORMED_EVENT = "malformed event"  # an event that is not JSON, then the rest
    COMMENTS = "comments"  # comment lines for ever, one each `pace_s`
    DRIP = "drip"  # one byte of a never ending event each `pace_s`
    ENDLESS = "endless"  # a line (or a body) without end, as fast as it is read
    NO_DONE = "no done"  # the last content, a finish reason, then the end without [DONE]
    NO_FINISH = "no finish"  # the content so far, then a proper end of the transport without finish reason or [DONE]
    EXTRA = "extra"  # the proper end, then bytes nobody asked for


class Framing(StrEnum):
    """How the end of a body is marked; None in a play means content-length for plain answers, chunked for streams."""

    CHUNKED = "chunked"
    LENGTH = "content-length"
    EOF = "eof"
    BOTH = "content-length and chunked"


@dataclass(frozen=True, slots=True)
class Play:
    """A behaviour for one request.

    `after` counts the content events sent before `then` happens: 0 is after the role event and before any content, -1
    is after the head and before any event. A plain answer gets half of its body out before `then`. `body` None stands
    for the invented answer; `events` replace the invented events. `raw` is sent instead of everything else; `prefix`
    before the status line. `error` is what an error event holds. `wait`: nothing is sent before `upstream.release()`.
    """

    name: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    events: tuple[bytes, ...] | None = None
    after: int | None = None
    then: Then = Then.END
    head: bool = True
    framing: Framing | None = None
    prefix: bytes = b""
    raw: bytes | None = None
    pace_s: float = 0.0
    error: bytes = b'{"error":{"message":"The server had an error.","type":"server_error","param":null,"code":null}}'
    wait: bool = False

    def __str__(self) -> str:
        """The name, for test ids."""
        return self.name

    def but(self, **changes: object) -> "Play":
        """The same with `changes`, such as `after=7`."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the field names are checked by replace itself
