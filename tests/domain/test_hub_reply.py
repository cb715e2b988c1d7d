"""The provider's side of the hub language: what its types promise."""

import dataclasses

import pytest

from app.domain import hub_reply
from app.domain.hub_reply import CONTENT, Finish
from app.domain.usage import NO_USAGE


@pytest.mark.parametrize(
    ("finish", "called", "settled"),
    [
        (Finish.STOP, True, Finish.TOOL_CALLS),
        (Finish.STOP_SEQUENCE, True, Finish.TOOL_CALLS),
        (Finish.TOOL_CALLS, False, Finish.STOP),
        (Finish.TOOL_CALLS, True, Finish.TOOL_CALLS),
        (Finish.LENGTH, True, Finish.LENGTH),
        (Finish.STOP, False, Finish.STOP),
    ],
)
def test_a_finish_settles_by_whether_tools_were_called(finish: Finish, called: bool, settled: Finish) -> None:
    assert finish.settled(called=called) is settled


def test_everything_is_frozen() -> None:
    types = [t for t in vars(hub_reply).values() if dataclasses.is_dataclass(t) and isinstance(t, type)]
    assert len(types) > 15
    assert all(t.__dataclass_params__.frozen for t in types)


def test_only_content_commits() -> None:
    assert not isinstance(hub_reply.Started(), CONTENT)
    assert not isinstance(hub_reply.Counted(NO_USAGE), CONTENT)
    assert isinstance(hub_reply.TextDelta("a"), CONTENT)
