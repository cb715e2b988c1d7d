"""What a provider turned out to speak: its row says what the documentation does, and models differ."""

from app.dialects import responses
from app.domain.chat import ApiRequest, Operation
from app.providers.spec import ProviderSpec

_LACKING = (404, 405, 501)
"""What a provider says that has no such path, or not for this model."""
_ONLY = (400, 404)
_ELSEWHERE = b"v1/responses"
"""What OpenAI's refusal of a chat names when the model answers in Responses only."""
_MOST = 1000


class Spoken:
    """Learned from refusals, by model, and forgotten with the program."""

    __slots__ = ("_spec", "lacking", "only")

    def __init__(self, spec: ProviderSpec) -> None:
        """Believe the row."""
        self._spec = spec
        self.lacking: set[str] = set()
        """The models that its Responses API does not have."""
        self.only: set[str] = set()
        """The models that answer in Responses only."""

    def learn(self, joined: object, request: ApiRequest, model: str, refusal: tuple[int, bytes]) -> bool:
        """Look at a refusal, its status and body; true when the model is to be asked once more, in another dialect.

        `joined` is what was between client and provider: `responses` itself where the client passed through in it.
        """
        status, body = refusal
        if request.operation is not Operation.CHAT or Operation.RESPONSES not in self._spec.operations:
            return False
        if joined is responses:
            return self._spec.dialect != responses.NAME and status in _LACKING and _add(self.lacking, model)
        elsewhere = self._spec.dialect_of(model) != responses.NAME and status in _ONLY and _ELSEWHERE in body
        return elsewhere and _add(self.only, model)


def _add(known: set[str], model: str) -> bool:
    """Note a model; false when it was known, so that nobody is asked a third time."""
    if model in known or len(known) >= _MOST:
        return False
    known.add(model)
    return True
