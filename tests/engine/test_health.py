import asyncio
import dataclasses
from collections.abc import Callable

import pytest

from app.domain.events import ProviderHealthChanged
from app.domain.faults import Fault, FaultKind
from app.domain.status import HealthState
from app.engine import health as health_module
from app.engine.health import Health
from app.store.settings import Health as HealthSettings
from engine.rig import Rig
from faults import plays
from faults.upstream import FaultyUpstream


def make_health(rig: Rig, **settings: float) -> Health:
    chosen = HealthSettings.model_validate(settings)
    health = Health(lambda: chosen, lambda: rig.providers)
    rig.bus.subscribe(health.hear)
    return health


async def test_a_probe_shows_health_latency_and_models_and_counts_as_no_traffic(
    rig: Rig, first: FaultyUpstream
) -> None:
    provider = rig.providers[0]
    await make_health(rig).probe(provider)
    status = provider.status()
    assert status.state is HealthState.HEALTHY
    assert status.latency_ms is not None
    assert status.models
    assert (status.requests, status.in_flight) == (0, 0)
    assert [r.path for r in first.requests] == ["/v1/models"]


@pytest.mark.parametrize(
    ("play", "state"),
    [
        (plays.INVALID_KEY, HealthState.NEEDS_KEY),
        (plays.RATE_LIMIT, HealthState.RATE_LIMITED),
        (plays.SERVER_ERROR, HealthState.UNREACHABLE),
        (plays.HTML, HealthState.UNREACHABLE),
        (plays.PATH_NOT_FOUND, HealthState.HEALTHY),
    ],
)
async def test_what_the_provider_says_to_the_probe_is_its_state(
    rig: Rig, first: FaultyUpstream, play: object, state: HealthState
) -> None:
    first.script_get(play)
    await make_health(rig).probe(rig.providers[0])
    assert rig.providers[0].state is state


async def test_a_row_that_lists_nothing_is_not_asked_and_nothing_is_claimed(rig: Rig, first: FaultyUpstream) -> None:
    provider = rig.providers[0]
    provider.spec = dataclasses.replace(provider.spec, lists_models=False, static_models=("m",))
    await make_health(rig).probe(provider)
    assert provider.state is HealthState.UNKNOWN
    assert first.requests == []


async def test_a_provider_without_a_list_keeps_its_models_unknown(rig: Rig, first: FaultyUpstream) -> None:
    first.script_get(plays.PATH_NOT_FOUND)
    await make_health(rig).probe(rig.providers[0])
    assert rig.providers[0].status().models is None


async def test_a_probe_that_is_not_answered_in_time_says_so(rig: Rig, first: FaultyUpstream) -> None:
    first.script_get(plays.HANG)
    await make_health(rig, timeout_s=0.1).probe(rig.providers[0])
    assert rig.providers[0].state is HealthState.UNREACHABLE
    assert "within 0.1 s" in rig.providers[0].status().detail


async def test_probes_at_the_same_time_share_one_request(rig: Rig, first: FaultyUpstream) -> None:
    health = make_health(rig)
    await asyncio.gather(*(health.probe(rig.providers[0]) for _ in range(20)))
    assert len(first.requests) == 1


async def running(health: Health, until: Callable[[], bool]) -> None:
    task = asyncio.get_running_loop().create_task(health.run())
    try:
        async with asyncio.timeout(10):
            while not until():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_every_provider_is_probed_at_the_start(rig: Rig, first: FaultyUpstream, second: FaultyUpstream) -> None:
    await running(make_health(rig), lambda: all(p.state is HealthState.HEALTHY for p in rig.providers))
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_interval_0_probes_nobody(rig: Rig, first: FaultyUpstream) -> None:
    health = make_health(rig, interval_s=0)
    task = asyncio.get_running_loop().create_task(health.run())
    await asyncio.sleep(0.05)
    task.cancel()
    assert first.requests == []


async def test_a_provider_that_went_down_is_found_again_soon(
    rig: Rig, first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "RECOVERY_S", 0.05)
    health = make_health(rig)
    first.kill()
    await running(health, lambda: rig.providers[0].state is HealthState.UNREACHABLE)
    first.restart()
    await running(health, lambda: rig.providers[0].state is HealthState.HEALTHY)


async def test_a_fault_in_traffic_brings_the_next_probe_forward(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "RECOVERY_S", 0.01)
    health = make_health(rig)
    provider = rig.providers[0]
    await health.probe(provider)
    provider.failed(Fault(FaultKind.UNREACHABLE, "down"))
    await running(health, lambda: provider.state is HealthState.HEALTHY)


async def test_what_others_say_changes_no_plan(rig: Rig) -> None:
    health = make_health(rig)
    health.hear(ProviderHealthChanged(rig.providers[0].status()))
    assert health._due_s == {}


async def test_with_probes_off_a_stale_list_is_renewed_once_somebody_looks(rig: Rig, first: FaultyUpstream) -> None:
    health = make_health(rig, interval_s=0)
    for _ in range(1000):
        health.renew_lists()
    await running(health, lambda: rig.providers[0].catalogue.names is not None)
    health.renew_lists()
    await asyncio.sleep(0.02)
    assert [r.path for r in first.requests] == ["/v1/models"]


async def test_the_next_probes_are_spread(rig: Rig) -> None:
    chances = iter((0.0, 1.0))
    chosen = HealthSettings(interval_s=100)
    health = Health(lambda: chosen, lambda: rig.providers, clock=lambda: 0.0, chance=lambda: next(chances))
    for provider in rig.providers:
        await health.probe(provider)
    assert list(health._due_s.values()) == [100.0, 90.0]


async def test_a_success_that_carries_an_error_is_a_failed_probe(rig: Rig, first: FaultyUpstream) -> None:
    first.script_get(plays.ERROR_BODY)
    await make_health(rig).probe(rig.providers[0])
    assert rig.providers[0].state is HealthState.UNREACHABLE


async def test_the_last_twenty_latencies_are_kept(rig: Rig) -> None:
    provider = rig.providers[0]
    for ms in range(25):
        provider.answered(float(ms))
    assert provider.status().latencies_ms == tuple(float(ms) for ms in range(5, 25))


async def test_nobody_waits_for_a_slow_probe(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "JITTER", 0.0)
    first.script_get(plays.HANG)
    health = make_health(rig, timeout_s=60, interval_s=0.05)
    await running(health, lambda: len(second.requests) >= 3)
    assert len(first.requests) == 1
    assert rig.providers[0].state is HealthState.UNKNOWN


async def test_the_first_look_at_the_models_waits_for_the_lists(rig: Rig, first: FaultyUpstream) -> None:
    health = make_health(rig)
    task = asyncio.get_running_loop().create_task(health.run())
    await health.first_lists()
    assert all(provider.catalogue.names for provider in rig.providers)
    first.script_get(plays.HANG)
    await health.first_lists()
    assert len(first.requests) == 1
    task.cancel()
    await asyncio.wait({task})


async def test_a_provider_that_hangs_or_is_down_keeps_the_first_look_waiting_but_shortly(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "FIRST_LISTS_S", 0.2)
    first.script_get(plays.HANG)
    second.kill()
    health = make_health(rig, timeout_s=60, interval_s=0)
    task = asyncio.get_running_loop().create_task(health.run())
    await health.first_lists()
    assert rig.providers[0] not in health._due_s
    assert rig.providers[1] in health._due_s
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize("lists_models", [True, False])
async def test_an_unforeseen_error_is_one_providers_own_and_the_others_are_probed_on(
    rig: Rig, second: FaultyUpstream, lists_models: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("nobody has foreseen this")

    provider = rig.providers[0]
    provider.spec = dataclasses.replace(provider.spec, lists_models=lists_models, static_models=("m",))
    monkeypatch.setattr(provider.client, "get", broken)
    monkeypatch.setattr(provider.client, "log_in", broken)
    health = make_health(rig, interval_s=0.05)
    await health.probe(provider)
    assert provider.state is HealthState.CONFIG_ERROR
    assert "unexpectedly" in provider.status().detail
    assert "probe-first" in provider.status().detail
    assert "foreseen" not in provider.status().detail
    await running(health, lambda: len(second.requests) >= 3)


@pytest.mark.parametrize("play", [plays.PATH_NOT_FOUND, plays.SERVER_ERROR])
async def test_looking_at_the_models_asks_nobody_again_who_has_just_given_none(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, play: object
) -> None:
    first.script_get(play)
    health = make_health(rig)
    task = asyncio.get_running_loop().create_task(health.run())
    for _ in range(20):
        await health.first_lists()
        await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.wait({task})
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_provider_that_is_down_for_days_is_still_probed(rig: Rig, first: FaultyUpstream) -> None:
    first.script_get(plays.SERVER_ERROR)
    health = make_health(rig)
    health._failed_probes[rig.providers[0]] = 5000
    await health.probe(rig.providers[0])
    assert health._failed_probes[rig.providers[0]] == 5001
    assert rig.providers[0] in health._due_s
