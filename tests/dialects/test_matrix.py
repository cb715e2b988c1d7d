"""The golden matrix: every page is what the program does now; `python tests/dialects/matrix.py` writes them anew."""

import json
import re
from pathlib import Path

import pytest

from dialects import matrix
from dialects.matrix import Case

CASES = matrix.cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_page(case: Case) -> None:
    assert matrix.render(case) == case.page.read_text("utf-8")


def test_no_page_is_left_over_and_none_stands_for_two_cases() -> None:
    pages = [case.page for case in CASES]
    assert len(set(pages)) == len(pages)
    assert set(matrix.FOLDER.rglob("*.txt")) == set(pages)


def test_every_client_meets_every_provider() -> None:
    pairs = {(case.client, case.provider) for case in CASES}
    assert pairs == {(client, behind) for client in matrix.CLIENTS for behind in matrix.PROVIDERS} - matrix.PASSED
    assert len(CASES) >= 150


def test_laying_out_changes_no_token() -> None:
    text = '{"a\\u00e9":[1e400,-0.0,12345678901234567890,"x, y: {\\"z\\"}"],"b":{},"c":[],"d":' + '"x"' * 1 + "}"
    laid = matrix.layout(text)
    assert json.loads(laid) == json.loads(text)
    for token in ("1e400", "-0.0", "12345678901234567890", '"a\\u00e9"', '"x, y: {\\"z\\"}"'):
        assert token in laid
    assert json.loads(matrix.layout(json.dumps([text] * 9))) == [text] * 9


LISTED = (Path(__file__).parents[2] / "docs" / "dialect-cases.md").read_text("utf-8")
ROWS = [row.split("|")[1:4] for row in LISTED.splitlines() if row.startswith("| ") and "`" in row]


def test_every_tricky_case_is_listed_and_every_row_has_its_pages() -> None:
    named = [name for _, _, pages in ROWS for name in re.findall(r"`(\w+)`", pages)]
    assert len(set(named)) == len(named)
    assert set(named) == {case.page.stem for case in CASES if case.name.startswith("tricky/")}


def test_every_case_that_others_get_wrong_has_a_row() -> None:
    assert sum("★" in mark for mark, _, _ in ROWS) == 27
