"""A candidate is a hope until it is refused or was asked often enough; whoever is free comes first."""

import math
from collections.abc import Callable

import pytest

from app.domain.faults import Fault, FaultKind
from app.engine import guard as guard_module
from app.engine.bus import Bus
from app.engine.hopes import Hopes
from app.engine.router import Candidate
from engine.rig import make_provider

NOW_S = 100.0
LONGEST_S = 20.0


@pytest.fixture
def candidates() -> list[Candidate]:
    bus = Bus()
    return [Candidate(make_provider(bus, name, "http://127.0.0.1:9/v1"), "demo", "") for name in ("a", "b")]


@pytest.fixture
def hopes(candidates: list[Candidate]) -> Hopes:
    return Hopes(candidates, lambda: NOW_S)


def cool(candidate: Candidate, kind: FaultKind = FaultKind.RATE_LIMITED, after_s: float | None = None) -> None:
    guard = candidate.provider.guard
    guard.failed(
        guard.enter(candidate.model), Fault(kind, "no.", provider=candidate.provider.id, retry_after_s=after_s)
    )


def try_all(hopes: Hopes) -> None:
    for candidate in hopes.candidates:
        hopes.ask(candidate)


def test_whoever_is_free_and_was_never_asked_comes_before_whoever_named_a_time(
    hopes: Hopes, candidates: list[Candidate]
) -> None:
    cool(candidates[0], after_s=5.0)
    hope = hopes.best(LONGEST_S)
    assert hope is not None
    assert (hope.candidate, hope.wait_s, hope.forced, hope.again) == (candidates[1], 0.0, False, False)
    hopes.ask(candidates[1])
    hope = hopes.best(LONGEST_S)
    assert hope is not None
    assert (hope.candidate, hope.forced) == (candidates[0], False)
    assert hope.wait_s == pytest.approx(5.0, abs=0.5)
    assert hopes.best(4.0) is None, "that takes too long, and it has just been asked"


def test_whoever_wants_to_be_asked_again_is_waited_for_as_a_retry(hopes: Hopes, candidates: list[Candidate]) -> None:
    try_all(hopes)
    assert hopes.best(LONGEST_S) is None
    hopes.postpone(candidates[1], 3.0)
    hope = hopes.best(LONGEST_S)
    assert hope is not None
    assert (hope.candidate, hope.wait_s, hope.again) == (candidates[1], 3.0, True)
    hopes.ask(candidates[1])
    assert hopes.best(LONGEST_S) is None, "it was asked often enough"


def test_the_first_to_recover_is_asked_at_once_when_a_probe_is_allowed(
    hopes: Hopes, candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "PROBE_S", 0.0)
    cool(candidates[0], FaultKind.AUTH)
    cool(candidates[1], FaultKind.QUOTA, after_s=3600.0)
    hope = hopes.best(LONGEST_S)
    assert hope is not None
    assert (hope.candidate, hope.wait_s, hope.forced) == (candidates[1], 0.0, True)
    assert [math.isinf(block.wait_s) for _, block in hopes.blocked()] == [True, False]


def refuse(hopes: Hopes, candidate: Candidate) -> None:
    hopes.refuse(candidate)


def retire(_: Hopes, candidate: Candidate) -> None:
    candidate.provider._retired = True


def narrow(hopes: Hopes, candidate: Candidate) -> None:
    hopes.only = [one for one in hopes.candidates if one is not candidate]


@pytest.mark.parametrize("end", [refuse, retire, narrow])
@pytest.mark.parametrize("blocked", [False, True])
def test_a_hope_that_has_ended_never_comes_back(
    hopes: Hopes,
    candidates: list[Candidate],
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Hopes, Candidate], None],
    blocked: bool,
) -> None:
    monkeypatch.setattr(guard_module, "PROBE_S", 0.0)
    if blocked:
        cool(candidates[0], FaultKind.AUTH)
    hopes.ask(candidates[1])
    end(hopes, candidates[0])
    assert hopes.best(LONGEST_S) is None


def test_others_are_those_who_were_not_asked_and_are_not_left_alone(hopes: Hopes, candidates: list[Candidate]) -> None:
    first, second = candidates
    assert hopes.others(first)
    assert hopes.ask(second) == 1
    assert not hopes.others(first)
    assert hopes.others(second)
    cool(first, FaultKind.AUTH)
    assert not hopes.others(second)
