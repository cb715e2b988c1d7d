"""Tools of the Responses dialect as functions, and the way back."""

from typing import Any

import pytest

from app.dialects import openai_chat
from app.dialects.responses_tools import Called, function_name, names_of, read_choice, read_tools, unwrapped, wrapped
from app.domain.faults import FaultError
from app.domain.hub import ChoiceMode
from dialects.responses_rig import responses_request

FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edit.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
}
SPACE = {"type": "namespace", "name": "mcp__files__", "tools": [FUNCTION | {"name": "read"}]}


def test_functions_custom_tools_and_namespaces_become_functions() -> None:
    tools, names, dropped = read_tools({"tools": [FUNCTION, PATCH, SPACE, {"type": "web_search"}]})
    assert [tool.name for tool in tools] == ["f", "apply_patch", "mcp__files__read"]
    assert (tools[0].description, tools[0].schema, tools[0].strict) == ("d", {"type": "object"}, True)
    assert tools[1].schema is not None
    assert tools[1].schema["required"] == ["input"]
    assert "lark grammar:\nstart: /x/" in tools[1].description
    assert names["apply_patch"] == Called("apply_patch", custom=True)
    assert names["mcp__files__read"] == Called("read", "mcp__files__")
    assert dropped == ["tools.format", "tools.web_search"]


def test_a_long_name_is_shortened_the_same_way_every_time() -> None:
    name = function_name("n" * 60, "space")
    assert len(name) == 64
    assert name == function_name("n" * 60, "space") != function_name("n" * 61, "space")
    assert function_name("n" * 80) == "n" * 80


def test_what_only_openai_can_run_is_refused() -> None:
    for tool in ({"type": "file_search", "vector_store_ids": []}, {"type": "mcp", "server_url": "u"}):
        with pytest.raises(FaultError) as refused:
            read_tools({"tools": [tool]})
        assert tool["type"] in (refused.value.fault.param or "")


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("auto", ChoiceMode.AUTO, ()),
        ("required", ChoiceMode.REQUIRED, ()),
        ({"type": "function", "name": "f"}, ChoiceMode.REQUIRED, ("f",)),
        ({"type": "custom", "name": "apply_patch"}, ChoiceMode.REQUIRED, ("apply_patch",)),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ChoiceMode.AUTO,
            ("f",),
        ),
    ],
)
def test_the_choice(choice: Any, mode: ChoiceMode, names: tuple[str, ...]) -> None:
    sent = {"tools": [FUNCTION, PATCH], "tool_choice": choice, "parallel_tool_calls": False}
    read = read_choice(sent, read_tools(sent)[0], [])
    assert (read.mode, read.names, read.parallel) == (mode, names, False)


@pytest.mark.parametrize("choice", ["required", {"type": "web_search"}, "nonsense", 1])
def test_a_choice_that_cannot_be_kept_is_refused(choice: object) -> None:
    with pytest.raises(FaultError) as refused:
        read_choice({"tool_choice": choice}, (), ["tools.web_search"])
    assert (refused.value.fault.param or "").startswith("tool_choice")


def test_without_tools_nothing_is_said_about_them() -> None:
    request = responses_request(tools=[{"type": "web_search"}], tool_choice="auto", parallel_tool_calls=True)
    written = openai_chat.write_request(request, "m")
    assert b"tool" not in written.body
    assert written.dropped == ("tools.web_search",)
    assert names_of(request) == {}


def test_the_text_of_a_custom_call() -> None:
    assert unwrapped(wrapped('*** "patch"\n')) == '*** "patch"\n'
    assert unwrapped("no json") == "no json"
    assert unwrapped('{"other":1}') == '{"other":1}'
