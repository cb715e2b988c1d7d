import pytest

from app.domain.faults import Fault, FaultKind
from app.domain.status import BreakerState
from app.engine.bus import Bus
from app.engine.outage import LOOK_S, WITHIN_S, Outage
from app.engine.provider import Provider
from engine.rig import make_provider


class World:
    def __init__(self, *urls: str) -> None:
        self.now_s = 100.0
        self.providers = [make_provider(Bus(), f"p{at}", url) for at, url in enumerate(urls)]
        self.asked: list[Provider] = []
        self.told: list[bool] = []
        self.outage = Outage(lambda: self.providers, self.asked.append, self.told.append, lambda: self.now_s)

    def fail(self, at: int, kind: FaultKind = FaultKind.UNREACHABLE) -> None:
        provider = self.providers[at]
        ticket = provider.guard.enter("m")
        fault = Fault(kind, "x", provider=provider.id)
        self.outage.contact(provider, fault)
        provider.guard.failed(ticket, fault, counts=not self.outage.offline)


@pytest.fixture
def two() -> World:
    return World("https://a.example.com/v1", "https://b.example.com/v1")


def test_one_failing_provider_is_no_outage_but_the_others_are_asked(two: World) -> None:
    two.fail(0)
    assert not two.outage.offline
    assert two.asked == [two.providers[1]]
    two.fail(0)
    assert len(two.asked) == 1


def test_when_nobody_can_be_reached_within_five_seconds_it_is_told_once(two: World) -> None:
    two.fail(0)
    two.now_s += WITHIN_S - 0.1
    two.fail(1, FaultKind.DNS_FAILURE)
    assert two.outage.offline
    two.fail(0)
    two.fail(1)
    assert two.told == [True]
    assert two.outage.fault.kind is FaultKind.OFFLINE


def test_failures_far_apart_are_no_outage(two: World) -> None:
    two.fail(0)
    two.now_s += WITHIN_S + 0.1
    two.fail(1)
    assert not two.outage.offline
    assert two.asked == [two.providers[1], two.providers[0]]


def test_silence_alone_is_no_outage_but_one_who_cannot_connect_settles_it(two: World) -> None:
    two.fail(0, FaultKind.FIRST_BYTE_TIMEOUT)
    two.fail(1, FaultKind.FIRST_BYTE_TIMEOUT)
    assert not two.outage.offline
    two.fail(0, FaultKind.CONNECT_TIMEOUT)
    assert two.outage.offline


def test_any_answer_ends_it(two: World) -> None:
    two.fail(0)
    two.fail(1)
    two.outage.contact(two.providers[1], Fault(FaultKind.SERVER_ERROR, "x"))
    assert not two.outage.offline
    assert two.told == [True, False]


def test_the_breakers_are_as_they_were(two: World) -> None:
    for _ in range(5):
        two.fail(0)
    assert two.providers[0].guard.breaker.state is BreakerState.OPEN
    two.fail(1)
    for _ in range(20):
        two.fail(0)
        two.fail(1)
    assert [p.guard.breaker.state for p in two.providers] == [BreakerState.CLOSED] * 2


def test_while_offline_everybody_is_asked_again_and_again(two: World) -> None:
    two.outage.look()
    two.fail(0)
    two.fail(1)
    two.asked.clear()
    for _ in range(6):
        two.now_s += LOOK_S / 2
        two.outage.look()
    assert two.asked == two.providers * 3


def test_one_provider_alone_cannot_tell() -> None:
    alone = World("https://a.example.com/v1")
    for _ in range(9):
        alone.fail(0, FaultKind.DNS_FAILURE)
    assert not alone.outage.offline


def test_a_local_server_that_answers_does_not_hide_that_the_network_is_gone() -> None:
    world = World("https://a.example.com/v1", "https://b.example.com/v1", "http://127.0.0.1:11434/v1")
    world.outage.contact(world.providers[2], None)
    world.fail(0)
    world.fail(1)
    assert world.outage.offline
