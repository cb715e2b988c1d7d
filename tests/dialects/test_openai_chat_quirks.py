"""Quirks as data: what a plain cousin has, and ids of calls in nine letters and digits."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.dialects.openai_chat_quirks import PLAIN, Quirks, call_id_of

SHORT = Quirks(short_ids=True)


def test_a_plain_cousin_leaves_ids_alone() -> None:
    assert call_id_of("call_1", PLAIN) == "call_1"
    assert call_id_of("c" * 40, PLAIN) == "c" * 40
    assert (PLAIN.limit, PLAIN.seed, PLAIN.thoughts) == ("max_tokens", "seed", "")


def test_its_own_ids_stay() -> None:
    assert call_id_of("D681PevKs", SHORT) == "D681PevKs"


@given(st.sets(st.text(), min_size=1, max_size=20))
def test_ids_are_short_always_the_same_and_different_for_different_calls(ids: set[str]) -> None:
    made = {call_id: call_id_of(call_id, SHORT) for call_id in ids}
    assert all(re.fullmatch(r"[a-zA-Z0-9]{9}", short) for short in made.values())
    assert len(set(made.values())) == len(ids)
    assert made == {call_id: call_id_of(call_id, SHORT) for call_id in ids}
