"""One row of the catalog as a real provider behind the real relay, with a faulty upstream in the provider's place."""

import base64
import json
import posixpath
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.dialects import openai_chat, openai_completions, openai_embeddings, passthrough
from app.dialects.dialect import Dialect
from app.domain.chat import Answer, Operation
from app.domain.events import Event, RequestFinished
from app.engine.attempt import Call
from app.engine.bus import Bus
from app.engine.fleet import Fleet
from app.engine.guard import Guard
from app.engine.health import Health
from app.engine.provider import Provider
from app.engine.relay import Relay
from app.engine.resilience import Resilience
from app.providers.registry import Registry
from app.providers.spec import ProviderSpec
from app.store.secrets import KeyStore
from app.store.settings import Settings
from faults.upstream import FaultyUpstream

CANARY = "Zq7canaryf00KeyWithoutAnyKnownShapeW9x"
"""The provider's key: it has no prefix by which it could be told for a key, so it has to be known to be hidden."""

CANARIES = (
    CANARY,
    CANARY[::-1],
    base64.b64encode(CANARY.encode()).decode().rstrip("="),
    base64.b64encode(f"Bearer {CANARY}".encode()).decode().rstrip("="),
)
"""The key as it must not be seen anywhere: plain, reversed and in base64."""

AUTH_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization")
MODEL = "vendor/some-model:free"
REQUEST_ID = "req_contract"

DIALECTS: dict[Operation, Dialect] = {
    Operation.CHAT: openai_chat,
    Operation.COMPLETIONS: openai_completions,
    Operation.EMBEDDINGS: openai_embeddings,
} | {whole.operation: whole for whole in passthrough.DIALECTS}
STREAMING = frozenset({Operation.CHAT, Operation.COMPLETIONS})

_ODD = (
    b'  "seed" : 12345678901234567890123,\n  "unknown\\u005ffield": {"keep": [1.0, 1e-7, "\\ud83d\\ude00 \xc3\xa9"]},'
    b'\n  "temperature":0.70, "user" : null'
)
_INPUTS = {
    Operation.CHAT: b'"messages": [ {"role":"user", "content":"model \\"model\\": hello"} ]',
    Operation.COMPLETIONS: b'"prompt": "def f(", "suffix":"  return x"',
    Operation.EMBEDDINGS: b'"input": ["one", "two"], "encoding_format":"float", "dimensions" : 3',
}


def body_of(operation: Operation, model: str, *, stream: bool) -> bytes:
    """A request with odd spacing, escapes, big numbers and fields nobody has heard of."""
    more = b', "stream": true, "stream_options": {"include_usage": true }' if stream else b""
    return b'{ "model" : %b, \n%b,%b%b }\n' % (
        json.dumps(model).encode(),
        _INPUTS.get(operation, b'"input":"x"'),
        _ODD,
        more,
    )


def asks(spec: ProviderSpec) -> list[tuple[Operation, bool]]:
    """Every operation of a row, plain and, where that exists, streamed."""
    offered = [operation for operation in DIALECTS if operation in spec.operations]
    return [(o, False) for o in offered] + [(o, True) for o in offered if o in STREAMING]


@dataclass
class RowRig:
    """`spec` at work: asked through `relay`, answered by `upstream`."""

    spec: ProviderSpec
    upstream: FaultyUpstream
    bus: Bus = field(default_factory=Bus)
    events: list[Event] = field(default_factory=list)

    async def build(self, **more: Any) -> None:
        """Make the provider as the program does: from settings, the registry and a key in the environment."""
        values = {"id": self.spec.id, "kind": self.spec.id, "base_url": self.base_url, "key": "env:CONTRACT_KEY"}
        values |= {"retry": {"base_s": 0.01, "cap_s": 0.01}} | more
        self.settings = Settings.model_validate(
            {"routing": {"max_wait_s": 0.01, "retry_budget_percent": 100}, "providers": [values]}
        )
        keys = KeyStore({"CONTRACT_KEY": CANARY})
        self.fleet = Fleet(Registry.load(lambda: ()), keys, self.bus, lambda name, work: work.close())
        await self.fleet.apply(self.settings)
        self.bus.subscribe(self.events.append)
        self.health = Health(lambda: self.settings.health, lambda: self.fleet.providers)
        routing = lambda: self.settings.routing  # noqa: E731
        means = Resilience(self.fleet, self.health, self.bus, routing, lambda name, work: work.close()).means
        self.relay = Relay(self.bus, lambda: self.fleet.routing, means)

    def _forget(self) -> None:
        provider = self.provider
        provider.guard = Guard(provider.id, provider.name, provider.settings.breaker)

    @property
    def base_path(self) -> str:
        """The path of the row's base URL, or of what it shows as one; `/v1` for a row that says nothing."""
        return urlsplit(self.spec.base_url or self.spec.address).path or "/v1"

    @property
    def base_url(self) -> str:
        """The row's base URL with the faulty upstream in the place of its host."""
        return f"http://127.0.0.1:{self.upstream.port}{self.base_path}"

    @property
    def models_path(self) -> str:
        """Where the row says its model list is, as a server sees it."""
        return posixpath.normpath(self.base_path + self.spec.models_path)

    @property
    def provider(self) -> Provider:
        """The provider under test."""
        return self.fleet.providers[0]

    @property
    def finished(self) -> list[RequestFinished]:
        """The accounts of all requests so far."""
        return [event for event in self.events if isinstance(event, RequestFinished)]

    def call(self, operation: Operation, *, stream: bool = False) -> Call:
        """A client's request for the row's provider by name."""
        body = body_of(operation, f"{self.spec.id}/{MODEL}", stream=stream)
        dialect = DIALECTS[operation]
        return Call(dialect.parse_request(body), dialect, REQUEST_ID, "default")

    async def ask(self, operation: Operation = Operation.CHAT, *, stream: bool = False) -> Answer:
        """Ask the relay, for once: no breaker is open and nothing cools down because of what came before."""
        self._forget()
        return await self.relay.handle(self.call(operation, stream=stream))

    async def read(self, operation: Operation = Operation.CHAT, *, stream: bool = False) -> bytes:
        """Ask the relay and return the whole body, of an error too."""
        return await whole(await self.ask(operation, stream=stream))


async def whole(answer: Answer) -> bytes:
    """The body of an answer, whether it comes at once or as a stream."""
    if answer.stream is None:
        return answer.body
    return b"".join([chunk async for chunk in answer.stream])


def header(answer: Answer, name: str) -> str | None:
    """One header of an answer, None when it is not there; never twice."""
    values = [value.decode() for key, value in answer.headers if key == name.encode()]
    assert len(values) < 2, f"{name} is there {len(values)} times"
    return values[0] if values else None


def error_of(body: bytes) -> dict[str, Any]:
    """What is in the error envelope of the OpenAI dialects, which must be whole and hold nothing else."""
    envelope = json.loads(body)
    assert list(envelope) == ["error"]
    error: dict[str, Any] = envelope["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    return error
