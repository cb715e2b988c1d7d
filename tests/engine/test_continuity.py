"""The store of thoughts: found again by call or by conversation, bounded, and never for another provider or client."""

from dataclasses import replace

import pytest

from app.domain.hub import ChatRequest, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from app.domain.hub_reply import CallDelta, CallStarted, Choice, Finish, Finished, ThoughtDelta
from app.engine.bus import Bus
from app.engine.continuity import Continuity, Recollection
from app.engine.provider import Provider
from app.engine.turns import Turn
from app.providers.registry import Registry
from app.store.settings import Provider as ProviderSettings

SIGNED = Thought("Hm.", "S1", origin="anthropic")
CALL = ToolCall("toolu_01AbCdEfGh", "f", '{"x":1}')
ASKED = ChatRequest("m", (Message(Role.USER, (Text("Hi"),)),), "openai")


def turn(text: str = "S") -> Turn:
    made = Turn.of((Thought("", text, origin="anthropic"),), "r", wordy=False)
    assert made is not None
    return made


def memory(store: Continuity, realm: str = "api.anthropic.com", client: str = "default") -> Recollection:
    return Recollection(store, realm, client, "anthropic")


def asked_again(*parts: Part, result: str = "42", first: str = "Hi") -> ChatRequest:
    """The next request of the conversation: the answer as the client sends it back, and what its tool said."""
    answers = (Message(Role.ASSISTANT, parts), Message(Role.TOOL, (ToolResult(CALL.id, (Text(result),)),)))
    return replace(ASKED, messages=(Message(Role.USER, (Text(first),)), *answers))


def answer(request: ChatRequest) -> tuple[Part, ...]:
    return request.messages[1].parts


def test_a_call_brings_its_thoughts_back() -> None:
    store = Continuity()
    memory(store).keep(ASKED, Choice((SIGNED, CALL), Finish.TOOL_CALLS))
    assert answer(memory(store).recall(asked_again(CALL))) == (SIGNED, CALL)
    assert answer(memory(store).recall(asked_again(CALL, first="[summary]"))) == (SIGNED, CALL)


def test_a_stream_is_kept_when_it_is_over() -> None:
    store = Continuity()
    hear = memory(store).listen(ASKED)
    begun = (ThoughtDelta("Hm."), ThoughtDelta(signature="S1", origin="anthropic"), CallStarted(0, CALL.id, "f"))
    hear(begun)
    hear((CallDelta(0, '{"x":1}'),))
    assert not len(store)
    hear((Finished(Finish.TOOL_CALLS, choice=1),))
    assert not len(store)
    hear((Finished(Finish.TOOL_CALLS),))
    assert answer(memory(store).recall(asked_again(CALL))) == (SIGNED, CALL)


def test_an_answer_without_calls_is_known_by_its_conversation() -> None:
    store = Continuity()
    memory(store).keep(ASKED, Choice((SIGNED, Text("Hello")), Finish.STOP))
    assert answer(memory(store).recall(asked_again(Text("Hello")))) == (SIGNED, Text("Hello"))
    assert answer(memory(store).recall(asked_again(Text("Hello"), first="Other"))) == (Text("Hello"),)
    assert answer(memory(store).recall(asked_again(Text("Hallo")))) == (Text("Hallo"),)


@pytest.mark.parametrize("call_id", ["functions.f:0", "call_made_10", "call_0", "f_0123456789abc"])
def test_ids_that_come_again_count_within_their_conversation_only(call_id: str) -> None:
    store, call = Continuity(), replace(CALL, id=call_id)
    memory(store).keep(ASKED, Choice((SIGNED, call), Finish.TOOL_CALLS))
    assert answer(memory(store).recall(asked_again(call))) == (SIGNED, call)
    assert answer(memory(store).recall(asked_again(call, first="Other"))) == (call,)


def test_a_call_without_an_id_is_known_by_its_conversation() -> None:
    store = Continuity()
    memory(store).keep(replace(ASKED, origin="ollama"), Choice((SIGNED, CALL), Finish.TOOL_CALLS))
    lost = replace(CALL, id="", arguments='{ "x": 1 }')
    assert answer(memory(store).recall(asked_again(lost))) == (SIGNED, lost)


def test_a_call_of_another_conversation_that_reads_the_same_is_told_by_its_id() -> None:
    store = Continuity()
    memory(store).keep(ASKED, Choice((SIGNED, CALL), Finish.TOOL_CALLS))
    other = replace(CALL, id="toolu_01ZyXwVuTs")
    assert answer(memory(store).recall(asked_again(other))) == (other,)


def test_another_client_gets_nothing() -> None:
    store = Continuity()
    memory(store).keep(ASKED, Choice((SIGNED, CALL), Finish.TOOL_CALLS))
    assert answer(memory(store, client="other").recall(asked_again(CALL))) == (CALL,)


def test_another_provider_gets_nothing_and_loses_what_is_not_its_own() -> None:
    store = Continuity()
    memory(store).keep(ASKED, Choice((SIGNED, CALL), Finish.TOOL_CALLS))
    other = memory(store, realm="claude.example")
    assert answer(other.recall(asked_again(CALL))) == (CALL,)
    assert answer(other.recall(asked_again(SIGNED, CALL))) == (CALL,)
    assert answer(memory(store).recall(asked_again(SIGNED, CALL))) == (SIGNED, CALL)


def test_an_empty_store_leaves_the_request_alone() -> None:
    request = asked_again(CALL)
    assert memory(Continuity()).recall(request) is request
    store = Continuity()
    memory(store).keep(ASKED, Choice((Text("Hello"), CALL), Finish.TOOL_CALLS))
    assert not len(store)


def test_it_holds_so_many_answers_and_so_many_bytes() -> None:
    store = Continuity(most_turns=3)
    for n in range(4):
        store.put((("c", str(n)),), turn())
    assert len(store) == 3
    assert store.get(("c", "0")) is None
    assert store.get(("c", "1")) is not None
    store.put((("c", "4"),), turn())
    assert [store.get(("c", str(n))) is not None for n in range(5)] == [False, True, False, True, True]
    store = Continuity(most_bytes=10_000)
    for n in range(50):
        store.put((("c", str(n)),), turn("S" * 500))
        assert store.size_bytes <= 10_000
    assert len(store) == 11
    store.put((("c", "big"),), turn("S" * 2000))
    assert store.get(("c", "big")) is None


def test_it_forgets_after_a_time_unless_asked() -> None:
    now_s = [0.0]
    store = Continuity(lambda: now_s[0], ttl_s=10)
    store.put((("c", "a"), ("c", "also a")), turn())
    store.put((("c", "b"),), turn())
    now_s[0] = 8
    assert store.get(("c", "also a")) is not None
    now_s[0] = 12
    assert store.get(("c", "b")) is None
    assert store.get(("c", "a")) is not None
    now_s[0] = 99
    store.put((("c", "new"),), turn())
    assert (len(store), store.size_bytes) == (1, 401)


def test_a_key_means_the_last_answer_it_was_given_to() -> None:
    store = Continuity()
    store.put((("c", "a"), ("c", "b")), turn("old"))
    store.put((("c", "a"),), turn("new"))
    found = store.get(("c", "a"))
    assert found is not None
    assert found.thoughts[0][1].signature == "new"
    assert store.get(("c", "b")) is None
    assert len(store) == 1


def provider(kind: str, base_url: str = "") -> Provider:
    spec = Registry.load(lambda: ()).get(kind)
    return Provider(ProviderSettings(id=kind, kind=kind, base_url=base_url), spec, None, Bus())


def at(store: Continuity, one: Provider, model: str) -> Recollection | None:
    return store.at(one, model, "c", one.spec.dialect)


def test_only_providers_that_take_thoughts_back_have_a_memory() -> None:
    store = Continuity()
    for kind, has in (("anthropic", 1), ("gemini", 1), ("deepseek", 1), ("openrouter", 1), ("openai", 0), ("xai", 0)):
        assert (at(store, provider(kind), "m") is not None) is bool(has), kind


def test_signatures_hold_at_their_host_and_at_gemini_for_their_model() -> None:
    store = Continuity()

    def known(kind: str, model: str, base_url: str = "") -> bool:
        place = at(store, provider(kind, base_url), model)
        assert place is not None
        return SIGNED in answer(place.recall(asked_again(CALL)))

    for kind in ("anthropic", "gemini"):
        place = at(store, provider(kind), "one")
        assert place is not None
        place.keep(ASKED, Choice((SIGNED, CALL), Finish.TOOL_CALLS))
        assert known(kind, "one")
        assert known(kind, "two") is (kind == "anthropic")
        assert not known(kind, "one", "https://other.example")


def test_words_are_enough_where_the_provider_takes_words() -> None:
    store, words = Continuity(), Thought("Only words.")
    for kind in ("anthropic", "deepseek"):
        place = at(store, provider(kind), "m")
        assert place is not None
        place.keep(ASKED, Choice((words, CALL), Finish.TOOL_CALLS))
        assert (words in answer(place.recall(asked_again(CALL)))) is (kind == "deepseek")
