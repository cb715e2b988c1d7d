"""The hub language: what its types promise."""

import dataclasses

from app.domain import hub
from app.domain.hub import Message, Role, Text, ToolCall


def test_the_text_of_a_message_is_its_words() -> None:
    assert Message(Role.USER, (Text("a"), ToolCall("1", "f"), Text("b"))).text == "ab"


def test_everything_is_frozen() -> None:
    types = [t for t in vars(hub).values() if dataclasses.is_dataclass(t) and isinstance(t, type)]
    assert len(types) > 15
    assert all(t.__dataclass_params__.frozen for t in types)
