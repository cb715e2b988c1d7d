"""The few answers that the server makes itself, and what it needs of the program for them."""

from dataclasses import replace
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec

from app.dialects import anthropic, openai_models
from app.dialects import anthropic_models as anthropic_list
from app.dialects.dialect import Dialect
from app.domain.chat import Answer, ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.models import ModelInfo
from app.domain.names import nearest
from app.domain.status import Snapshot
from app.domain.usage import UsageSource
from app.engine.accounts import Accounts
from app.engine.attempt import Call
from app.engine.catalogue import ModelPage
from app.engine.stored import Wanted
from app.server.asgi import JSON, Headers
from app.server.gate import Visit

MODEL_PREFIX = "/v1/models/"
TOKEN_SOURCE = b"x-switchtower-token-source"
_SHOWN_CHARS = 100


class Handler(Protocol):
    """Who answers what is meant for a provider: the relay."""

    async def handle(self, call: Call) -> Answer:
        """Answer `call` in its own dialect."""
        ...

    def reject(
        self, fault: Fault, dialect: Dialect, *, request_id: str, client: str, operation: Operation = ...
    ) -> Answer:
        """Refuse a request whose body cannot be read, and account for it."""
        ...


class Facade(Protocol):
    """What the routes need of the program."""

    @property
    def relay(self) -> Handler:
        """Who answers what is meant for a provider."""
        ...

    @property
    def accounts(self) -> Accounts:
        """What was counted."""
        ...

    def models(self) -> ModelPage:
        """Return every model that can be asked for, each behind the id of its provider."""
        ...

    async def lists_ready(self) -> None:
        """Wait shortly for model lists that were never fetched."""
        ...

    async def counted(self, request: ApiRequest, dialect: str) -> tuple[int, UsageSource]:
        """Count the tokens of a request of that dialect, and say who has counted them."""
        ...

    async def stored(self, wanted: Wanted) -> Answer:
        """Ask for a stored response where it is kept.

        Raises:
            FaultError: nobody keeps it, or it could not be asked for.
        """
        ...

    def snapshot(self) -> Snapshot:
        """Return how the program is doing."""
        ...


def health(facade: Facade, visit: Visit) -> Answer:
    """Say that the server answers, and nothing that would tell what it is."""
    return Answer(200, (JSON,), b'{"status":"ok"}')


def status(facade: Facade, visit: Visit) -> Answer:
    """Show the whole program at this moment; the field names of the snapshot are those of the contract."""
    return Answer(200, (JSON,), msgspec.json.encode(facade.snapshot()))


def models(facade: Facade, visit: Visit) -> Answer:
    """List every model that can be asked for."""
    return Answer(200, (JSON,), facade.models().body)


def model(facade: Facade, visit: Visit) -> Answer:
    """Describe one model, called `provider/model` or by its bare name.

    Raises:
        FaultError: MODEL_NOT_FOUND.
    """
    return Answer(
        200, (JSON,), openai_models.render_model(*find_model(facade.models(), visit.path.removeprefix(MODEL_PREFIX)))
    )


def find_model(page: ModelPage, wanted: str) -> tuple[str, ModelInfo]:
    """The owner and the model that is called `provider/model` or by its bare name.

    Raises:
        FaultError: MODEL_NOT_FOUND.
    """
    found = page.find(wanted)
    if found is not None:
        return found
    names = [f"{owner}/{model.id}" if "/" in wanted else model.id for owner, model in page]
    near = nearest(wanted, names)
    remedy = f"Nearest names: {', '.join(near)}." if near else "See GET /v1/models for the names there are."
    message = f"No provider has the model {shown(wanted)!r}."
    raise FaultError(Fault(FaultKind.MODEL_NOT_FOUND, message, remedy=remedy, param="model"))


def anthropic_models(facade: Facade, visit: Visit) -> Answer:
    """List every model that can be asked for, in Anthropic's shape.

    Raises:
        FaultError: INVALID_REQUEST, for a limit or an id that cannot be used.
    """
    asked = dict(parse_qsl(visit.query.decode("latin-1")))
    return Answer(200, (JSON,), anthropic_list.render_models(facade.models(), asked))


def anthropic_model(facade: Facade, visit: Visit) -> Answer:
    """Describe one model in Anthropic's shape.

    Raises:
        FaultError: MODEL_NOT_FOUND.
    """
    return Answer(
        200, (JSON,), anthropic_list.render_model(find_model(facade.models(), visit.path.removeprefix(MODEL_PREFIX))[1])
    )


async def count_tokens(facade: Facade, visit: Visit) -> Answer:
    """Count the tokens of a message that is not sent: nothing is accounted for.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    request = replace(anthropic.parse_request(visit.body), headers=visit.betas)
    headers, tokens = await count(facade, request, anthropic.NAME)
    return Answer(200, headers, anthropic.render_count(tokens))


async def count(facade: Facade, request: ApiRequest, dialect: str) -> tuple[Headers, int]:
    """The tokens of a request, and the headers that say who has counted them."""
    tokens, source = await facade.counted(request, dialect)
    return (JSON, (TOKEN_SOURCE, source.encode())), tokens


def metrics(facade: Facade, visit: Visit) -> Answer:
    """Show the counters as Prometheus text."""
    from app.server.metrics import render  # noqa: PLC0415 - 90 ms, for the few who ask

    content_type, text = render(facade.accounts.tally, facade.snapshot())
    return Answer(200, ((b"content-type", content_type.encode()),), text)


def shown(text: str) -> str:
    """Cut what the client sent to a length that fits into a message."""
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
