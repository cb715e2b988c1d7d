"""What becomes of a finished request: its cost, its row, the counters, the budgets and the alerts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.chat import Operation
from app.domain.events import AlertKind, AlertRaised, Attempted, RequestFinished
from app.domain.history import Spending
from app.domain.models import ModelInfo
from app.domain.usage import NO_USAGE, UNKNOWN_COST, Cost, PriceSource, Usage, UsageSource
from app.engine import prices
from app.engine.accounts import Accounts
from app.engine.bus import Bus
from app.engine.prices import Price
from app.engine.provider import Provider
from app.engine.router import Routing
from app.providers.registry import Registry
from app.store.settings import Budget
from app.store.settings import Provider as ProviderSettings

USAGE = Usage(1_000_000, output=0, source=UsageSource.PROVIDER)  # a quarter of a dollar at gpt-5-mini


class Book:
    def __init__(self) -> None:
        self.rows: list[tuple[RequestFinished, float | None]] = []
        self.sources: list[PriceSource] = []
        self.readable = True
        self.before: list[Spending] = []
        self.asked = 0
        self.reading = asyncio.Event()
        self.reading.set()

    def record(self, event: RequestFinished, cost: Cost = UNKNOWN_COST) -> None:
        self.rows.append((event, cost.usd))
        self.sources.append(cost.source)

    async def spent(self, since: datetime) -> list[Spending]:
        self.asked += 1
        await self.reading.wait()
        return self.before


class Desk:
    def __init__(self) -> None:
        self.bus = Bus()
        self.book = Book()
        self.raised: list[AlertRaised] = []
        self.bus.subscribe(lambda e: self.raised.append(e) if isinstance(e, AlertRaised) else None)
        spec = Registry.load(lambda: ()).get("openai")
        self.provider = Provider(ProviderSettings(id="openai", kind="openai"), spec, None, self.bus)
        self.accounts = Accounts(self.bus, self.book, lambda: Routing((self.provider,)))

    async def finish(self, **changes: object) -> tuple[RequestFinished, float | None]:
        values = {
            "model": "gpt-5-mini", "client": "default", "stream": False, "provider": "openai",
            "provider_model": "gpt-5-mini", "usage": USAGE,
        }  # fmt: skip
        self.accounts.hear(RequestFinished("r", datetime.now(UTC), Operation.CHAT, **(values | changes)))
        while not self.book.rows:
            await asyncio.sleep(0)
        return self.book.rows.pop()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.accounts.run())
        yield desk
        running.cancel()


async def test_a_request_is_settled_with_its_cost(desk: Desk) -> None:
    event, cost_usd = await desk.finish()
    assert cost_usd == pytest.approx(0.25)
    assert event.usage == USAGE
    assert desk.provider.status().cost_usd == pytest.approx(0.25)
    assert desk.accounts.tally.series["openai", "gpt-5-mini", "default"].cost_usd == pytest.approx(0.25)
    await desk.finish()
    assert desk.provider.status().cost_usd == pytest.approx(0.5)


async def test_a_name_of_the_users_own_costs_what_the_model_behind_it_does(desk: Desk) -> None:
    desk.provider.catalogue.replace((ModelInfo("mine", base="gpt-5-mini"), ModelInfo("other")))
    assert (await desk.finish(provider_model="mine"))[1] == pytest.approx(0.25)
    assert (await desk.finish(provider_model="other"))[1] is None


async def test_requests_wait_for_the_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_list", None)
    desk = Desk()
    values = {"model": "gpt-5-mini", "client": "c", "stream": False, "provider": "openai", "usage": USAGE}
    event = RequestFinished("r", datetime.now(UTC), Operation.CHAT, provider_model="gpt-5-mini", **values)
    desk.accounts.hear(event)
    await asyncio.sleep(0)
    assert desk.book.rows == []
    await desk.accounts.settled()
    assert desk.book.rows == [(event, pytest.approx(0.25))]


async def test_the_user_s_own_price_goes_before_the_list_in_costs_and_budgets() -> None:
    own = {("openai", "gpt-5-mini"): Price(2e-6, 0.0), ("openai", "nobody-knows-this"): Price(1e-6, 0.0)}
    desk = Desk()
    desk.accounts = Accounts(
        desk.bus, desk.book, lambda: Routing((desk.provider,)), lambda provider_id, model: own.get((provider_id, model))
    )
    await desk.accounts.watch((Budget(usd_per_day=0.5),))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.accounts.run())
        usage = Usage(1_000_000, output=10)
        assert (await desk.finish(usage=usage))[1] == pytest.approx(2.0)
        assert (await desk.finish(usage=usage, provider_model="nobody-knows-this"))[1] == pytest.approx(1.0)
        running.cancel()
    assert [alert.kind for alert in desk.raised] == ["budget_spent"]
    assert desk.book.sources == ["own", "own"]


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({}, "genai-prices"),
        ({"provider_model": "nobody-knows-this"}, "unknown"),
        ({"usage": Usage(10, output=5, charged_usd=0.125)}, "provider"),
        ({"outcome": "failed", "usage": NO_USAGE}, "free"),
    ],
)
async def test_a_cost_says_where_it_comes_from(desk: Desk, changes: dict[str, object], source: str) -> None:
    await desk.finish(**changes)
    assert desk.book.sources == [source]


@pytest.mark.parametrize(
    ("changes", "cost_usd"),
    [
        ({"provider_model": "nobody-knows-this"}, None),
        ({"provider": "gone"}, None),
        ({"usage": Usage(10, output=5, charged_usd=0.125)}, 0.125),
        ({"outcome": "cancelled", "usage": NO_USAGE, "attempts": (Attempted("openai", "m"),)}, None),
        ({"outcome": "cancelled", "usage": NO_USAGE, "attempts": (Attempted("openai", "m", "busy"),)}, 0.0),
        ({"outcome": "cancelled", "usage": NO_USAGE, "provider": ""}, 0.0),
        ({"outcome": "failed", "usage": NO_USAGE}, 0.0),
        ({"outcome": "failed", "usage": NO_USAGE, "provider": ""}, 0.0),
    ],
)
async def test_unknown_cost_stays_unknown(desk: Desk, changes: dict[str, object], cost_usd: float | None) -> None:
    assert (await desk.finish(**changes))[1] == cost_usd
    unknown = cost_usd is None and changes.get("provider", "openai") == "openai"
    assert desk.provider.status().unknown_cost == unknown


async def test_requests_whose_tokens_nobody_knows_are_counted(desk: Desk) -> None:
    await desk.finish()
    await desk.finish(outcome="failed", usage=NO_USAGE)
    assert desk.provider.status().unknown_usage == 0
    await desk.finish(usage=NO_USAGE)
    await desk.finish(outcome="cancelled", usage=Usage(10))
    assert desk.provider.status().unknown_usage == 2


async def test_what_was_not_counted_is_estimated(desk: Desk) -> None:
    estimate = Usage(400, output=100, source=UsageSource.ESTIMATE)
    event, cost_usd = await desk.finish(usage=NO_USAGE, estimate=lambda: estimate)
    assert (event.usage, event.estimate) == (estimate, None)
    assert cost_usd == pytest.approx(0.0001 + 0.0002)
    assert (desk.provider.counters.input_tokens, desk.provider.counters.output_tokens) == (400, 100)


async def test_a_budget_is_drawn_on_and_told_of(desk: Desk) -> None:
    await desk.accounts.watch((Budget(usd_per_day=0.3, action="stop"),))
    await desk.finish()
    assert desk.accounts.budgets.blocked("", "default") is None
    await desk.finish()
    assert desk.accounts.budgets.blocked("", "default") is not None
    assert [alert.kind for alert in desk.raised] == [AlertKind.BUDGET_NEAR, AlertKind.BUDGET_SPENT]


async def test_what_was_spent_before_the_start_counts(desk: Desk) -> None:
    desk.book.before = [Spending(datetime.now(UTC).astimezone().date().isoformat(), "openai", "default", 5.0)]
    desk.book.readable = False
    await desk.accounts.watch((Budget(usd_per_day=1.0, action="stop"),))
    assert desk.accounts.budgets.blocked("", "default") is None
    desk.book.readable = True
    await desk.accounts.look()
    assert desk.accounts.budgets.blocked("", "default") is not None


async def test_what_is_settled_while_the_book_is_read_lifts_no_stop_and_has_it_read_again(desk: Desk) -> None:
    today = datetime.now(UTC).astimezone().date().isoformat()
    await desk.finish()  # the prices are there
    desk.book.reading.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(desk.accounts.watch((Budget(usd_per_day=0.2, action="stop"),)))
        while not desk.book.asked:
            await asyncio.sleep(0)
        await desk.finish()
        assert desk.accounts.budgets.blocked("", "default") is not None
        desk.book.reading.set()
    assert desk.accounts.budgets.blocked("", "default") is not None
    desk.book.before = [Spending(today, "openai", "default", 0.75)]
    await desk.accounts.look()
    assert "$0.75" in str(desk.accounts.budgets.blocked("", "default"))
    await desk.accounts.look()
    assert desk.book.asked == 2, "it was read in peace"


async def test_two_budgets_of_one_scope_are_both_told_of(desk: Desk) -> None:
    await desk.accounts.watch((Budget(usd_per_day=0.3), Budget(usd_per_month=0.31)))
    await desk.finish()
    assert [alert.kind for alert in desk.raised] == [AlertKind.BUDGET_NEAR, AlertKind.BUDGET_NEAR]


async def test_what_cannot_be_counted_holds_nothing_up(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Usage:
        raise RecursionError

    for _ in range(2):
        event, _ = await desk.finish(usage=NO_USAGE, estimate=broken)
        assert (event.usage, event.estimate) == (NO_USAGE, None)
    assert (await desk.finish())[0].usage == USAGE
    desk.accounts.hear(event := replace(event, estimate=broken))
    desk.accounts.close()
    assert desk.book.rows.pop()[0] == replace(event, estimate=None)
    assert {record.getMessage() for record in caplog.records} == {"request failed unexpectedly id=r route=tokens"}
    caplog.clear()
