"""What providers say of when an answer was made."""

import pytest

from app.dialects.created import LAST_S, read_created


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(1_700_000_000, 1_700_000_000), (1_700_000_000.9, 1_700_000_000), (0, 0), (LAST_S, LAST_S)],
)
def test_what_can_be_is_taken(told: object, seconds: int) -> None:
    assert read_created(told) == seconds


@pytest.mark.parametrize("told", [None, "2026", [], -1, LAST_S + 1, 10**30, 1e308, float("inf"), float("nan")])
def test_what_cannot_be_is_not_known(told: object) -> None:
    assert read_created(told) == 0
