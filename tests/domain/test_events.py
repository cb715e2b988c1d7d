import typing
from dataclasses import is_dataclass

from app.domain import events


def test_every_event_is_a_frozen_dataclass() -> None:
    for event in typing.get_args(events.Event):
        assert is_dataclass(event)
        assert event.__dataclass_params__.frozen
