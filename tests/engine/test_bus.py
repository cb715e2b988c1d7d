import logging

import pytest

from app.domain.events import ProvidersChanged, RequestStarted
from app.engine.bus import Bus


def test_listeners_hear_events_in_order_until_they_unsubscribe() -> None:
    bus, heard = Bus(), []
    stop = bus.subscribe(lambda event: heard.append(("a", event)))
    bus.subscribe(lambda event: heard.append(("b", event)))
    bus.publish(ProvidersChanged())
    stop()
    bus.publish(RequestStarted("r1"))
    assert heard == [("a", ProvidersChanged()), ("b", ProvidersChanged()), ("b", RequestStarted("r1"))]


def test_a_listener_that_raises_is_logged_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = Bus(), []

    def broken(event: object) -> None:
        raise RuntimeError("boom")

    bus.subscribe(broken)
    bus.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        bus.publish(ProvidersChanged())
    assert heard == [ProvidersChanged()]
    assert "bus listener failed event=ProvidersChanged" in caplog.text


def test_unsubscribing_while_an_event_is_published_loses_nobody() -> None:
    bus, heard = Bus(), []
    stops = []
    stops.append(bus.subscribe(lambda event: stops[0]()))
    bus.subscribe(heard.append)
    bus.publish(ProvidersChanged())
    bus.publish(ProvidersChanged())
    assert len(heard) == 2
