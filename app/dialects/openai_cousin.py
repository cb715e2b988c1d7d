"""OpenAI chat as one provider speaks it: requests written and answers read by its `Quirks`."""

from app.dialects import openai_chat
from app.dialects.openai_chat_quirks import Quirks
from app.dialects.translator import Written
from app.domain.faults import ProviderError
from app.domain.hub import ChatRequest
from app.domain.hub_reply import ChatReply


class Cousin:
    """The provider's side of a translation, for a provider with quirks."""

    NAME: str = openai_chat.NAME

    def __init__(self, quirks: Quirks) -> None:
        """Speak as `quirks` say."""
        self._quirks = quirks

    def write_request(self, request: ChatRequest, model: str) -> Written:
        """Write it for the provider.

        Raises:
            FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
        """
        return openai_chat.write_request(request, model, self._quirks)

    def read_reply(self, body: bytes) -> ChatReply:
        """Read a plain answer.

        Raises:
            InBandError: it is an error. FaultError: BAD_REPLY.
        """
        return openai_chat.read_reply(body, think_tags=self._quirks.think_tags)

    def event_reader(self) -> openai_chat.EventReader:
        """Begin to read a stream."""
        return openai_chat.EventReader(think_tags=self._quirks.think_tags)

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read a provider's error body of any shape; never raises."""
        return openai_chat.parse_fault(body)
