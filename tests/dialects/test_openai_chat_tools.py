"""Tools as OpenAI chat: which are offered, how the choice among them is said, and where a cache mark goes."""

import json

import pytest

from app.dialects import openai_chat
from app.domain.faults import FaultError
from app.providers.catalog import CATALOG
from dialects.translating import anthropic_request, gemini_request, openai_request, to_openai

QUIRKS = {row.id: row.cousin for row in CATALOG}


def test_a_tool_of_another_provider_is_refused() -> None:
    with pytest.raises(FaultError, match="web_search"):
        to_openai(tools=[{"type": "web_search_20250305", "name": "web_search"}])


@pytest.mark.parametrize(
    ("mode", "names", "openai", "others", "offered"),
    [
        ("ANY", ["f", "g"], "required", "required", ["f", "g"]),
        ("AUTO", ["f"], "auto", "auto", ["f"]),
        ("ANY", ["f"], None, {"type": "function", "function": {"name": "f"}}, ["f", "g", "h"]),
        ("ANY", [], None, "required", ["f", "g", "h"]),
    ],
)
def test_only_the_allowed_tools_are_offered_where_their_form_is_unknown(
    mode: str, names: list[str], openai: str | None, others: object, offered: list[str]
) -> None:
    request = gemini_request(
        tools=[{"functionDeclarations": [{"name": name} for name in "fgh"]}],
        toolConfig={"functionCallingConfig": {"mode": mode, "allowedFunctionNames": names}},
    )
    for kind in ("openai", "azure", "azure-deployments"):
        written = json.loads(openai_chat.write_request(request, "m", QUIRKS[kind]).body)
        assert len(written["tools"]) == 3
        tools = [{"type": "function", "function": {"name": name}} for name in names]
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": openai, "tools": tools}}
        assert written["tool_choice"] == (allowed if openai else others)
    for kind in ("deepseek", "openrouter", "openai-compatible"):
        written = json.loads(openai_chat.write_request(request, "m", QUIRKS[kind]).body)
        assert written["tool_choice"] == others
        assert [tool["function"]["name"] for tool in written["tools"]] == offered


def test_an_openai_clients_allowed_tools_stay() -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in "fg"]
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    }
    written = json.loads(openai_chat.write_request(openai_request(tools=tools, tool_choice=choice), "m").body)
    assert (written["tools"], written["tool_choice"]) == (tools, choice)


def test_a_marked_tool_stays_marked_where_marks_are_known() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    request = anthropic_request(tools=[{"name": "f", "input_schema": {"type": "object"}, "cache_control": mark}])
    function = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    for kind, tool, dropped in (
        ("openrouter", function | {"cache_control": mark}, ()),
        ("openai", function, ("cache_control",)),
    ):
        written = openai_chat.write_request(request, "m", QUIRKS[kind])
        assert json.loads(written.body)["tools"] == [tool]
        assert written.dropped == dropped
