"""Bodies that were refused, repaired: only what had to be changed is another."""

import json
import math
from typing import Any

import pytest

from app.dialects.mending import mend
from app.domain.repairs import Mend, Repair

EMPTY = Repair("messages.text", mend=Mend.EMPTY_TEXTS)
THOUGHTS = Repair("messages.thinking", mend=Mend.THOUGHTS)
BUDGET = Repair("thinking.budget_tokens", mend=Mend.BUDGET)


def clamp(low: float | None, high: float | None) -> Repair:
    return Repair("temperature", mend=Mend.CLAMP, low=low, high=high)


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def thought(signature: str | None = "sig") -> dict[str, Any]:
    return {"type": "thinking", "thinking": "hm"} | ({"signature": signature} if signature else {})


def messages(*contents: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[at % 2], "content": content} for at, content in enumerate(contents)]}


def mended(body: dict[str, Any], repair: Repair) -> Any:
    out, changed = mend(json.dumps(body).encode(), (repair,))
    assert changed == ((repair.param,) if out != json.dumps(body).encode() else ())
    return json.loads(out)


@pytest.mark.parametrize(
    ("low", "high", "given", "sent"),
    [
        (0, 1, 1.7, 1),
        (0, 1, -0.5, 0),
        (None, 1.5, 2, 1.5),
        (0.01, None, 0, 0.01),
        (0, 1, 0.5, 0.5),
        (0, 1, "hot", "hot"),
    ],
)
def test_a_number_is_brought_into_its_range(low: float | None, high: float | None, given: Any, sent: Any) -> None:
    assert mended({"model": "m", "temperature": given, "x": 1}, clamp(low, high)) == {
        "model": "m",
        "temperature": sent,
        "x": 1,
    }


def test_the_bytes_around_a_repair_stay_as_they_were() -> None:
    body = b'{ "model":"m", "big": 12345678901234567890123, "temperature" : 1.70 , "e":"\\u00e9" }'
    out, changed = mend(body, (clamp(0, 1),))
    assert out == body.replace(b"1.70", b"1")
    assert changed == ("temperature",)


def test_several_repairs_at_once() -> None:
    body = json.dumps(messages("", "a") | {"seed": 1, "max_tokens": 5, "temperature": 3}).encode()
    known = (Repair("seed"), Repair("max_tokens", "max_completion_tokens", Mend.RENAME), clamp(0, 2), EMPTY)
    out, changed = mend(body, known)
    assert changed == ("seed", "max_tokens", "temperature", "messages.text")
    assert json.loads(out) == {
        "messages": [{"role": "assistant", "content": "a"}], "max_completion_tokens": 5, "temperature": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (messages([text("a"), text(""), text(" \n")]), messages([text("a")])),
        (
            messages("a", [text("")], "b"),
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
        ),
        (messages("a", ""), messages("a")),
        (messages("a") | {"system": [text("")]}, messages("a")),
        (messages("a") | {"system": [text("s"), text("")]}, messages("a") | {"system": [text("s")]}),
        (
            messages([{"type": "tool_result", "tool_use_id": "t", "content": [text(""), text("r")]}]),
            messages([{"type": "tool_result", "tool_use_id": "t", "content": [text("r")]}]),
        ),
        (messages(""), messages("")),
        (messages("a"), messages("a")),
    ],
)
def test_empty_texts_go(body: dict[str, Any], left: dict[str, Any]) -> None:
    assert mended(body, EMPTY) == left


def test_thoughts_go_and_everything_else_stays() -> None:
    sealed = {"type": "redacted_thinking", "data": "x"}
    body = messages("q", [thought(), sealed, text("a")], "r", [thought(None), text("b")], "s") | {
        "thinking": {"type": "enabled"}
    }
    assert mended(body, THOUGHTS) == messages("q", [text("a")], "r", [text("b")], "s") | {
        "thinking": {"type": "enabled"}
    }


def test_while_a_call_is_open_a_model_without_its_thoughts_does_not_think() -> None:
    call, result = (
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": "t"},
    )
    body = messages("q", [thought(), call], [result]) | {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert mended(body, THOUGHTS) == messages("q", [call], [result])


def test_without_thoughts_there_is_nothing_to_take_out() -> None:
    body = messages("q", [text("a")], "r")
    assert mended(body, THOUGHTS) == body


def test_gemini_is_told_that_a_call_is_not_its_own() -> None:
    parts = [
        {"text": "hm", "thought": True, "thoughtSignature": "foreign"},
        {"functionCall": {"name": "f", "args": {}}},
    ]
    out = mended({"contents": [{"role": "model", "parts": parts}]}, THOUGHTS)
    (content,) = out["contents"]
    assert content["parts"] == [
        {"text": "hm", "thought": True},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="},
    ]


@pytest.mark.parametrize(
    ("budget", "most", "left"),
    [
        (500, 4096, 1024),
        (5000, 4096, 4095),
        (2000, 4096, 2000),
        (500, None, 1024),
        (2000, 1024, None),
        (500, 100, None),
    ],
)
def test_the_budget_for_thoughts_fits(budget: int, most: int | None, left: int | None) -> None:
    body = {"messages": [], "thinking": {"type": "enabled", "budget_tokens": budget}}
    out = mended(body | ({} if most is None else {"max_tokens": most}), BUDGET)
    assert out.get("thinking") == (None if left is None else {"type": "enabled", "budget_tokens": left})


def test_beta_features_go_with_what_only_they_allow() -> None:
    repair = (Repair("anthropic_beta", mend=Mend.BETAS),)
    body = b'{"a":1,"anthropic_beta":["x"],"context_management":{},"b":1e2}'
    assert mend(body, repair) == (b'{"a":1,"b":1e2}', ("anthropic_beta", "context_management"))
    assert mend(b'{"a":1}', repair) == (b'{"a":1}', ())


@pytest.mark.parametrize(("low", "high"), [(math.inf, None), (None, -math.inf), (math.inf, math.inf)])
def test_a_range_that_is_none_changes_nothing(low: float | None, high: float | None) -> None:
    assert mended({"temperature": 1}, clamp(low, high)) == {"temperature": 1}
    body = b'{"temperature":1e999}'
    assert mend(body, (clamp(0, None),)) == (body, ())
