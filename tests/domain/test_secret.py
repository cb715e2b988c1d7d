import copy
import json
import pickle

import pytest

from app.domain.secret import Secret

KEY = "sk-test-0123456789abcdef-f3a1"


def test_nothing_that_prints_it_shows_more_than_the_last_four_characters() -> None:
    secret = Secret(KEY)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        str([secret]),
        str({"k": secret}),
    ):
        assert KEY not in shown
        assert "…f3a1" in shown


def test_a_short_one_shows_nothing() -> None:
    assert repr(Secret("short")) == "Secret(…)"


def test_it_cannot_be_serialised() -> None:
    for save in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            save(Secret(KEY))
        assert KEY not in str(caught.value)


def test_it_is_opened_on_purpose_and_compared_by_value() -> None:
    assert Secret(KEY).reveal() == KEY
    assert Secret(KEY) == Secret(KEY) != Secret("other")
    assert len({Secret(KEY), Secret(KEY)}) == 1
    assert Secret(KEY) != KEY
