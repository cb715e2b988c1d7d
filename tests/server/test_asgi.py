"""Answers of our own become ASGI messages."""

import pytest

from app.dialects import openai_chat
from app.domain.chat import Answer
from app.domain.faults import Fault, FaultKind
from app.server.asgi import fault_answer, send_plain, start_message


@pytest.mark.parametrize(("after_s", "told"), [(0.0, b"1"), (0.2, b"1"), (1.4, b"2"), (7.0, b"7")])
def test_a_fault_says_when_to_try_again_never_sooner_than_it_helps(after_s, told):
    answer = fault_answer(Fault(FaultKind.BUSY, "Busy.", retry_after_s=after_s), openai_chat, "req_1")
    assert answer.status == 503
    assert (b"retry-after", told) in answer.headers
    assert (b"x-request-id", b"req_1") in answer.headers
    assert not any(name == b"x-should-retry" for name, _ in answer.headers)


def test_a_refusal_says_that_trying_again_is_of_no_use():
    answer = fault_answer(Fault(FaultKind.NOT_FOUND, "Gone."), openai_chat, "")
    assert (b"x-should-retry", b"false") in answer.headers
    assert not any(name == b"x-request-id" for name, _ in answer.headers)


def test_a_cache_control_of_the_answer_is_kept():
    message = start_message(Answer(200, ((b"cache-control", b"no-store, no-transform"),)))
    assert [value for name, value in message["headers"] if name == b"cache-control"] == [b"no-store, no-transform"]


async def test_a_plain_answer_is_two_messages():
    sent = []

    async def send(message):
        sent.append(message)

    await send_plain(send, Answer(200, (), b"hello"), ((b"x", b"y"),))
    assert (b"content-length", b"5") in sent[0]["headers"]
    assert (b"x", b"y") in sent[0]["headers"]
    assert sent[1] == {"type": "http.response.body", "body": b"hello", "more_body": False}
