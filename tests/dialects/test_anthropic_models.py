"""The list of models in Anthropic's shape."""

import json

import pytest

from app.dialects.anthropic_models import render_model, render_models
from app.domain.faults import FaultError
from app.domain.models import ModelInfo

ENTRIES = [("one", ModelInfo(name)) for name in "abcde"]


def page(**asked: str) -> tuple[list[str], bool, str | None, str | None]:
    value = json.loads(render_models(ENTRIES, asked))
    assert list(value) == ["data", "has_more", "first_id", "last_id"]
    return [model["id"] for model in value["data"]], value["has_more"], value["first_id"], value["last_id"]


@pytest.mark.parametrize(
    ("asked", "names", "more"),
    [
        ({}, "abcde", False),
        ({"limit": "1000"}, "abcde", False),
        ({"limit": "5"}, "abcde", False),
        ({"limit": "2"}, "ab", True),
        ({"limit": "2", "after_id": "b"}, "cd", True),
        ({"limit": "2", "after_id": "d"}, "e", False),
        ({"after_id": "e"}, "", False),
        ({"limit": "2", "before_id": "e"}, "cd", True),
        ({"limit": "2", "before_id": "c"}, "ab", False),
        ({"limit": "999999999"}, "abcde", False),
    ],
)
def test_pages(asked: dict[str, str], names: str, more: bool) -> None:
    ends = (names[0], names[-1]) if names else (None, None)
    assert page(**asked) == (list(names), more, *ends)


def test_a_page_ends_at_a_thousand() -> None:
    entries = [("one", ModelInfo(str(number))) for number in range(1001)]
    value = json.loads(render_models(entries, {"limit": "5000"}))
    assert (len(value["data"]), value["has_more"]) == (1000, True)


@pytest.mark.parametrize(
    ("asked", "param"),
    [({"limit": "0"}, "limit"), ({"limit": "-1"}, "limit"), ({"limit": "²"}, "limit"), ({"limit": "9" * 5000}, "limit"),
     ({"after_id": "z"}, "after_id"), ({"before_id": ""}, "before_id")],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(asked: dict[str, str], param: str) -> None:
    with pytest.raises(FaultError) as refused:
        page(**asked)
    assert refused.value.fault.param == param


def test_a_name_that_two_have_is_listed_once_where_it_came_first() -> None:
    entries = [("one", ModelInfo("a", created=1)), ("one", ModelInfo("b")), ("two", ModelInfo("a", created=2))]
    data = json.loads(render_models(entries, {}))["data"]
    assert [(model["id"], model["created_at"][-3:]) for model in data] == [("a", "01Z"), ("b", "00Z")]


def test_a_model() -> None:
    known = ModelInfo("m", created=1_700_000_000, context_length=9, max_output_tokens=5)
    assert json.loads(render_model(known)) == {
        "type": "model",
        "id": "m",
        "display_name": "m",
        "created_at": "2023-11-14T22:13:20Z",
        "max_input_tokens": 9,
        "max_tokens": 5,
    }
    for odd in (None, -1, 10**15):
        assert json.loads(render_model(ModelInfo("m", created=odd)))["created_at"] == "1970-01-01T00:00:00Z"
