"""What a body may be declared as, and how large it may be; over real connections in test_gate.py."""

import pytest

from app.domain.faults import FaultError, FaultKind
from app.server.body import check_size, is_form, is_json, is_missing


@pytest.mark.parametrize(
    ("declared", "taken"),
    [
        (b"application/json", True),
        (b'Application/JSON; charset="UTF-8"', True),
        (b"application/json; charset=latin-1", False),
        (b"text/plain", False),
        (b"multipart/form-data; boundary=x", False),
        (b"", False),
    ],
)
def test_only_plain_json_is_json(declared: bytes, taken: bool) -> None:
    assert is_json({b"content-type": declared}) is taken
    assert not is_json({b"content-type": declared, b"content-encoding": b"gzip"})


@pytest.mark.parametrize(
    ("seen", "missing"),
    [
        ({}, True),
        ({b"content-length": b"0"}, True),
        ({b"content-length": b"1"}, False),
        ({b"transfer-encoding": b"chunked"}, False),
    ],
)
def test_what_has_neither_length_nor_chunks_has_no_body(seen: dict[bytes, bytes], missing: bool) -> None:
    assert is_missing(seen) is missing


def test_the_limit_itself_is_let_in() -> None:
    check_size(10, 10)
    with pytest.raises(FaultError) as refused:
        check_size(11, 10)
    assert refused.value.fault.kind is FaultKind.BODY_TOO_LARGE


def test_a_form_is_a_form_when_it_is_not_compressed() -> None:
    declared = {b"content-type": b"Multipart/Form-Data; boundary=x"}
    assert is_form(declared)
    assert not is_form(declared | {b"content-encoding": b"gzip"})
    assert not is_form({b"content-type": b"application/json"})
    assert not is_form({})
