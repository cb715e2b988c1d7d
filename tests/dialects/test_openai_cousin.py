"""OpenAI chat by the quirks of a provider: reasoning in tags, plain and streamed, and requests."""

import json

from app.dialects import openai_chat
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
