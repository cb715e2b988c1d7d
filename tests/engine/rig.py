"""A relay over two faulty upstreams, with everything real but the server in front."""

import json
from dataclasses import dataclass, field
from typing import Any

from app.dialects import openai_chat, openai_completions, openai_embeddings
from app.domain.chat import Answer, Operation
from app.domain.events import Event, RequestFinished
from app.domain.models import Alias
from app.domain.secret import Secret
from app.engine.attempt import Call
from app.engine.bus import Bus
from app.engine.outage import Outage
from app.engine.provider import Provider
from app.engine.pursuit import Means
from app.engine.relay import Relay
from app.engine.retries import Retries
from app.engine.router import Routing
from app.net.client import Credential
from app.providers.registry import Registry
from app.store.settings import Provider as ProviderSettings
from app.store.settings import Routing as RoutingSettings

DIALECTS = {
    Operation.CHAT: openai_chat,
    Operation.COMPLETIONS: openai_completions,
    Operation.EMBEDDINGS: openai_embeddings,
}
BODIES: dict[Operation, dict[str, Any]] = {
    Operation.CHAT: {"messages": [{"role": "user", "content": "hello"}]},
    Operation.COMPLETIONS: {"prompt": "hello"},
    Operation.EMBEDDINGS: {"input": "hello"},
}


def make_provider(bus: Bus, provider_id: str, base_url: str, **settings: Any) -> Provider:
    kind = settings.get("kind", "openai-compatible")
    values = {"id": provider_id, "kind": kind, "base_url": base_url, "retry": {"base_s": 0.01}}
    spec = Registry.load(lambda: ()).get(kind)
    key = Credential("authorization", "Bearer ", Secret(f"sk-{provider_id}-0123456789abcdef"))
    return Provider(ProviderSettings.model_validate(values | settings), spec, key, bus)


@dataclass
class Rig:
    bus: Bus
    providers: list[Provider]
    aliases: dict[str, Alias] = field(default_factory=dict)
    forced: str = ""
    settings: RoutingSettings = field(default_factory=lambda: RoutingSettings(max_wait_s=0.05))
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.refreshed: list[Provider] = []
        self.asked: list[Provider] = []
        self.told: list[bool] = []
        self.outage = Outage(lambda: self.providers, self.asked.append, self.told.append)
        self.retries = Retries(lambda: self.settings.retry_budget_percent)
        self.means = Means(lambda: self.settings, self.retries, self.outage, self.refreshed.append)
        self.relay = Relay(self.bus, self.routing, self.means)
        for provider in self.providers:
            provider.contact = self.outage.contact
        self.bus.subscribe(self.events.append)

    def routing(self) -> Routing:
        return Routing(tuple(self.providers), self.aliases, self.forced)

    def call(self, model: str = "demo", operation: Operation = Operation.CHAT, **more: Any) -> Call:
        dialect = DIALECTS[operation]
        body = json.dumps({"model": model} | BODIES[operation] | more).encode()
        return Call(dialect.parse_request(body), dialect, "req_test", "default")

    async def ask(self, model: str = "demo", operation: Operation = Operation.CHAT, **more: Any) -> Answer:
        return await self.relay.handle(self.call(model, operation, **more))

    @property
    def finished(self) -> list[RequestFinished]:
        return [event for event in self.events if isinstance(event, RequestFinished)]


async def read(answer: Answer) -> bytes:
    assert answer.stream is not None
    return b"".join([chunk async for chunk in answer.stream])
