"""Of several faults the one that tells a client most is shown."""

from app.domain.faults import Fault, FaultKind
from app.engine.telling import missed, outlived, worst

DOWN = Fault(FaultKind.UNREACHABLE, "a cannot be reached.", provider="a")
LIMITED = Fault(FaultKind.RATE_LIMITED, "b limits the rate.", provider="b")


def test_a_rate_limit_tells_more_than_that_others_are_down() -> None:
    assert worst([LIMITED, DOWN]).kind is FaultKind.RATE_LIMITED
    assert worst([LIMITED, DOWN]).message == "b limits the rate. The others: a: provider_unreachable."


def test_else_the_last_one_is_shown_and_the_same_provider_is_not_named_twice() -> None:
    last = Fault(FaultKind.RESET, "a broke off.", provider="a")
    assert worst([DOWN, last]) is last


def test_a_request_that_waited_too_long_hears_of_the_queue_and_of_its_time() -> None:
    told = missed(600.0, 601.25)
    assert (told.status, told.policy.should_retry) == (504, True)
    assert "The 600 s of the request (timeouts.total_s)" in told.message
    assert "the queue of the limits for 601 s" in told.message


def test_a_provider_that_went_away_meanwhile_lets_the_next_be_asked_and_is_not_to_blame() -> None:
    told = outlived("work", "OpenAI (work)")
    assert (told.status, told.provider, told.retry_after_s) == (503, "work", None)
    assert (told.policy.next, told.policy.should_retry, told.policy.breaker) == (True, True, False)
    assert told.message.startswith("OpenAI (work) was removed")
