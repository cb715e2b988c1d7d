"""Settle finished requests after their answer has gone out: tokens, cost, budgets, counters, and the ledger's row."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from app.domain.events import Event, RequestFinished
from app.domain.faults import FaultError
from app.domain.history import Spending
from app.domain.status import ProviderStatus
from app.domain.usage import NO_COST, UNKNOWN_COST, Cost, PriceSource, Usage
from app.engine import collector, prices
from app.engine.alerts import Alerts
from app.engine.budgets import Budgets
from app.engine.bus import Bus
from app.engine.own_prices import OwnPrice, no_price
from app.engine.provider import Provider
from app.engine.router import Routing
from app.engine.tally import Tally
from app.engine.tokenizer import NO_TOKENIZER
from app.engine.tokens import Uncounted, count
from app.engine.unexpected import Unexpected
from app.store.ledger_rows import spent_nothing, usage_is_unknown
from app.store.settings import Budget


class Book(Protocol):
    """Where settled requests are kept: the ledger."""

    @property
    def readable(self) -> bool:
        """Whether what was last asked of it could be answered."""
        ...

    def record(self, event: RequestFinished, cost: Cost = UNKNOWN_COST) -> None:
        """Keep one request."""
        ...

    async def spent(self, since: datetime) -> list[Spending]:
        """What was spent since then."""
        ...


class Accounts:
    """Listens to the bus; what it works out is in `tally`, `budgets`, the providers' counters and the book."""

    def __init__(self, bus: Bus, book: Book, routing: Callable[[], Routing], own_price: OwnPrice = no_price) -> None:
        """`routing` gives the providers in force now, `own_price` the user's own prices."""
        self.tokenizer = NO_TOKENIZER
        self.tally = Tally()
        self.budgets = Budgets()
        self.alerts = Alerts(bus, self._status)
        self._book = book
        self._routing = routing
        self._own_price = own_price
        self._known: dict[str, Provider] = {}
        self._known_of: Routing | None = None
        self._waiting: list[RequestFinished] = []
        self._uncounted: deque[RequestFinished] = deque()
        self._counting = asyncio.Lock()
        self._to_count = asyncio.Event()
        self._begun = asyncio.Event()
        self._ready = self._planned = self._unread = False
        self._drawn = 0

    def hear(self, event: Event) -> None:
        """Listen on the bus; a request is settled in the loop's next round, or when the prices are there."""
        if not isinstance(event, RequestFinished):
            self.alerts.hear(event)
            return
        self._waiting.append(event)
        if not self._planned:
            self._planned = True
            self._begun.set()
            if self._ready:
                asyncio.get_running_loop().call_soon(self.settle)

    async def run(self) -> None:
        """Load the price list when the first request is over, and settle what has waited for it; then count tokens.

        An idle program does without: the list takes 6 MB at least.
        """
        await self._begun.wait()
        try:
            await asyncio.to_thread(prices.load)
            collector.leave_out_too()
        finally:
            self._ready = True
            self.settle()
        while True:
            await self._to_count.wait()
            self._to_count.clear()
            await self._count()

    async def watch(self, budgets: tuple[Budget, ...]) -> None:
        """Put the budgets of the settings in force; the first ones wait for prices and for what was spent so far."""
        watched = self.budgets.watching
        self.budgets.apply(budgets)
        if self.budgets.watching and not watched:
            self._unread = True
            await asyncio.to_thread(prices.load)
            await self._read()

    async def look(self) -> None:
        """Called about once a second."""
        self.alerts.look()
        if self._unread:
            await self._read()

    async def _read(self) -> None:
        """Take over what the book says was spent; later once more if it cannot be read, or was written to meanwhile."""
        drawn = self._drawn
        spent = await self._book.spent(self.budgets.first_moment())
        if self._book.readable:
            self._unread = drawn != self._drawn
            self.budgets.load(spent)

    async def settled(self) -> None:
        """Return when everything heard so far is settled."""
        if self._waiting:
            await asyncio.to_thread(prices.load)
            self.settle()
        await self._count()

    def settle(self) -> None:
        """Settle everything whose tokens are known; where prices are missing, the cost is unknown."""
        self._planned = False
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            if event.estimate is None:
                self._settle(event)
            else:
                self._uncounted.append(event)
                self._to_count.set()

    def close(self) -> None:
        """Settle all that is left, what is not counted by an estimate, and end the counting."""
        self.settle()
        while self._uncounted:
            event = self._uncounted.popleft()
            usage = event.usage
            with suppress(FaultError), Unexpected(event.request_id, "tokens"):
                usage = event.estimate() if event.estimate else event.usage
            self._settle_counted(event, usage)
        self.tokenizer.close()

    async def _count(self) -> None:
        """Count the tokens of what waits for it, and settle it."""
        async with self._counting:
            while self._uncounted:
                event = self._uncounted[0]
                usage = event.usage
                with suppress(FaultError), Unexpected(event.request_id, "tokens"):
                    if isinstance(event.estimate, Uncounted):
                        usage = await count(event.estimate, self._model(event), self.tokenizer)
                    else:
                        usage = event.estimate() if event.estimate else event.usage
                self._uncounted.popleft()
                self._settle_counted(event, usage)

    def _settle_counted(self, event: RequestFinished, usage: Usage) -> None:
        """Settle a request whose provider did not count all of this `usage`; the provider's counters get it too."""
        provider = self._provider(event.provider)
        if provider is not None:
            provider.counters.input_tokens += (usage.input or 0) - (event.usage.input or 0)
            provider.counters.output_tokens += (usage.output or 0) - (event.usage.output or 0)
        self._settle(replace(event, usage=usage, estimate=None))

    def _settle(self, event: RequestFinished) -> None:
        provider = self._provider(event.provider)
        cost = self._cost(event, provider)
        cost_usd = cost.usd
        self._book.record(event, cost)
        self.tally.add(event, cost_usd)
        if provider is None:
            return
        counters = provider.counters
        counters.unknown_usage += usage_is_unknown(event)
        if cost_usd is None:
            counters.unknown_cost += 1
            return
        counters.cost_usd = (counters.cost_usd or 0.0) + cost_usd
        if self.budgets.watching and cost_usd:
            self._drawn += 1
            for alert in self.budgets.spend(event.provider, event.client, cost_usd):
                self.alerts.tell(alert)

    def _cost(self, event: RequestFinished, provider: Provider | None) -> Cost:
        """By the user's own price, else as the provider says, else by the list; what nobody worked at costs nothing."""
        if spent_nothing(event):
            return NO_COST
        if provider is None:
            return UNKNOWN_COST
        own = self._own_price(provider.id, event.provider_model)
        if own is not None:
            usd = own.of(event.usage)
            return UNKNOWN_COST if usd is None else Cost(usd, PriceSource.OWN)
        if event.usage.charged_usd is not None:
            return Cost(event.usage.charged_usd, PriceSource.PROVIDER)
        return prices.cost(event.usage, provider.settings.kind, self._model(event), event.started_at)

    def _model(self, event: RequestFinished) -> str:
        """The model that answered, as price lists know it."""
        provider = self._provider(event.provider)
        return event.provider_model if provider is None else provider.catalogue.real_name(event.provider_model)

    def _status(self, provider_id: str) -> ProviderStatus | None:
        """How a provider in force is."""
        provider = self._provider(provider_id)
        return None if provider is None else provider.status()

    def _provider(self, provider_id: str) -> Provider | None:
        """The provider in force that answered, or failed last."""
        routing = self._routing()
        if routing is not self._known_of:
            self._known = {provider.id: provider for provider in routing.providers}
            self._known_of = routing
        return self._known.get(provider_id)
