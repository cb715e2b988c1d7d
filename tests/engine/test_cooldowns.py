import pytest

from app.domain.faults import Cooldown, Fault, FaultKind
from app.domain.secret import Secret
from app.engine.cooldowns import LIMITED_S, MISSING_S, QUOTA_S, Cooldowns, fingerprint


class Clock:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cooldowns(clock: Clock) -> Cooldowns:
    return Cooldowns((), clock)


def fault(kind: FaultKind, retry_after_s: float | None = None) -> Fault:
    return Fault(kind, "It refused.", "Mend it.", "a", retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("kind", "after_s", "scope", "name", "lasts_s", "told"),
    [
        (FaultKind.AUTH, None, Cooldown.KEY, "key", None, False),
        (FaultKind.QUOTA, None, Cooldown.KEY, "key", QUOTA_S, False),
        (FaultKind.QUOTA, 90.0, Cooldown.KEY, "key", 90.0, True),
        (FaultKind.RATE_LIMITED, None, Cooldown.MODEL, "m", LIMITED_S, False),
        (FaultKind.RATE_LIMITED, 3.0, Cooldown.MODEL, "m", 3.0, True),
        (FaultKind.MODEL_NOT_FOUND, None, Cooldown.MODEL, "m", MISSING_S, False),
    ],
)
def test_what_cools_and_for_how_long(
    cooldowns: Cooldowns,
    clock: Clock,
    kind: FaultKind,
    after_s: float | None,
    scope: Cooldown,
    name: str,
    lasts_s: float | None,
    told: bool,
) -> None:
    assert cooldowns.add(fault(kind, after_s), "m", "key") is not None
    one = cooldowns.find("a", scope, name)
    assert one is not None
    assert (one.until_s, one.told) == (None if lasts_s is None else clock.now_s + lasts_s, told)
    if lasts_s is not None:
        clock.now_s += lasts_s - 0.1
        assert cooldowns.find("a", scope, name) is one
        clock.now_s += 0.2
        assert cooldowns.find("a", scope, name) is None
        assert not cooldowns


def test_other_faults_cool_nothing(cooldowns: Cooldowns) -> None:
    for kind in (FaultKind.SERVER_ERROR, FaultKind.BAD_REQUEST, FaultKind.UNREACHABLE, FaultKind.CLIENT_GONE):
        assert cooldowns.add(fault(kind), "m", "key") is None
    assert cooldowns.to_save() is None


def test_an_answer_to_an_older_call_lifts_nothing(cooldowns: Cooldowns, clock: Clock) -> None:
    cooldowns.add(fault(FaultKind.RATE_LIMITED, 9.0), "m", "key")
    cooldowns.lift("a", Cooldown.MODEL, "m", clock.now_s - 1)
    assert cooldowns.of("a")
    cooldowns.lift("a", Cooldown.MODEL, "m", clock.now_s)
    assert not cooldowns.of("a")


def test_another_key_lifts_what_was_found_out_with_the_old_one(cooldowns: Cooldowns) -> None:
    cooldowns.add(fault(FaultKind.AUTH), "m", "old")
    cooldowns.add(fault(FaultKind.MODEL_NOT_FOUND), "m", "old")
    cooldowns.changed_key("a", "old")
    assert len(cooldowns.of("a")) == 2
    cooldowns.changed_key("a", "new")
    assert [one.scope for one in cooldowns.of("a")] == [Cooldown.MODEL]


def test_what_was_saved_is_taken_over_but_nothing_that_a_broken_clock_wrote(clock: Clock) -> None:
    first = Cooldowns((), clock)
    first.add(fault(FaultKind.AUTH), "m", "key")
    first.add(fault(FaultKind.RATE_LIMITED, 3000.0), "m", "key")
    saved = first.to_save()
    assert saved is not None
    assert first.to_save() is None
    assert len(Cooldowns(saved, clock).of("a")) == 2
    clock.now_s += 4000
    assert [one.kind for one in Cooldowns(saved, clock).of("a")] == [FaultKind.AUTH]
    clock.now_s -= 100_000
    assert [one.kind for one in Cooldowns(saved, clock).of("a")] == [FaultKind.AUTH]


def test_they_do_not_grow_for_ever(cooldowns: Cooldowns) -> None:
    for number in range(1100):
        cooldowns.add(fault(FaultKind.MODEL_NOT_FOUND), f"m{number}", "key")
    assert len(cooldowns.of("a")) == 1000
    cooldowns.lift_all("a")
    assert not cooldowns


def test_a_fingerprint_tells_keys_apart_and_not_what_they_are() -> None:
    assert fingerprint(Secret("sk-one-0123456789")) == fingerprint(Secret("sk-one-0123456789"))
    assert fingerprint(Secret("sk-one-0123456789")) != fingerprint(Secret("sk-two-0123456789"))
    assert len(fingerprint(Secret("sk-one-0123456789"))) == 12
    assert fingerprint(None) == ""
