from collections import Counter

import pytest

from app.domain.chat import ApiRequest, Operation
from app.engine.bus import Bus
from app.engine.prices import Price
from app.engine.provider import Provider
from app.engine.router import Candidate, Tier
from app.engine.strategies import FORGET_S, Balance, Turns
from engine.rig import make_provider

REQUEST = ApiRequest(Operation.CHAT, "m", stream=False, body=b" " * 4000)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def provider(provider_id: str, **settings: object) -> Provider:
    return make_provider(Bus(), provider_id, "http://127.0.0.1:9/v1", **settings)


def tier(*providers: Provider) -> Tier:
    return Tier(tuple(Candidate(p, "m", "") for p in providers), "key")


def asked(balance: Balance, among: Tier, strategy: str, times: int) -> str:
    """Who is first, request by request."""
    order = ""
    for _ in range(times):
        first = balance.order(among, strategy, REQUEST)[0]
        balance.take(among, first, strategy)
        order += first.provider.id
    return order


@pytest.mark.parametrize("strategy", ["priority", "round_robin"])
def test_equals_take_turns(strategy: str) -> None:
    assert asked(Balance(), tier(provider("a"), provider("b"), provider("c")), strategy, 7) == "abcabca"


def test_weights_are_kept_exactly_and_smoothly() -> None:
    order = asked(Balance(), tier(provider("a", weight=3), provider("b", weight=1)), "weighted", 400)
    assert Counter(order) == {"a": 300, "b": 100}
    assert "bb" not in order
    assert "aaaaa" not in order


def test_weight_0_is_the_last_resort() -> None:
    among = tier(provider("spare", weight=0), provider("a"))
    balance = Balance()
    for _ in range(5):
        order = balance.order(among, "weighted", REQUEST)
        assert [c.provider.id for c in order] == ["a", "spare"]
        balance.take(among, order[0], "weighted")


def test_whoever_was_passed_over_gets_no_burst_afterwards() -> None:
    turns = Turns(2)
    for _ in range(100):
        turns.take(0)
    order = []
    for _ in range(6):
        index = min((0, 1), key=turns.claim)
        turns.take(index)
        order.append(index)
    assert order.count(1) <= 4
    assert order[0] == 1


def test_a_candidate_of_another_tier_takes_no_turn() -> None:
    among = tier(provider("a"), provider("b"))
    balance = Balance()
    balance.take(among, Candidate(provider("a"), "m", ""), "priority")
    assert asked(balance, among, "priority", 1) == "a"


def test_the_least_busy_is_first_and_equally_busy_ones_share() -> None:
    a, b, c = provider("a"), provider("b"), provider("c")
    a.begin()
    among = tier(a, b, c)
    balance = Balance()
    assert asked(balance, among, "least_busy", 4) == "bcbc"
    b.begin()
    b.begin()
    assert [x.provider.id for x in balance.order(among, "least_busy", REQUEST)] == ["c", "a", "b"]


def test_unknown_latencies_are_measured_with_one_request_each() -> None:
    a, b = provider("a"), provider("b")
    among, balance = tier(a, b), Balance(clock=Clock())
    balance.answered(among.candidates[0], REQUEST, 100.0)
    assert balance.order(among, "least_latency", REQUEST)[0].provider is b
    b.begin()
    assert balance.order(among, "least_latency", REQUEST)[0].provider is a, "one is being measured: that is enough"


def test_the_fastest_is_first_and_those_near_it_share() -> None:
    among, balance = tier(provider("a"), provider("b"), provider("c")), Balance(clock=Clock())
    for candidate, ms in zip(among.candidates, (200.0, 100.0, 105.0), strict=True):
        balance.answered(candidate, REQUEST, ms)
    assert asked(balance, among, "least_latency", 4) == "bcbc"
    assert balance.order(among, "least_latency", REQUEST)[-1].provider.id == "a"


def test_latencies_are_smoothed_and_streams_are_measured_apart() -> None:
    import dataclasses

    (candidate,) = tier(provider("a")).candidates
    balance = Balance(clock=Clock())
    balance.answered(candidate, REQUEST, 100.0)
    balance.answered(candidate, REQUEST, 200.0)
    assert balance.latency_ms(candidate, stream=False) == pytest.approx(130.0)
    assert balance.latency_ms(candidate, stream=True) is None
    balance.answered(candidate, dataclasses.replace(REQUEST, stream=True), 10.0)
    assert balance.latency_ms(candidate, stream=True) == 10.0


def test_old_latencies_are_measured_anew_and_failures_wait_as_long() -> None:
    clock = Clock()
    among, balance = tier(provider("slow"), provider("fast"), provider("broken")), Balance(clock=clock)
    slow, fast, broken = among.candidates
    balance.answered(slow, REQUEST, 900.0)
    balance.failed(broken, REQUEST)
    clock.now_s += FORGET_S - 1
    balance.answered(fast, REQUEST, 10.0)
    assert balance.order(among, "least_latency", REQUEST) == [fast, slow, broken]
    clock.now_s += 2
    assert balance.order(among, "least_latency", REQUEST)[-1] == fast


def test_the_cheapest_for_this_request_is_first_and_unknown_prices_are_last() -> None:
    prices = {"a": Price(1e-6, 10e-6), "b": Price(3e-6, 3e-6), "c": None}
    providers = [provider(name) for name in "cab"]
    among = tier(*providers)
    kinds = iter(("c", "a", "b") * 2)
    balance = Balance(price_of=lambda kind, model: prices[next(kinds)])
    long_answer = ApiRequest(Operation.CHAT, "m", stream=False, body=b" " * 40)
    assert [x.provider.id for x in balance.order(among, "lowest_cost", long_answer)] == ["b", "a", "c"]
    long_prompt = ApiRequest(Operation.CHAT, "m", stream=False, body=b" " * 400_000)
    assert [x.provider.id for x in balance.order(among, "lowest_cost", long_prompt)] == ["a", "b", "c"]


def test_the_user_s_own_price_goes_before_the_list() -> None:
    among = tier(provider("a"), provider("b"), provider("free"))
    own = {"b": Price(1e-6, 1e-6), "free": Price(0.0, 0.0)}
    balance = Balance(price_of=lambda kind, model: Price(2e-6, 2e-6), own_price=lambda name, model: own.get(name))
    assert [x.provider.id for x in balance.order(among, "lowest_cost", REQUEST)] == ["free", "b", "a"]
