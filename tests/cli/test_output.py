import io
import sys

import pytest

from app.cli.output import at_least, one_line, say, say_csv, table


def test_columns_are_aligned_and_numbers_to_the_right() -> None:
    text = table(("name", "n", "on"), [("a", 1234567, True), ("bcd", None, False)])
    assert text.splitlines() == [
        "name          n  on",
        "a     1,234,567  yes",
        "bcd           -  no",
    ]


def test_wide_characters_take_two_columns() -> None:
    first, second, third = table(("a", "b"), [("模型", "x"), ("abcd", "y")]).splitlines()
    assert first == "a     b"
    assert second == "模型  x"
    assert third == "abcd  y"


@pytest.mark.parametrize(
    ("cost_usd", "unknown", "shown"),
    [(0.0, 0, 0.0), (None, 0, None), (0.0, 5, None), (None, 5, None), (0.5, 0, 0.5), (0.5, 1, "≥ 0.5")],
)
def test_a_sum_that_lacks_something(cost_usd: float | None, unknown: int, shown: object) -> None:
    assert at_least(cost_usd, unknown) == shown


def test_only_headers_without_rows() -> None:
    assert table(("a", "b"), []) == "a  b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 模型", "plain é 模型"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_terminal_that_knows_only_ascii_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    say("模型 ok")
    assert raw.getvalue() == b"?? ok\n"


def test_a_line_of_a_spreadsheet_is_as_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", write_through=True))
    say_csv(["é 模型", "a,b", None, 3, "\x1b[31m"])
    assert raw.getvalue() == 'é ??,"a,b",,3,\\x1b[31m\n'.encode("cp1252")


@pytest.mark.parametrize("text", ["=HYPERLINK(A1)", "@SUM(1)", "+1", "-1+1", "\t=1", "\r=1", "\uff1d1", "\uff201"])
def test_no_text_is_a_formula_in_a_spreadsheet(capsys: pytest.CaptureFixture[str], text: str) -> None:
    say_csv([text])
    assert capsys.readouterr().out == f"'{one_line(text)}\n"


def test_numbers_and_harmless_texts_stay_as_they_are_in_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    say_csv(["a=1", "gpt-5", "", None, -1, 0.5])
    assert capsys.readouterr().out == "a=1,gpt-5,,,-1,0.5\n"
