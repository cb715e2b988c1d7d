"""What every dialect can do: the protocols that the dialect modules and their stream readers fulfil."""

from typing import Protocol

from app.domain.chat import ApiRequest, Reply
from app.domain.faults import Fault, ProviderError
from app.domain.usage import Usage


class StreamReader(Protocol):
    """Reads along one provider's event stream and says which of its bytes may be forwarded.

    `committed` turns true with the first content event, `complete` with the dialect's own end mark, and `error` is set
    by an in-band error event or an event that is not what the dialect allows. `usage` is the best known so far.
    `ended` is true once nothing more will be returned, after the last event or an error: reading on is pointless.
    """

    committed: bool
    complete: bool
    ended: bool
    error: ProviderError | None
    usage: Usage

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes from the provider and return the whole events to forward, byte for byte.

        A half event is kept until its rest comes. Nothing at or after an error event is returned.

        Raises:
            FaultError: TOO_LARGE, when one event exceeds 1 MiB.
        """
        ...

    def finish(self) -> bytes:
        """Take the end of the stream; return what is still to be forwarded (such as a missing end mark)."""
        ...


class Dialect(Protocol):
    """A translator without state between bytes and the domain; each dialect is a module with these names."""

    NAME: str
    """The wire format it belongs to, as `ProviderSpec.dialect` spells it; the same one passes through untranslated."""

    PATH: str
    """The path below a provider's base URL; `{model}` in it is the model's name there."""

    STREAM_PATH: str
    """The same for a stream."""

    KEEPALIVE: bytes
    """What may be sent into a silent stream."""

    def parse_request(self, body: bytes) -> ApiRequest:
        """Read what routing needs from a client's body.

        Raises:
            FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks what the operation needs.
        """
        ...

    def build_request(self, request: ApiRequest, model: str) -> bytes:
        """Make the provider's body, with `model` as the provider calls it."""
        ...

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Read a plain answer.

        Raises:
            InBandError: the body is an error object in spite of its status.
            FaultError: BAD_REPLY, when it is not what the dialect allows.
        """
        ...

    def open_stream(self, request: ApiRequest) -> StreamReader:
        """Start reading along an event stream."""
        ...

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read a provider's error body of any shape; never raises."""
        ...

    def render_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the error envelope of the dialect."""
        ...

    def render_stream_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the in-band error event that ends a broken stream."""
        ...
