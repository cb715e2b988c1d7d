"""A fake runtime: what windows and tray call, without network, disk and keyring; it notes what it was asked."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.domain.events import ProviderHealthChanged, ProvidersChanged
from app.domain.secret import Secret
from app.domain.status import BreakerState, HealthState, ProviderStatus, Snapshot
from app.domain.usage import Grouping, UsageRow
from app.engine.bus import Bus
from app.engine.trial import Trial
from app.providers.registry import Registry


def provider(provider_id: str, state: HealthState = HealthState.HEALTHY, **others: Any) -> ProviderStatus:
    """A provider in that state, with an id of the user's own."""
    values: dict[str, Any] = {"kind": "openai-compatible", "name": "OpenAI-compatible", "enabled": True, "priority": 1}
    return ProviderStatus(provider_id, state=state, **(values | others))


TWO = (provider("alpha", latency_ms=212.4), provider("beta", latency_ms=48.0))


class FakeRuntime:
    """Fake: answers from memory; `calls` is what it was asked, `error` what the next command raises."""

    def __init__(self, providers: tuple[ProviderStatus, ...] = TWO, **others: Any) -> None:
        self.bus = Bus()
        self.registry = Registry.load(list)
        self.calls: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        self.local_token: Secret | None = Secret("sk-local-0123456789abcdef0123")
        self.test_answer = ""
        self.trial_models = {"alpha": "small"}
        self.trial_answer, self.trial_problem = "Hello!", ""
        self.rows: dict[Grouping, list[UsageRow]] = {}
        self.tasks: set[asyncio.Task[Any]] = set()
        self.state = Snapshot("0.1.0", 1.0, "http://127.0.0.1:8484/v1", offline=False, providers=providers)
        self.state = replace(self.state, **others)

    # -- what the tests do with it

    def change(self, **values: Any) -> None:
        """Change the snapshot and say so on the bus."""
        self.state = replace(self.state, **values)
        self.bus.publish(ProvidersChanged())

    def change_provider(self, provider_id: str, **values: Any) -> None:
        """Change one provider and say so on the bus."""
        found = tuple(replace(p, **values) if p.id == provider_id else p for p in self.state.providers)
        self.state = replace(self.state, providers=found)
        self.bus.publish(ProviderHealthChanged(next(p for p in found if p.id == provider_id)))

    async def settle(self) -> None:
        """Wait until every command has ended."""
        while self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    # -- what the windows call

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def snapshot(self) -> Snapshot:
        return self.state

    def watch_closely(self, on: bool) -> None:
        self._note("watch_closely", on)

    def token(self) -> Secret | None:
        return self.local_token

    async def enable_provider(self, provider_id: str, enabled: bool) -> None:
        self._note("enable_provider", provider_id, enabled)
        state = HealthState.UNKNOWN if enabled else HealthState.DISABLED
        self.change_provider(provider_id, enabled=enabled, state=state)

    def trial_model(self, provider_id: str) -> str:
        return self.trial_models.get(provider_id, "")

    async def send_trial(self, provider_id: str, model: str) -> Trial:
        self._note("send_trial", provider_id, model)
        return Trial(provider_id, model, self.trial_answer, self.trial_problem, 321.0, 9, 3)

    async def force_provider(self, provider_id: str) -> None:
        self._note("force_provider", provider_id)
        self.change(forced_provider=provider_id)

    async def add_provider(
        self, kind: str, *, provider_id: str = "", base_url: str = "", key: Secret | None = None
    ) -> str:
        self._note("add_provider", kind, base_url, key)
        added = provider(provider_id or kind, HealthState.UNKNOWN, kind=kind, name=self.registry.get(kind).name)
        self.change(providers=(*self.state.providers, added))
        return added.id

    async def remove_provider(self, provider_id: str) -> None:
        self._note("remove_provider", provider_id)
        self.change(providers=tuple(p for p in self.state.providers if p.id != provider_id))

    async def set_key(self, provider_id: str, key: Secret) -> None:
        self._note("set_key", provider_id, key)

    async def test_provider(self, provider_id: str) -> ProviderStatus:
        self._note("test_provider", provider_id)
        self.change_provider(provider_id, checked_at=datetime.now(UTC))
        return next(p for p in self.state.providers if p.id == provider_id)

    async def try_now(self, provider_id: str) -> ProviderStatus:
        self._note("try_now", provider_id)
        self.change_provider(provider_id, cooling_until=None, breaker=BreakerState.CLOSED)
        return next(p for p in self.state.providers if p.id == provider_id)

    async def test_new(self, kind: str, base_url: str, key: Secret | None) -> str:
        self._note("test_new", kind, base_url, key)
        return self.test_answer

    async def usage(self, since: datetime, by: Grouping) -> list[UsageRow]:
        self._note("usage", since, by)
        return self.rows.get(by, [])
