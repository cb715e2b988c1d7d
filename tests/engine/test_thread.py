"""Digests of conversations: what counts, and what clients may change without harm."""

from app.domain.hub import Message, Role, Text, Thought, ToolCall, ToolResult
from app.engine.thread import Thread


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


HELLO, ANSWER = said(Role.USER, "Hello"), said(Role.ASSISTANT, "Hi there")


def until(*messages: Message) -> str:
    return Thread(messages).until(len(messages) - 1)


def test_the_same_conversation_has_the_same_digest() -> None:
    assert until(HELLO, ANSWER) == until(HELLO, ANSWER)
    assert Thread((HELLO, ANSWER)).before(1) == until(HELLO)
    assert Thread((HELLO,)).before(0) == ""


def test_what_was_said_before_counts() -> None:
    digests = {until(ANSWER), until(HELLO, ANSWER), until(HELLO, HELLO, ANSWER), until(said(Role.USER, "Ho"), ANSWER)}
    assert len(digests) == 4


def test_instructions_and_blanks_do_not_count() -> None:
    dated = said(Role.SYSTEM, "It is 12:03.")
    assert until(dated, HELLO, ANSWER) == until(HELLO, said(Role.DEVELOPER, "x"), ANSWER)
    assert until(HELLO, said(Role.ASSISTANT, "Hi there\n")) == until(HELLO, ANSWER)


def test_thoughts_ids_and_the_order_of_arguments_do_not_count() -> None:
    one = Message(Role.ASSISTANT, (Thought("Hm"), ToolCall("a", "f", '{"x": 1, "y": "é"}')))
    other = Message(Role.ASSISTANT, (ToolCall("b", "f", '{"y":"\\u00e9","x":1}'),))
    assert until(HELLO, one) == until(HELLO, other)
    assert until(HELLO, one) != until(HELLO, Message(Role.ASSISTANT, (ToolCall("a", "f", '{"x":2}'),)))
    assert until(HELLO, Message(Role.ASSISTANT, (ToolCall("a", "f", "no json"),)))


def test_results_count_by_their_words() -> None:
    def result(text: str) -> Message:
        return Message(Role.TOOL, (ToolResult("a", (Text(text),)),))

    assert until(result("1")) != until(result("2"))
    assert until(said(Role.USER, "\ud83d"))
