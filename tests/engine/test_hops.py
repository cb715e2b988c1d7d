import pytest

from app.domain.faults import FaultError, FaultKind
from app.engine import hops
from app.engine.bus import Bus
from engine.rig import make_provider


def test_a_request_carries_every_mark_onward() -> None:
    assert hops.onward("") == ((hops.HEADER, hops.MARK),)
    assert hops.onward("a, b") == ((hops.HEADER, f"a, b, {hops.MARK}"),)


@pytest.mark.parametrize("header", ["", "other", "other, another"])
def test_marks_of_others_are_let_through(header: str) -> None:
    hops.check(header)


@pytest.mark.parametrize("header", [hops.MARK, f"other,{hops.MARK}", ", ".join("abcdefghij")])
def test_our_own_mark_or_too_many_are_a_circle(header: str) -> None:
    with pytest.raises(FaultError) as caught:
        hops.check(header)
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR
    assert not caught.value.fault.policy.should_retry


def test_only_what_is_near_gets_the_mark() -> None:
    near = make_provider(Bus(), "a", "http://127.0.0.1:9/v1")
    far = make_provider(Bus(), "b", "https://api.example.com/v1")
    assert (hops.HEADER, hops.MARK) in near._options().headers
    assert hops.HEADER not in dict(far._options().headers)
