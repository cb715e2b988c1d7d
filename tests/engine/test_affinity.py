import dataclasses
import json

import pytest

from app.dialects import anthropic, openai_chat, openai_embeddings, responses
from app.domain.chat import ApiRequest
from app.engine.affinity import STICKS_S, Conversation, Sessions, conversation_of

SYSTEM = {"role": "system", "content": 'You are {"helpful"}, \\" and [brief].'}
FIRST = {"role": "user", "content": [{"type": "text", "text": "hello ]} there"}]}
ANSWER = {"role": "assistant", "content": "hi"}


def request(*messages: object, **more: object) -> ApiRequest:
    return openai_chat.parse_request(json.dumps({"model": "m", "messages": list(messages)} | more).encode())


def conversation(*messages: object, client: str = "c", **more: object) -> Conversation:
    found = conversation_of(request(*messages, **more), client)
    assert found is not None
    return found


def test_every_turn_of_a_conversation_has_the_same_key() -> None:
    turns = [
        conversation(SYSTEM, FIRST),
        conversation(SYSTEM, FIRST, ANSWER, {"role": "user", "content": "more"}),
        conversation(SYSTEM, FIRST, ANSWER, {"role": "user", "content": "m" * 100_000}, temperature=1),
    ]
    assert len({turn.key for turn in turns}) == 1
    assert [turn.established for turn in turns] == [False, True, True]


def test_a_turn_that_refers_to_stored_items_belongs_to_its_conversation() -> None:
    first = {"role": "user", "content": "hello"}
    turns = [[first], [first, {"type": "item_reference", "id": "msg_1"}, {"role": "user", "content": "more"}]]
    bodies = [json.dumps({"model": "m", "input": turn}).encode() for turn in turns]
    one, two = (conversation_of(responses.parse_request(body), "c") for body in bodies)
    assert one is not None
    assert two is not None
    assert (one.key, two.established) == (two.key, True)


def test_another_beginning_client_or_model_is_another_conversation() -> None:
    keys = [
        conversation(SYSTEM, FIRST).key,
        conversation(FIRST).key,
        conversation(SYSTEM, {"role": "user", "content": "else"}).key,
        conversation(SYSTEM, FIRST, client="other").key,
        conversation(SYSTEM, FIRST, model="n").key,
    ]
    assert len(set(keys)) == len(keys)


def test_a_long_first_message_is_established_at_once_for_it_is_worth_a_prompt_cache() -> None:
    assert conversation({"role": "user", "content": "x" * 5000}).established
    assert conversation({"role": "user", "content": "x" * 500_000}).established


def test_cache_marks_that_move_do_not_make_another_conversation() -> None:
    part = {"type": "text", "text": "hello"}
    marked = part | {"cache_control": {"type": "ephemeral"}}
    one, two = ({"role": "user", "content": [p]} for p in (part, marked))
    assert conversation(one).key == conversation(two, ANSWER).key


@pytest.mark.parametrize("name", ["prompt_cache_key", "session_id"])
def test_the_client_s_own_key_goes_before_the_messages(name: str) -> None:
    one, two = conversation(FIRST, **{name: "k"}), conversation(SYSTEM, **{name: "k"})
    assert one.key == two.key
    assert one.established
    assert conversation(FIRST, **{name: "other"}).key != one.key


def test_a_user_s_conversations_are_different_ones() -> None:
    def key(user: str, text: str) -> bytes:
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "metadata": {"user_id": user}}
        found = conversation_of(anthropic.parse_request(json.dumps(body).encode()), "c")
        assert found is not None
        return found.key

    assert key("alice", "one task") != key("alice", "another")
    session = "user_1_session_5e0a7c1e-2f3b-4a4c-9d5e-6f708192a3b4"
    assert key(session, "one task") == key(session, "its summary")


def test_what_is_no_conversation_has_none() -> None:
    embedding = openai_embeddings.parse_request(b'{"model":"m","input":["a","b"]}')
    assert conversation_of(embedding, "c") is None
    bare = dataclasses.replace(request(FIRST), members={})
    assert conversation_of(bare, "c") is None


def test_long_prompts_full_of_quotes_and_backslashes_are_told_apart_and_known_again() -> None:
    text = 'say \\"{[\\\\" ' * 1500
    system = {"role": "system", "content": text}
    first = conversation(system, FIRST)
    assert conversation(system, FIRST, ANSWER, {"role": "user", "content": text}).key == first.key
    assert conversation(system, {"role": "user", "content": "else"}, ANSWER).key != first.key
    assert conversation({"role": "system", "content": text + "!"}, FIRST).key != first.key


def test_odd_messages_do_no_harm() -> None:
    for messages in ([], ["text"], [{}] * 50, [1, 2], [{"role": "user"}]):
        conversation_of(request(*messages), "c")
    assert conversation_of(request({"role": "user", "content": '"' * 50_000}), "c") is None


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_conversation_stays_for_an_hour_after_its_last_turn() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    talk = Conversation(b"k", established=True)
    assert sessions.provider_of(talk) == ""
    sessions.stick(talk, "a")
    clock.now_s = STICKS_S - 1
    assert sessions.provider_of(talk) == "a"
    sessions.stick(talk, "b")
    clock.now_s += STICKS_S - 1
    assert sessions.provider_of(talk) == "b"
    clock.now_s += 1
    assert sessions.provider_of(talk) == ""
    assert len(sessions) == 0


def test_a_first_turn_is_remembered_but_may_go_anywhere() -> None:
    sessions = Sessions()
    sessions.stick(Conversation(b"k", established=False), "a")
    assert sessions.provider_of(Conversation(b"k", established=False)) == ""
    assert sessions.provider_of(Conversation(b"k", established=True)) == "a"


def test_the_least_recently_used_is_forgotten_first() -> None:
    sessions = Sessions(most=2)
    talks = [Conversation(bytes([n]), established=True) for n in range(3)]
    sessions.stick(talks[0], "a")
    sessions.stick(talks[1], "a")
    sessions.stick(talks[0], "a")
    sessions.stick(talks[2], "a")
    assert [sessions.provider_of(talk) for talk in talks] == ["a", "", "a"]
