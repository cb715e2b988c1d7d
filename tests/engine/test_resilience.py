import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.events import Event, NetworkChanged
from app.domain.faults import FaultKind
from app.domain.status import BreakerState
from app.engine.bus import Bus
from app.engine.fleet import Fleet
from app.engine.health import Health
from app.engine.relay import Relay
from app.engine.resilience import Resilience
from app.providers.registry import Registry
from app.store.cooldown_file import CooldownFile
from app.store.secrets import KeyStore
from app.store.settings import Settings
from engine.rig import Rig, read
from faults import plays
from faults.upstream import FaultyUpstream

ENVIRON = {"FIRST": "sk-first-0123456789abcdef", "SECOND": "sk-second-0123456789abcdef"}


class World:
    """The engine over real upstreams as the runtime builds it, without a server."""

    def __init__(self, *upstreams: FaultyUpstream) -> None:
        values = [
            {"id": name, "kind": "openai-compatible", "base_url": u.base_url, "key": f"env:{name.upper()}"}
            | {"retry": {"base_s": 0.01}, "priority": rank}
            for rank, (name, u) in enumerate(zip(("first", "second"), upstreams, strict=False))
        ]
        self.settings = Settings.model_validate({"providers": values, "routing": {"max_wait_s": 0.01}})
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe(self.events.append)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.fleet = Fleet(Registry.load(lambda: ()), KeyStore(ENVIRON), self.bus, self.spawn)
        self.health = Health(lambda: self.settings.health, lambda: self.fleet.providers)
        self.resilience = Resilience(self.fleet, self.health, self.bus, lambda: self.settings.routing, self.spawn)
        self.relay = Relay(self.bus, lambda: self.fleet.routing, self.resilience.means)

    def spawn(self, name: str, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        return task

    async def ask(self, model: str = "test-small", **more: Any) -> Any:
        return await self.relay.handle(Rig.call(None, model, **more))  # type: ignore[arg-type]  # it uses none of it

    async def settle(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def world(first: FaultyUpstream, second: FaultyUpstream) -> AsyncIterator[World]:
    made = World(first, second)
    await made.fleet.apply(made.settings)
    yield made
    await made.settle()
    await made.fleet.close()


@pytest.fixture
async def alone(first: FaultyUpstream) -> AsyncIterator[World]:
    made = World(first)
    await made.fleet.apply(made.settings)
    yield made
    await made.settle()
    await made.fleet.close()


def code(answer: Any) -> str:
    return str(json.loads(answer.body)["error"]["code"])


async def test_offline_is_one_state_and_over_soon_after_the_network_is_back(
    world: World, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.kill()
    second.kill()
    answers = [await world.ask() for _ in range(12)]
    assert world.resilience.outage.offline
    assert (answers[-1].status, code(answers[-1])) == (503, "offline")
    assert [p.guard.breaker.state for p in world.fleet.providers] == [BreakerState.CLOSED] * 2
    first.restart()
    second.restart()
    world.resilience.outage._asked_s = float("-inf")
    await world.resilience.look()
    await world.settle()
    assert not world.resilience.outage.offline
    assert [e.offline for e in world.events if isinstance(e, NetworkChanged)] == [True, False]
    assert (await world.ask()).status == 200


async def test_a_request_alone_finds_out_that_the_network_is_back(
    world: World, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.kill()
    second.kill()
    await world.ask()
    assert world.resilience.outage.offline
    first.restart()
    assert (await world.ask()).status == 200
    assert not world.resilience.outage.offline


async def test_after_sleep_what_was_under_way_fails_fast_and_the_next_request_is_answered(
    world: World, first: FaultyUpstream
) -> None:
    first.script(plays.STALL, plays.HANG, plays.OK)
    stream = await world.ask(stream=True)
    assert await anext(stream.stream)
    plain = asyncio.get_running_loop().create_task(world.ask())
    await first.wait(lambda: len(first.posts) == 2)
    reading = asyncio.get_running_loop().create_task(read(stream))
    await asyncio.sleep(0)
    provider = world.fleet.providers[0]
    for _ in range(5):
        provider.guard.failed(provider.guard.enter("x"), plays_fault())
    assert provider.guard.breaker.state is BreakerState.OPEN
    world.resilience.sleep._drift_s -= 3600
    await world.resilience.look()
    refused = await plain
    assert (refused.status, code(refused)) == (503, "interrupted")
    text = await reading
    assert b"interrupted" in text
    assert b"[DONE]" not in text
    assert provider.guard.breaker.state is BreakerState.HALF_OPEN
    assert not world.resilience.means.running
    assert (await world.ask()).status == 200


def plays_fault() -> Any:
    from app.domain.faults import Fault

    return Fault(FaultKind.SERVER_ERROR, "x", provider="first")


async def test_a_client_that_leaves_while_the_machine_wakes_is_still_a_client_that_left(
    alone: World, first: FaultyUpstream
) -> None:
    first.script(plays.HANG)
    task = asyncio.get_running_loop().create_task(alone.ask())
    await first.wait(lambda: len(first.posts) == 1)
    task.cancel()
    await alone.resilience.wake(3600)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cool_downs_survive_a_restart_and_are_no_wall(
    first: FaultyUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cooldowns.json"
    first.script(plays.rate_limit(str(18 * 24 * 3600)), plays.OK)
    before = World(first)
    before.resilience.load(CooldownFile(path))
    await before.fleet.apply(before.settings)
    assert (await before.ask()).status == 429
    await before.resilience.save()
    await before.fleet.close()
    after = World(first)
    after.resilience.load(CooldownFile(path))
    await after.fleet.apply(after.settings)
    status = after.fleet.providers[0].status()
    assert status.cooling_until is not None
    assert "sk-first" not in path.read_text()
    assert (await after.ask()).status == 200, "the one who recovers first is asked all the same"
    assert after.fleet.providers[0].status().cooling_until is None
    await after.fleet.close()


async def test_another_key_is_not_left_alone_for_what_the_old_one_did(
    alone: World, first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    first.script(plays.INVALID_KEY, plays.OK)
    assert code(await alone.ask()) == "provider_auth"
    assert code(await alone.ask()) == "provider_auth"
    assert len(first.posts) == 1, "a refused key is not sent again at once"
    monkeypatch.setitem(ENVIRON, "FIRST", "sk-another-0123456789abcdef")
    alone.fleet._keys.forget()
    alone.fleet.forget_keys("first")
    await alone.fleet.apply(alone.settings)
    assert (await alone.ask()).status == 200


async def test_a_missing_model_has_the_list_fetched_again_but_not_over_and_over(
    alone: World, first: FaultyUpstream
) -> None:
    first.script(plays.MODEL_NOT_FOUND)
    for _ in range(3):
        assert (await alone.ask(model="test-smal")).status == 404
    await alone.settle()
    assert len([r for r in first.requests if r.method == "GET"]) == 1
    answer = await alone.ask(model="first/test-smal")
    assert "test-small" in json.loads(answer.body)["error"]["message"]


async def test_try_now_lifts_what_keeps_a_provider_from_being_asked(alone: World, first: FaultyUpstream) -> None:
    first.script(plays.INVALID_KEY, plays.OK)
    assert code(await alone.ask()) == "provider_auth"
    provider = alone.fleet.providers[0]
    assert provider.status().state.value == "needs_key"
    provider.try_now()
    assert provider.status().state.value != "needs_key"
    assert (await alone.ask()).status == 200
