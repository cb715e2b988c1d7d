"""Two dialects of embeddings joined: the request goes up in the provider's, the vectors come down in the client's."""

from typing import NoReturn, Protocol

from app.dialects import json_edit
from app.dialects.dialect import Dialect, StreamReader
from app.dialects.fields import refuse
from app.dialects.translator import Written
from app.domain.chat import ApiRequest, Reply
from app.domain.embedding import EmbedReply, EmbedRequest
from app.domain.faults import Fault, FaultError, FaultKind, ProviderError


class EmbedClient(Dialect, Protocol):
    """A dialect of embeddings in front."""

    def read_texts(self, body: bytes) -> EmbedRequest:
        """Read a client's request whole.

        Raises:
            FaultError: INVALID_REQUEST, naming the field.
        """
        ...

    def write_vectors(self, reply: EmbedReply, request: EmbedRequest) -> bytes:
        """Write the vectors for the client that sent `request`."""
        ...


class EmbedProvider(Protocol):
    """A dialect of embeddings behind."""

    def write_texts(self, request: EmbedRequest, model: str) -> Written:
        """Write the request for a provider; what it cannot say is named in `dropped`."""
        ...

    def read_vectors(self, body: bytes) -> EmbedReply:
        """Read a provider's answer.

        Raises:
            InBandError: it is an error. FaultError: BAD_REPLY.
        """
        ...

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read a provider's error body of any shape; never raises."""
        ...


class EmbedTranslation:
    """One request for vectors on its way between two dialects."""

    def __init__(self, client: EmbedClient, provider: EmbedProvider) -> None:
        """Translate what `client` writes into what `provider` reads, and back."""
        self._client = client
        self._provider = provider
        self._read: EmbedRequest | None = None
        self.KEEPALIVE = client.KEEPALIVE

    def _request(self, request: ApiRequest) -> EmbedRequest:
        """The client's request in the hub language, read once."""
        if self._read is None:
            self._read = self._client.read_texts(request.body)
        return self._read

    def write(self, request: ApiRequest, model: str) -> Written:
        """Write the request for the provider.

        Raises:
            FaultError: INVALID_REQUEST, naming what cannot be expressed.
        """
        return self._provider.write_texts(self._request(request), model)

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Read the provider's vectors and write them in the client's dialect.

        Raises:
            InBandError: it is an error. FaultError: BAD_REPLY, also when a text has no vector.
        """
        reply, asked = self._provider.read_vectors(body), self._request(request)
        if len(reply.vectors) != len(asked.texts):
            raise bad_vectors(f"{len(reply.vectors)} vectors for {len(asked.texts)} texts")
        return Reply(self._client.write_vectors(reply, asked), reply.usage)

    def open_stream(self, request: ApiRequest) -> StreamReader:
        """Embeddings have no streams, and no client's request says so.

        Raises:
            FaultError: INVALID_REQUEST, always.
        """
        no_stream()

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read the provider's error body."""
        return self._provider.parse_fault(body)

    def render_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the client's error envelope."""
        return self._client.render_fault(fault, request_id)

    def render_stream_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the client's error event, which only the protocol asks for."""
        return self._client.render_stream_fault(fault, request_id)


def no_stream() -> NoReturn:
    """Refuse a stream.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    refuse("Embeddings cannot be streamed.", "Leave `stream` out.", "stream")


def bad_vectors(what: str) -> FaultError:
    """Make the error for an answer without the vectors that were asked for."""
    remedy = "Check that the model makes embeddings; if it does, the provider has a problem."
    return FaultError(Fault(FaultKind.BAD_REPLY, f"The provider answered with {what}.", remedy))


def written(path: str, body: object, *dropped: str) -> Written:
    """Make what goes to the provider."""
    return Written(path, json_edit.dumps(body), tuple(dict.fromkeys(dropped)))
