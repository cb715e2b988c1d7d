"""The table of efforts and budgets, read both ways."""

import pytest

from app.dialects.effort import budget_of, effort_of, nearest


@pytest.mark.parametrize("word", ["none", "minimal", "low", "medium", "high", "xhigh", "max", "auto"])
def test_every_word_comes_back(word: str) -> None:
    budget = budget_of(word)
    assert budget is not None
    assert effort_of(budget) == word


@pytest.mark.parametrize(("budget", "word"), [(1, "minimal"), (1023, "minimal"), (8191, "low"), (31999, "high")])
def test_a_budget_between_two_words_is_the_lower(budget: int, word: str) -> None:
    assert effort_of(budget) == word


def test_an_unknown_word_has_no_budget() -> None:
    assert budget_of("extreme") is None


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("medium", ("low", "medium", "high"), "medium"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("max", ("low", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("minimal", ("low", "high"), "low"),
        ("none", ("low", "high"), ""),
        ("none", ("none", "high"), "none"),
        ("low", ("none", "high"), "high"),
        ("max", (), ""),
        ("turbo", ("low",), "turbo"),
    ],
)
def test_the_nearest_of_the_words_that_somebody_knows(word: str, known: tuple[str, ...], said: str) -> None:
    assert nearest(word, known) == said
