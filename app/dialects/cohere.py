"""Cohere's chat, `POST /v2/chat`, and its embeddings: for providers only, no client speaks it here."""

from app.dialects.cohere_events import EventReader
from app.dialects.cohere_messages import NAME
from app.dialects.cohere_reply import read_reply
from app.dialects.cohere_write import PATH, write_request
from app.dialects.openai_errors import parse_error
from app.domain.faults import ProviderError

__all__ = ["NAME", "PATH", "EventReader", "event_reader", "parse_fault", "read_reply", "write_request"]


def event_reader() -> EventReader:
    """Begin to read a provider's stream."""
    return EventReader()


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body, `{"message": …}`; never raises."""
    return parse_error(body)
