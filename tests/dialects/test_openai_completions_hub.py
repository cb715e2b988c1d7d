"""Completions for providers of other dialects: what is asked, refused, and answered."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, gemini, openai_completions
from app.dialects.openai_completions_hub import EventWriter, read_request, write_reply
from app.dialects.translation import Translation
from app.domain.faults import FaultError
from app.domain.hub import Message, Refusal, Role, Text, Thought, ToolCall
from app.domain.hub_reply import (
    CallStarted,
    ChatReply,
    Choice,
    Counted,
    Ended,
    Finish,
    Finished,
    Started,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import Usage
from dialects import invented, witness
from dialects.translating import sse_events


def asked(**more: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "Once", **more}).encode()


def test_a_prompt_is_a_turn_of_the_user() -> None:
    request = read_request(asked(max_tokens=9, temperature=0.5, stop="END", seed=3, n=2, user="u", logprobs=2, new=1))
    assert request.messages == (Message(Role.USER, (Text("Once"),)),)
    assert (request.sampling.max_output, request.sampling.stop, request.sampling.n) == (9, ("END",), 2)
    assert (request.sampling.logprobs, request.sampling.top_logprobs, request.user) == (True, 2, "u")
    assert (request.stream, request.wants_usage, dict(request.extras)) == (False, False, {"new": 1})
    assert read_request(asked(prompt=["Once"])).messages == request.messages


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"suffix": "end"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"best_of": 3}, "best_of"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1]]}, "prompt"),
        ({"prompt": []}, "prompt"),
    ],
)
def test_what_cannot_be_said_in_a_conversation_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(FaultError) as refused:
        read_request(asked(**more))
    assert refused.value.fault.param == param


def test_a_plain_answer_has_the_words_alone() -> None:
    parts = (Thought("Hm."), Text("upon "), Text("a time"), ToolCall("a", "f"))
    choices = (Choice(parts, Finish.LENGTH), Choice((Refusal("No."),), Finish.REFUSAL))
    told = json.loads(write_reply(ChatReply("id1", "", choices, Usage(7, output=3), 5), read_request(asked())))
    assert (told["id"], told["object"], told["created"], told["model"]) == ("id1", "text_completion", 5, "m")
    assert [(c["index"], c["text"], c["finish_reason"]) for c in told["choices"]] == [
        (0, "upon a time", "length"),
        (1, "No.", "content_filter"),
    ]
    assert told["usage"]["total_tokens"] == 10


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream(wanted: bool) -> None:
    writer = EventWriter(read_request(asked(stream=True, stream_options={"include_usage": wanted})))
    events = [
        Started("id1", "gpt", 5),
        ThoughtDelta("Hm."),
        TextDelta("upon"),
        CallStarted(0, "a", "f"),
        Counted(Usage(7, output=3)),
        Finished(Finish.STOP),
        Ended(),
    ]
    out = writer.write(events)
    chunks = sse_events(out)
    assert [(c["text"], c["finish_reason"]) for chunk in chunks for c in chunk["choices"]] == [
        ("upon", None),
        ("", "stop"),
    ]
    assert [chunk["usage"]["prompt_tokens"] for chunk in chunks if not chunk["choices"]] == [7] * wanted
    assert out.endswith(b"data: [DONE]\n\n")
    assert out.count(b"[DONE]") == 1
    assert {chunk["model"] for chunk in chunks} == {"gpt"}


def test_through_and_through() -> None:
    request = openai_completions.parse_request(asked(stream=True, stop="END"))
    for provider, name, path in ((anthropic, "anthropic", "/v1/messages"), (gemini, "gemini", "stream")):
        joined = Translation(openai_completions, provider)
        written = joined.write(request, "claude-sonnet-4-5")
        assert path in written.path
        assert b"END" in written.body
        answer = invented.Invented([("thought", 0, "Hm."), ("text", 0, "upon"), ("text", 0, " a")], tokens=(9, 0, 4))
        stream = joined.open_stream(request)
        out = stream.feed(b"".join(invented.STREAMS[name](answer))) + stream.finish()
        assert witness.read("openai_completions", out, stream=True).text == "upon a"
        assert stream.complete
