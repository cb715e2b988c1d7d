"""OpenAI chat by the quirks of a provider: reasoning in tags, plain and streamed, and requests."""

import json
from typing import Any

from app.dialects import openai_chat
from app.dialects.openai_chat_quirks import call_id_of
from app.dialects.openai_cousin import Cousin
from app.domain.hub import Text, Thought
from app.domain.hub_reply import TextDelta, ThoughtDelta
from dialects.translating import anthropic_request, openai_stream

TAGS, PLAIN = Cousin(openai_chat.Quirks(think_tags=True)), Cousin(openai_chat.Quirks())
ANSWER = "<think>\nTwo and two.\n</think>\n\nFour."


def test_tags_become_thoughts() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    body = json.dumps({"id": "c", "choices": [choice]}).encode()
    assert TAGS.read_reply(body).choices[0].parts == (Thought("Two and two.\n"), Text("Four."))
    assert PLAIN.read_reply(body).choices[0].parts == (Text(ANSWER),)


def test_tags_become_thoughts_in_a_stream() -> None:
    stream = openai_stream(*({"content": letter} for letter in ANSWER))

    def said(cousin: Cousin) -> tuple[str, str]:
        events = cousin.event_reader().feed(stream)
        thoughts = "".join(event.text for event in events if isinstance(event, ThoughtDelta))
        return thoughts, "".join(event.text for event in events if isinstance(event, TextDelta))

    assert said(TAGS)[0].strip() == "Two and two."
    assert said(TAGS)[1].strip() == "Four."
    assert said(PLAIN) == ("", ANSWER)


def test_requests_are_written_by_quirks() -> None:
    cousin = Cousin(openai_chat.Quirks(limit="max_completion_tokens"))
    assert json.loads(cousin.write_request(anthropic_request(), "m").body)["max_completion_tokens"] == 100
    assert cousin.parse_fault(b'{"error":{"message":"no"}}').message == "no"
    assert cousin.NAME == "openai"


def test_recorded_answers_of_open_models_have_their_thoughts_apart(exchanges: list[dict[str, Any]]) -> None:
    seen = 0
    for exchange in exchanges:
        if '"content": "<think>' not in exchange["resp"]:
            continue
        parts = TAGS.read_reply(exchange["resp"].encode()).choices[0].parts
        content = json.loads(exchange["resp"])["choices"][0]["message"]["content"]
        assert isinstance(parts[0], Thought)
        assert "<think>" not in str(parts)
        assert all(part.text.strip() in content for part in parts if isinstance(part, Thought | Text))
        seen += 1
    assert seen >= 2


def test_mistrals_own_ids_are_the_recorded_ones(exchanges: list[dict[str, Any]]) -> None:
    mistral = openai_chat.Quirks(short_ids=True)
    ids = [
        call["id"]
        for exchange in exchanges
        if exchange["provider"] == "mistral" and exchange["status"] == 200 and "stream" not in exchange["kinds"]
        for choice in json.loads(exchange["resp"])["choices"]
        for call in choice["message"].get("tool_calls") or ()
    ]
    assert len(ids) >= 10
    assert [call_id_of(call_id, mistral) for call_id in ids] == ids
