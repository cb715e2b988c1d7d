"""What a dialect must be able to do to be translated to and from the hub, as module functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.hub import ChatRequest
from app.domain.hub_reply import ChatReply, StreamEvent


@dataclass(frozen=True, slots=True)
class Written:
    """A request in a provider's dialect: `path` below the base URL (with its query), JSON `body`, and what was dropped.

    `dropped` names the fields of the client's request that this dialect cannot express and that may be left out.
    """

    path: str
    body: bytes
    dropped: tuple[str, ...] = ()


class EventReader(Protocol):
    """Turns a provider's bytes into hub events."""

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """Take the next bytes; a half event is kept until its rest comes.

        A malformed event becomes `Failed`. Raises FaultError TOO_LARGE above 1 MiB per event.
        """
        ...

    def finish(self) -> Sequence[StreamEvent]:
        """Take the end of the bytes; `Ended` is among the events only where the dialect says it was complete."""
        ...


class EventWriter(Protocol):
    """Turns hub events into a client's stream: one open block at a time, every opened block closed, one finish."""

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events; a call that comes while another block is open waits for its turn."""
        ...


class Translator(Protocol):
    """The hub side of a dialect."""

    NAME: str
    """As `ProviderSpec.dialect` and `ChatRequest.origin` spell it."""

    def read_request(self, body: bytes) -> ChatRequest:
        """Read a client's request whole.

        Raises:
            FaultError: INVALID_REQUEST, naming the field.
        """
        ...

    def write_request(self, request: ChatRequest, model: str) -> Written:
        """Write it for a provider.

        Raises:
            FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
        """
        ...

    def read_reply(self, body: bytes) -> ChatReply:
        """Read a provider's plain answer.

        Raises:
            InBandError: it is an error. FaultError: BAD_REPLY.
        """
        ...

    def write_reply(self, reply: ChatReply, request: ChatRequest) -> bytes:
        """Write it for the client that sent `request`."""
        ...

    def event_reader(self) -> EventReader:
        """Begin to read a provider's stream."""
        ...

    def event_writer(self, request: ChatRequest) -> EventWriter:
        """Begin to write the stream for the client that sent `request`."""
        ...
