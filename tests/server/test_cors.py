"""What browsers are told, header by header."""

import pytest

from app.server.cors import cors_headers, preflight_answer

ORIGIN = b"https://chat.example"


def test_an_answer_names_the_origin_and_never_credentials():
    headers = dict(cors_headers(ORIGIN))
    assert headers[b"access-control-allow-origin"] == ORIGIN
    assert headers[b"vary"] == b"origin"
    assert b"access-control-allow-credentials" not in headers


def test_a_preflight_is_allowed_the_headers_it_asks_for():
    answer = preflight_answer(ORIGIN, b"authorization,x-stainless-os")
    assert (answer.status, answer.body) == (204, b"")
    assert dict(answer.headers)[b"access-control-allow-headers"] == b"authorization,x-stainless-os"


@pytest.mark.parametrize("asked", [b"", b"*", b"a\tb", b"x" * 2001, "ä".encode()])
def test_odd_header_lists_are_not_repeated(asked):
    allowed = dict(preflight_answer(ORIGIN, asked).headers)[b"access-control-allow-headers"]
    assert allowed == b"authorization, content-type"
