"""A plain answer as a Responses object."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.dialects.responses_reply import stem_of, write_reply, write_usage
from app.domain.hub import Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation, Finish
from app.domain.usage import NO_USAGE, Usage
from dialects.responses_rig import responses_request

GOLDEN = Path(__file__).parent / "golden" / "responses"


def reply(*parts: Any, finish: Finish = Finish.STOP, **more: Any) -> dict[str, Any]:
    notes = (Citation("openai", {}, "https://x", "X"), Citation("gemini", {}))
    answer = ChatReply("chatcmpl-1", "m-1", (Choice(parts, finish, citations=notes),), Usage(7, output=3), 5)
    written: dict[str, Any] = json.loads(write_reply(answer, responses_request(**more)))
    return written


def test_the_whole_response() -> None:
    tools = [{"type": "custom", "name": "p"}, {"type": "function", "name": "f", "parameters": None, "strict": None}]
    written = reply(
        Thought("t", sealed="E", origin="responses"),
        Text("a"),
        Text("b"),
        ToolCall("c1", "f"),
        ToolCall("c2", "p", '{"input":"x"}'),
        finish=Finish.TOOL_CALLS,
        tools=tools,
        instructions="Be brief.",
        metadata={"k": "v"},
    )
    assert written == json.loads((GOLDEN / "reply.json").read_text("utf-8"))
    assert written["output"][1]["content"][0]["text"] == "ab"
    assert [item["type"] for item in written["output"]] == ["reasoning", "message", "function_call", "custom_tool_call"]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (Finish.LENGTH, "max_output_tokens"),
        (Finish.FILTER, "content_filter"),
        (Finish.REFUSAL, "content_filter"),  # Anthropic's: the words are no words of refusal
    ],
)
def test_what_was_cut_is_incomplete(finish: Finish, reason: str) -> None:
    written = reply(Text("a"), finish=finish)
    assert (written["status"], written["incomplete_details"]) == ("incomplete", {"reason": reason})


def test_a_refusal_is_a_part_of_the_message() -> None:
    written = reply(Refusal("No."), finish=Finish.REFUSAL)
    assert written["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]
    assert written["status"] == "completed"


def test_the_signature_of_a_call_stands_in_front_of_it() -> None:
    items = reply(ToolCall("c1", "f", "{}", signature="G"), finish=Finish.TOOL_CALLS)["output"]
    assert [(item["type"], item["id"]) for item in items] == [
        ("reasoning", "rs_chatcmpl1_0"),
        ("function_call", "fc_chatcmpl1_1"),
    ]
    assert responses_request(input=items).messages[0].parts == (ToolCall("c1", "f", "{}", signature="G"),)


def test_ids_and_unknown_usage() -> None:
    assert stem_of("chatcmpl-é1") == "chatcmpl1"
    assert stem_of("") == "0"
    assert write_usage(NO_USAGE)["total_tokens"] == 0
