import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.events import ProviderHealthChanged
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.secret import Secret
from app.domain.status import HealthState
from app.domain.usage import Usage
from app.engine.bus import Bus
from app.engine.provider import Provider
from app.providers.registry import Registry
from app.store import log
from app.store.settings import Provider as ProviderSettings
from engine.rig import make_provider


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def provider(bus: Bus) -> Provider:
    return make_provider(bus, "a", "http://127.0.0.1:9/v1")


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def fault(kind: FaultKind) -> Fault:
    return Fault(kind, "it broke.", "mend it.")


def test_nothing_is_claimed_before_anything_is_known(provider: Provider) -> None:
    status = provider.status()
    assert status.state is HealthState.UNKNOWN
    assert (status.latency_ms, status.checked_at, status.models, status.cost_usd) == (None, None, None, None)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (FaultKind.UNREACHABLE, HealthState.UNREACHABLE),
        (FaultKind.SERVER_ERROR, HealthState.UNREACHABLE),
        (FaultKind.AUTH, HealthState.NEEDS_KEY),
        (FaultKind.TLS_ERROR, HealthState.CONFIG_ERROR),
        (FaultKind.RATE_LIMITED, HealthState.RATE_LIMITED),
        (FaultKind.QUOTA, HealthState.RATE_LIMITED),
        (FaultKind.BAD_REQUEST, HealthState.HEALTHY),
        (FaultKind.MODEL_NOT_FOUND, HealthState.HEALTHY),
        (FaultKind.CLIENT_GONE, HealthState.HEALTHY),
    ],
)
def test_the_state_follows_from_the_last_fault(provider: Provider, kind: FaultKind, state: HealthState) -> None:
    provider.failed(fault(kind))
    assert provider.state is state


def test_a_fault_is_shown_with_its_remedy_until_the_provider_answers(provider: Provider) -> None:
    provider.failed(fault(FaultKind.UNREACHABLE))
    assert provider.status().detail == "it broke. mend it."
    provider.answered(12.0)
    assert provider.status().detail == ""
    assert provider.state is HealthState.HEALTHY


def test_a_key_that_the_provider_repeats_is_never_shown(provider: Provider) -> None:
    key = "AnotherKeyWithoutShape77"
    log.remember(Secret(key))
    told = provider.failed(Fault(FaultKind.AUTH, f"{key} is wrong.", param=key))
    assert (told.message, told.param, told.provider) == ("… is wrong.", "…", "a")
    assert key not in provider.status().detail


def test_a_fault_of_the_dialect_gets_the_name_of_the_provider(provider: Provider) -> None:
    told = provider.failed(Fault(FaultKind.BAD_REPLY, "The provider answered with an HTML page."))
    assert told.message == f"{provider.name} answered with an HTML page."


def test_latency_is_smoothed_and_a_slow_provider_is_called_slow(provider: Provider) -> None:
    provider.answered(100.0)
    assert provider.status().latency_ms == 100.0
    provider.answered(200.0)
    assert provider.status().latency_ms == pytest.approx(130.0)
    for _ in range(20):
        provider.answered(9000.0)
    assert provider.state is HealthState.SLOW


def test_a_change_of_state_is_told_once(bus: Bus, provider: Provider) -> None:
    heard: list[ProviderHealthChanged] = []
    bus.subscribe(heard.append)
    provider.answered(1.0)
    provider.answered(1.0)
    provider.failed(fault(FaultKind.UNREACHABLE))
    assert [event.status.state for event in heard] == [HealthState.HEALTHY, HealthState.UNREACHABLE]


async def test_counters_are_told_of_together(bus: Bus, provider: Provider) -> None:
    heard: list[ProviderHealthChanged] = []
    bus.subscribe(heard.append)
    for _ in range(5):
        provider.count(Usage(fresh_input=1), failed=False)
    assert heard == []
    await until(lambda: len(heard) == 1)
    assert [event.status.requests for event in heard] == [5]
    provider.count(Usage(), failed=True)
    await until(lambda: len(heard) == 2)
    assert heard[1].status.failures == 1


async def test_unknown_usage_adds_nothing(provider: Provider) -> None:
    provider.count(Usage(), failed=True)
    provider.count(Usage(fresh_input=5, cache_read=2, output=3), failed=False)
    status = provider.status()
    assert (status.requests, status.failures, status.input_tokens, status.output_tokens) == (2, 1, 7, 3)


def test_a_disabled_provider_is_not_usable_and_shows_no_error(bus: Bus) -> None:
    provider = make_provider(bus, "a", "http://127.0.0.1:9/v1", enabled=False)
    provider.failed(fault(FaultKind.UNREACHABLE))
    assert (provider.state, provider.status().detail, provider.usable) == (HealthState.DISABLED, "", False)


async def test_retiring_waits_for_requests_in_flight(provider: Provider) -> None:
    provider.begin()
    provider.begin()
    retiring = asyncio.get_running_loop().create_task(provider.retire())
    await asyncio.sleep(0)
    provider.end()
    await asyncio.sleep(0)
    assert not retiring.done()
    provider.end()
    await retiring
    assert not provider.usable


async def test_a_retired_provider_opens_no_client_again(provider: Provider) -> None:
    assert provider.client is provider.client
    await provider.retire()
    with pytest.raises(FaultError) as caught:
        _ = provider.client
    assert caught.value.fault.kind is FaultKind.BUSY
    assert provider._client is None


async def test_requests_in_flight_keep_the_client_of_a_provider_that_retires(provider: Provider) -> None:
    provider.begin()
    client = provider.client
    retiring = asyncio.get_running_loop().create_task(provider.retire())
    await asyncio.sleep(0)
    assert provider.client is client
    provider.end()
    await retiring


def test_settings_reach_the_client(bus: Bus) -> None:
    provider = make_provider(
        bus, "a", "http://127.0.0.1:9/v1", pool={"max_connections": 7}, timeouts={"idle_s": 3}, headers={"x-team": "t"}
    )
    options = provider._options()
    assert (options.max_connections, options.idle_s, options.headers[0]) == (7, 3, ("x-team", "t"))


@pytest.mark.parametrize(
    ("kind", "provider_id", "name"),
    [("openai", "openai", "OpenAI"), ("openai", "work", "OpenAI (work)"), ("openai-compatible", "mine", "mine")],
)
def test_a_provider_is_called_by_its_kind_where_that_tells_it_apart(kind: str, provider_id: str, name: str) -> None:
    spec = Registry.load(lambda: ()).get(kind)
    settings = ProviderSettings(id=provider_id, kind=kind, base_url="http://127.0.0.1:9/v1")
    assert Provider(settings, spec, None, Bus()).name == name


def test_a_failure_is_forgiven_after_a_while(bus: Bus) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    provider = make_provider(bus, "a", "http://127.0.0.1:9/v1")
    provider._clock = lambda: now
    assert not provider.just_failed
    provider.failed(fault(FaultKind.UNREACHABLE))
    assert provider.just_failed
    now += timedelta(seconds=59)
    assert provider.just_failed
    now += timedelta(seconds=2)
    assert not provider.just_failed
    assert provider.state is HealthState.UNREACHABLE
