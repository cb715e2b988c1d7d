"""Of several faults the one that tells a client most is shown."""

from app.domain.faults import Fault, FaultKind
from app.engine.telling import worst

DOWN = Fault(FaultKind.UNREACHABLE, "a cannot be reached.", provider="a")
LIMITED = Fault(FaultKind.RATE_LIMITED, "b limits the rate.", provider="b")


def test_a_rate_limit_tells_more_than_that_others_are_down() -> None:
    assert worst([LIMITED, DOWN]).kind is FaultKind.RATE_LIMITED
    assert worst([LIMITED, DOWN]).message == "b limits the rate. The others: a: provider_unreachable."


def test_else_the_last_one_is_shown_and_the_same_provider_is_not_named_twice() -> None:
    last = Fault(FaultKind.RESET, "a broke off.", provider="a")
    assert worst([DOWN, last]) is last
