"""Thoughts are taken out of answers with their places, and stand there again."""

from app.domain.hub import Message, Part, Role, Text, Thought, ToolCall
from app.domain.hub_reply import CallDelta, CallEnded, CallStarted, TextDelta, ThoughtDelta
from app.engine.turns import Hearing, Turn, carries, restored, stripped

SIGNED = Thought("Hm.", "S1", origin="anthropic")
SEALED = Thought(sealed="X", origin="anthropic")
BARE = Thought("Words only.")
A, B = ToolCall("id_a", "f", "{}"), ToolCall("id_b", "g", "{}")


def turn(*parts: Part, wordy: bool = False) -> Turn:
    made = Turn.of(parts, "realm", wordy=wordy)
    assert made is not None
    return made


def answer(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def test_nothing_is_kept_of_an_answer_without_signatures() -> None:
    assert Turn.of((Text("Hi"), A, BARE), "realm", wordy=False) is None
    assert Turn.of((Text("Hi"), A, BARE), "realm", wordy=True) is not None
    assert Turn.of((), "realm", wordy=True) is None


def test_thoughts_come_back_to_their_places() -> None:
    whole = (SIGNED, SEALED, Text("I look."), A, Thought("More", "S2", origin="anthropic"), B)
    assert restored(answer(Text("I look."), A, B), turn(*whole)).parts == whole
    late = (Text("Done."), Thought("", "S3", origin="gemini"))
    assert restored(answer(Text("Done.")), turn(*late)).parts == late


def test_unsigned_words_give_way_to_the_kept_ones() -> None:
    kept = turn(SIGNED, A)
    assert not carries(answer(BARE, A), kept)
    assert restored(answer(BARE, A), kept).parts == (SIGNED, A)


def test_what_the_client_carries_itself_stays() -> None:
    own = Thought("Hm.", "mine", origin="anthropic")
    assert carries(answer(own, A), turn(SIGNED, A))
    assert carries(answer(BARE, A), turn(BARE, A, wordy=True))
    signed = ToolCall("id_a", "f", "{}", signature="G")
    assert carries(answer(signed), turn(signed))


def test_calls_get_their_signatures_by_id_or_by_place() -> None:
    kept = turn(ToolCall("id_a", "f", "{}", signature="G"), B)
    assert restored(answer(B, A), kept).parts == (B, ToolCall("id_a", "f", "{}", signature="G"))
    other = ToolCall("call_made_0", "f", "{}")
    assert restored(answer(other), kept).parts == (ToolCall("call_made_0", "f", "{}", signature="G"),)
    own = Thought("", "mine", origin="gemini")
    both = restored(answer(own, A), turn(SIGNED, ToolCall("id_a", "f", "{}", signature="G")))
    assert both.parts == (own, ToolCall("id_a", "f", "{}", signature="G"))


def test_what_another_provider_signed_goes() -> None:
    mixed = answer(SIGNED, BARE, Text("x"), ToolCall("id_a", "f", "{}", signature="G"))
    assert stripped(mixed, "anthropic").parts == (BARE, Text("x"), A)


def test_a_stream_is_put_together_again() -> None:
    hearing = Hearing()
    for event in (
        ThoughtDelta("H", origin="anthropic"),
        ThoughtDelta("m."),
        ThoughtDelta(signature="S1", origin="anthropic"),
        ThoughtDelta(sealed="X", origin="anthropic"),
        TextDelta("Go"),
        TextDelta("od."),
        TextDelta("another", choice=1),
        CallStarted(0, "id_a", "f"),
        CallStarted(1, "id_b", "g", signature="G"),
        CallDelta(1, '{"b":'),
        CallDelta(0, '{"a":1}'),
        CallDelta(1, "2}"),
        CallDelta(7, "nobody's"),
        CallEnded(0),
        ThoughtDelta("Words only."),
    ):
        hearing.hear(event)
    calls = (ToolCall("id_a", "f", '{"a":1}'), ToolCall("id_b", "g", '{"b":2}', signature="G"))
    assert hearing.parts() == (SIGNED, SEALED, Text("Good."), *calls, BARE)
