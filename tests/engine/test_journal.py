from datetime import UTC, datetime

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.faults import Fault, FaultKind
from app.engine.bus import Bus
from app.engine.journal import Journal
from app.engine.router import Candidate
from engine.rig import make_provider

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_the_account_is_published_exactly_once() -> None:
    bus, heard = Bus(), []
    bus.subscribe(heard.append)
    journal = Journal(bus, "r1", "ide", lambda: NOON)
    journal.operation, journal.model, journal.stream = Operation.EMBEDDINGS, "m", False
    journal.finish(502, "failed", Fault(FaultKind.UNREACHABLE, "down.", "wait."))
    journal.finish(200)
    assert len(heard) == 1
    event = heard[0]
    assert isinstance(event, RequestFinished)
    assert (event.request_id, event.client, event.started_at, event.status) == ("r1", "ide", NOON, 502)
    assert (event.fault, event.detail, event.provider, event.first_byte_ms) == (
        "provider_unreachable", "down. wait.", "", None,
    )  # fmt: skip
    assert event.usage.input is None


def test_an_account_names_no_more_than_so_many_that_were_passed_over() -> None:
    bus, heard = Bus(), []
    bus.subscribe(heard.append)
    journal = Journal(bus, "r1", "ide", lambda: NOON)
    one = Candidate(make_provider(bus, "p", "http://127.0.0.1:9/v1"), "m", "")
    for _ in range(50):
        journal.passed_over(one, "not needed")
    journal.finish(200)
    assert len(heard[0].skipped) == 11
    assert heard[0].skipped[-1].reason == "40 more were passed over"


def test_the_log_line_says_what_whom_and_how_long(caplog) -> None:
    with caplog.at_level("DEBUG"):
        Journal(Bus(), "r1", "ide", lambda: NOON).finish(200)
    line = caplog.records[0].getMessage()
    assert line.startswith("request ok id=r1 route=chat model= provider=- client=ide ms=")
    assert line.endswith("in=- out=- attempts=0 status=200 fault=-")


def test_a_request_that_went_well_is_no_news_in_the_log(caplog) -> None:
    with caplog.at_level("INFO"):
        Journal(Bus(), "r1", "ide", lambda: NOON).finish(200)
        assert caplog.records == []
        Journal(Bus(), "r2", "ide", lambda: NOON).finish(502, "failed", Fault(FaultKind.UNREACHABLE, "down."))
    assert [record.levelname for record in caplog.records] == ["INFO"]
