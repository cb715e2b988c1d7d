"""Limits and pools of keys in the whole way of a request, against providers on loopback."""

import asyncio
import json
from dataclasses import dataclass, field, replace

import pytest

from app.engine.quotas import Limits
from app.engine.router import Routing
from app.store.settings import Settings, Timeouts
from engine.rig import Rig, read
from faults import plays
from faults.play import Play
from faults.upstream import FaultyUpstream


@dataclass
class LimitedRig(Rig):
    limits: Limits = field(default_factory=Limits)

    def routing(self) -> Routing:
        return Routing(tuple(self.providers), limits=self.limits)

    def limit(self, first: dict[str, int] | None = None, **values: float) -> None:
        rows = [{"id": "first", "kind": "x", "limits": first or {}}]
        self.limits.apply(Settings.model_validate({"limits": {"queue_s": 0.05} | values, "providers": rows}))


@pytest.fixture
def limited(rig: Rig) -> LimitedRig:
    return LimitedRig(rig.bus, rig.providers)


def pool(rig: Rig) -> None:
    """Make the providers keys of one account: equal priority."""
    for provider in rig.providers:
        provider.settings = provider.settings.model_copy(update={"priority": 1})


async def test_the_limit_of_all_answers_429_with_what_a_client_needs_to_know(
    limited: LimitedRig, first: FaultyUpstream
) -> None:
    limited.limit(requests_per_minute=2)
    answers = [await limited.ask() for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    headers = dict(answers[-1].headers)
    assert 28 <= int(headers[b"retry-after"]) <= 30
    assert headers[b"x-ratelimit-limit-requests"] == b"2"
    assert headers[b"x-ratelimit-remaining-requests"] == b"0"
    assert b"x-should-retry" not in headers
    error = json.loads(answers[-1].body)["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert "2 requests a minute" in error["message"]
    assert len(first.posts) == 2
    assert limited.finished[-1].status == 429


async def test_a_good_answer_tells_how_much_is_left(limited: LimitedRig) -> None:
    limited.limit(tokens_per_minute=100_000)
    headers = dict((await limited.ask()).headers)
    assert headers[b"x-ratelimit-limit-tokens"] == b"100000"
    settled = dict(limited.limits.headers())
    assert int(settled["x-ratelimit-remaining-tokens"]) >= 99_980, "11 read and 9 written, whatever was reserved"


async def test_streams_hold_their_turn_until_they_end(limited: LimitedRig, first: FaultyUpstream) -> None:
    limited.limit(concurrent=1)
    answer = await limited.ask(stream=True)
    assert (await limited.ask()).status == 429
    await read(answer)
    assert (await limited.ask()).status == 200


async def test_whoever_waits_in_the_queue_is_served_when_another_ends(
    limited: LimitedRig, first: FaultyUpstream
) -> None:
    limited.limit(concurrent=1, queue_s=10)
    first.script(plays.WAIT, plays.OK)
    asking = [asyncio.get_running_loop().create_task(limited.ask()) for _ in range(3)]
    await first.wait(lambda: len(first.posts) == 1)
    assert limited.limits._all.waiting == 2
    first.release()
    assert [(await task).status for task in asking] == [200, 200, 200]
    assert (limited.limits._all.active, limited.limits._all.waiting) == (0, 0)


async def test_a_client_that_leaves_the_queue_leaves_nothing_there(limited: LimitedRig) -> None:
    limited.limit(concurrent=1, queue_s=10)
    stream = await limited.ask(stream=True)
    gone = asyncio.get_running_loop().create_task(limited.ask())
    while not limited.limits._all.waiting:
        await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    await read(stream)
    assert (limited.limits._all.active, limited.limits._all.waiting) == (0, 0)


async def test_a_provider_at_its_limit_hands_on_to_the_next_at_once(
    limited: LimitedRig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    limited.limit({"requests_per_minute": 1}, queue_s=10)
    for _ in range(3):
        assert (await limited.ask()).status == 200
    assert (len(first.posts), len(second.posts)) == (1, 2)


async def test_a_provider_that_is_alone_and_at_its_limit_says_so_without_cooling(
    limited: LimitedRig, first: FaultyUpstream
) -> None:
    del limited.providers[1]
    limited.limit({"requests_per_minute": 1})
    assert (await limited.ask()).status == 200
    answer = await limited.ask()
    assert answer.status == 429
    assert "The limit that the settings set for first" in json.loads(answer.body)["error"]["message"]
    assert 50 <= int(dict(answer.headers)[b"retry-after"]) <= 60
    assert len(first.posts) == 1
    assert not limited.providers[0].guard.cooldowns


async def test_a_failed_call_costs_the_provider_s_limit_no_tokens(limited: LimitedRig, first: FaultyUpstream) -> None:
    limited.limit({"tokens_per_minute": 5000})
    first.script(plays.SERVER_ERROR)
    assert (await limited.ask(max_tokens=4000)).status == 200
    limiter = limited.limits.of("first")
    assert limiter is not None
    assert (limiter.active, limiter.wait_s(4999)) == (0, 0)


@pytest.mark.parametrize("play", [plays.INVALID_KEY, plays.PAYMENT, plays.RATE_LIMIT], ids=["401", "402", "429"])
async def test_a_key_that_is_refused_hands_on_to_the_next_at_once_and_is_left_alone(
    limited: LimitedRig, first: FaultyUpstream, second: FaultyUpstream, play: Play
) -> None:
    pool(limited)
    first.script(play)
    for _ in range(6):
        answer = await limited.ask()
        assert answer.status == 200
        assert dict(answer.headers)[b"x-switchtower-provider"] == b"second"
    assert (len(first.posts), len(second.posts)) == (1, 6)


async def test_the_keys_of_a_pool_share_the_load(
    limited: LimitedRig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    pool(limited)
    for _ in range(10):
        await limited.ask()
    assert (len(first.posts), len(second.posts)) == (5, 5)


async def test_a_client_at_its_own_limit_gets_429_while_others_are_served(
    limited: LimitedRig, first: FaultyUpstream
) -> None:
    rows = [{"name": "default", "limits": {"requests_per_minute": 1}}]
    limited.limits.apply(Settings.model_validate({"limits": {"queue_s": 0.05}, "clients": rows}))
    good, refused = await limited.ask(), await limited.ask()
    other = await limited.relay.handle(replace(limited.call(), client="cursor"))
    assert (good.status, refused.status, other.status) == (200, 429, 200)
    assert dict(good.headers)[b"x-ratelimit-remaining-requests"] == b"0"
    headers = dict(refused.headers)
    assert 50 <= int(headers[b"retry-after"]) <= 60
    assert headers[b"x-ratelimit-limit-requests"] == b"1"
    assert "the client default" in json.loads(refused.body)["error"]["message"]
    assert len(first.posts) == 2


async def test_waiting_for_a_turn_counts_for_the_deadline(limited: LimitedRig, first: FaultyUpstream) -> None:
    limited.limit(concurrent=1, queue_s=30)
    limited.providers.pop()
    times = Timeouts(total_s=0.4, first_byte_s=30, idle_s=30)
    limited.providers[0].settings = limited.providers[0].settings.model_copy(update={"timeouts": times})
    first.script(plays.HANG)
    async with asyncio.timeout(10):
        answers = await asyncio.gather(limited.ask(), limited.ask())
    assert [answer.status for answer in answers] == [504, 504]
    had_it_all, had_the_rest = (request.attempts[0].ms for request in limited.finished)
    assert had_the_rest < had_it_all


async def test_a_providers_own_queue_ends_with_the_deadline(limited: LimitedRig, first: FaultyUpstream) -> None:
    limited.limit({"concurrent": 1}, queue_s=30)
    limited.providers.pop()
    times = Timeouts(total_s=0.4, first_byte_s=30, idle_s=30)
    limited.providers[0].settings = limited.providers[0].settings.model_copy(update={"timeouts": times})
    taken = limited.limits.of("first").try_take()
    async with asyncio.timeout(10):
        assert (await limited.ask()).status == 429
    taken.settle(0)
