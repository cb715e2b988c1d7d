"""Limits and pools of keys in the whole way of a request, against providers on loopback."""

import asyncio
import json
from dataclasses import dataclass, field, replace

import pytest

from app.domain.faults import Fault, FaultKind
from app.engine import guard as guard_module
from app.engine.limits import Limiter, Turn
from app.engine.quotas import Limits
from app.engine.router import Routing
from app.store.settings import Routing as RoutingSettings
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


MOST_ASKED = 50


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scopes that were asked for a turn; a pursuit that goes round in a circle fails instead of hanging."""
    scopes: list[str] = []
    take = Limiter.take

    async def counted(limiter: Limiter, tokens: int, wait_s: float) -> Turn:
        scopes.append(limiter.scope)
        if len(scopes) > MOST_ASKED:
            pytest.fail("asked for a turn again and again")
        return await take(limiter, tokens, wait_s)

    monkeypatch.setattr(Limiter, "take", counted)
    return scopes


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


async def test_a_provider_whose_tokens_do_not_suffice_hands_on_to_the_next_at_once(
    limited: LimitedRig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    limited.limit({"tokens_per_minute": 60_000}, queue_s=10)
    limiter = limited.limits.of("first")
    assert limiter is not None
    (await limiter.take(57_000, 0)).settle(57_000)
    assert (await limited.ask(max_tokens=6000)).status == 200
    assert (await limited.ask(max_tokens=1000)).status == 200
    assert (len(first.posts), len(second.posts)) == (1, 1)


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


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.AUTH], ids=["open breaker", "refused key"])
@pytest.mark.parametrize("held", [{"requests_per_minute": 1}, {"concurrent": 1}], ids=["a minute", "at once"])
async def test_whoever_is_left_alone_and_at_its_limit_is_tried_for_once_and_not_for_ever(
    limited: LimitedRig,
    first: FaultyUpstream,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: FaultKind,
    held: dict[str, int],
) -> None:
    monkeypatch.setattr(guard_module, "PROBE_S", 0.0)
    limited.limit(held)
    del limited.providers[1]
    limited.limits.of("first").try_take()
    guard = limited.providers[0].guard
    for _ in range(5):
        guard.failed(guard.enter("demo"), Fault(kind, "no.", provider="first"))
    answer = await limited.ask()
    assert (answer.status, len(first.posts), asked) == (429, 0, ["first"])
    assert b"retry-after" in dict(answer.headers)


async def test_a_wait_that_ends_at_the_limit_takes_one_retry_of_the_budget(
    limited: LimitedRig, first: FaultyUpstream, asked: list[str]
) -> None:
    limited.limit({"requests_per_minute": 1})
    limited.settings = RoutingSettings()
    del limited.providers[1]

    async def sleep(s: float) -> None:
        limited.providers[0].guard.try_now()

    limited.retries._sleep = sleep
    first.script(plays.rate_limit("5"))
    assert (await limited.ask()).status == 429
    assert (len(first.posts), asked) == (1, ["first", "first"])
    assert len(limited.retries._retries_s) == 1


async def test_a_queue_that_takes_longer_than_the_whole_time_is_504(limited: LimitedRig, first: FaultyUpstream) -> None:
    limited.limit(concurrent=1, queue_s=1000)
    now_s = [0.0]
    limited.retries.clock = lambda: now_s[0]
    taken = limited.limits._all.try_take()
    asking = asyncio.get_running_loop().create_task(limited.ask())
    while not limited.limits._all.waiting:
        await asyncio.sleep(0)
    now_s[0] += 601
    taken.settle(0)
    answer = await asking
    told = json.loads(answer.body)["error"]
    assert (answer.status, told["code"], len(first.posts)) == (504, "upstream_timeout", 0)
    assert "queue" in told["message"]
    assert "timeouts.total_s" in told["message"]
    assert dict(answer.headers)[b"retry-after"] == b"2"


async def test_a_provider_that_is_retired_while_its_limit_is_waited_for_is_passed_over(
    limited: LimitedRig, first: FaultyUpstream
) -> None:
    limited.limit({"concurrent": 1}, queue_s=30)
    del limited.providers[1]
    limiter = limited.limits.of("first")
    taken = limiter.try_take()
    asking = asyncio.get_running_loop().create_task(limited.ask())
    while not limiter.waiting:
        await asyncio.sleep(0)
    await limited.providers[0].retire()
    taken.settle(0)
    answer = await asking
    assert (answer.status, len(first.posts), limiter.active) == (503, 0, 0)
    assert json.loads(answer.body)["error"]["code"] == "busy"
    assert dict(answer.headers)[b"retry-after"] == b"2"
    assert limited.providers[0]._client is None


async def test_a_refused_request_that_its_client_gives_up_costs_no_tokens(
    limited: LimitedRig, first: FaultyUpstream
) -> None:
    limited.limit(tokens_per_minute=5000)
    limited.settings = RoutingSettings()
    waiting = asyncio.Event()

    async def sleep(s: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    limited.retries._sleep = sleep
    first.script(plays.rate_limit("5"))
    del limited.providers[1]
    asking = asyncio.get_running_loop().create_task(limited.ask(max_tokens=4000))
    await waiting.wait()
    asking.cancel()
    await asyncio.wait({asking})
    assert (limited.limits._all.active, limited.limits._all.wait_s(4999)) == (0, 0)
