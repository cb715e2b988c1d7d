"""The hub language: what its types promise."""

import dataclasses

import pytest

from app.domain import hub
from app.domain.hub import CONTENT, Finish, Message, Role, Text, ToolCall


def test_the_text_of_a_message_is_its_words() -> None:
    assert Message(Role.USER, (Text("a"), ToolCall("1", "f"), Text("b"))).text == "ab"


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
    types = [t for t in vars(hub).values() if dataclasses.is_dataclass(t) and isinstance(t, type)]
    assert len(types) > 30
    assert all(t.__dataclass_params__.frozen for t in types)


def test_only_content_commits() -> None:
    assert not isinstance(hub.Started(), CONTENT)
    assert not isinstance(hub.Counted(hub.NO_USAGE), CONTENT)
    assert isinstance(hub.TextDelta("a"), CONTENT)
