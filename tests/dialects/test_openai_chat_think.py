"""`<think>` at the start of a text, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.openai_chat_think import ThinkTags


def split(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    found = [piece for text in pieces for piece in tags.feed(text)] + tags.finish()
    return "".join(t for thought, t in found if thought), "".join(t for thought, t in found if not thought)


@pytest.mark.parametrize(
    ("text", "thoughts", "words"),
    [
        ("<think>Hm.</think>\n\nYes", "Hm.", "Yes"),
        ("\n<think>\nHm.</think>Yes", "Hm.", "Yes"),
        ("No <think>x</think>", "", "No <think>x</think>"),
        ("<think>never closed", "never closed", ""),
        ("<thin", "", "<thin"),
        ("", "", ""),
    ],
)
def test_thoughts_and_words(text: str, thoughts: str, words: str) -> None:
    assert split([text]) == (thoughts, words)


@given(st.lists(st.integers(0, 60), max_size=8))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    text = "<think>\n\na</thin\n b</think>\n\nwords\n</think>"
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(at)]
    assert split(pieces) == ("a</thin\n b", "words\n</think>")


def test_line_breaks_behind_a_tag_belong_to_it_when_they_come_alone() -> None:
    assert split(["<think>", "\n", "Hm.\n", "</think>", "\n", "\n", "Hi\n", "\n"]) == ("Hm.\n", "Hi\n\n")
    assert split(["<think>", "\n\n", "</think>", "\n\n", "Hi"]) == ("", "Hi")
