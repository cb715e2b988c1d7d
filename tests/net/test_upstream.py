"""Addresses, headers and keys of a provider: what is sent, and what is refused before anything is."""

import pytest

import app
from app.domain.faults import FaultError, FaultKind
from app.domain.secret import Secret
from app.net.upstream import Credential, Upstream, parse_upstream

KEY = Credential("authorization", "Bearer ", Secret("sk-test-0123456789"))


def head_of(upstream: Upstream, headers: tuple[tuple[str, str], ...] = (), length: int | None = None) -> bytes:
    return upstream.opening("POST", "/chat", headers) + upstream.ending(length)


@pytest.mark.parametrize(
    ("base_url", "path", "target"),
    [
        ("https://api.example.com/v1", "/chat/completions", "/v1/chat/completions"),
        ("https://api.example.com/v1/", "/chat/completions", "/v1/chat/completions"),
        ("https://api.example.com", "/v1/messages", "/v1/messages"),
        ("https://api.example.com/", "models", "/models"),
        ("https://api.example.com/v1?api-version=3", "/models", "/v1/models?api-version=3"),
        ("https://api.example.com/v1?a=b", "/models?limit=9", "/v1/models?limit=9&a=b"),
        ("  https://api.example.com/v1  ", "/models", "/v1/models"),
    ],
)
def test_paths_are_joined(base_url: str, path: str, target: str) -> None:
    upstream = parse_upstream("Example", base_url, (), None)
    assert upstream.target(path) == target
    assert upstream.url(path) == f"https://api.example.com{target}"


def test_the_head_of_a_request() -> None:
    upstream = parse_upstream("Example", "http://[::1]:8080/v1", (("X-Title", "me"), ("Accept", "text/plain")), KEY)
    head = head_of(upstream, (("accept", "application/json"),), 12)
    assert head.decode().split("\r\n") == [
        "POST /v1/chat HTTP/1.1",
        "host: [::1]:8080",
        f"user-agent: switchtower/{app.__version__}",
        "accept-encoding: identity",
        "x-title: me",
        "accept: application/json",
        "authorization: Bearer sk-test-0123456789",
        "content-length: 12",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("credential", "line"),
    [
        (Credential("x-api-key", "", Secret("abc")), b"\r\nx-api-key: abc\r\n"),
        (Credential("Authorization", "Bearer", Secret("abc")), b"\r\nauthorization: Bearer abc\r\n"),
        (None, b"\r\n\r\n"),
    ],
)
def test_where_the_key_goes(credential: Credential | None, line: bytes) -> None:
    head = head_of(parse_upstream("Example", "https://api.example.com", (), credential))
    assert line in head
    assert b"content-length" not in head


def test_a_header_cannot_replace_the_key() -> None:
    upstream = parse_upstream("Example", "https://api.example.com", (("Authorization", "Bearer other"),), KEY)
    assert b"other" not in head_of(upstream)
    assert b"other" not in head_of(upstream, (("AUTHORIZATION", "other"),))
    assert dict(upstream.all_headers(()))["authorization"] == "Bearer sk-test-0123456789"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://user:pw@api.example.com",
        "http://api.example.com/v1",
        "http://8.8.8.8",
        "https://api.example.com:notaport",
        "https://a b",
    ],
)
def test_addresses_that_are_refused(base_url: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_upstream("Example", base_url, (), KEY)
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR
    assert "Example" in caught.value.fault.message
    assert caught.value.fault.remedy
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:1", "http://localhost", "http://192.168.1.9:11434", "http://nas:1"]
)
def test_plain_http_stays_near(base_url: str) -> None:
    assert parse_upstream("Example", base_url, (), None).origin.scheme == "http"


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "evil.test"),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Accept-Encoding", "gzip"),
        ("Connection", "close"),
        ("Cookie", "a=b"),
        ("x-a", "b\r\nx-c: d"),
        ("x-a", "b\0"),
        ("x-a", "→"),
        ("x a", "b"),
        ("x-a\r\nb", "c"),
        ("", "b"),
    ],
)
def test_headers_that_cannot_be_set(header: tuple[str, str]) -> None:
    with pytest.raises(FaultError) as caught:
        parse_upstream("Example", "https://api.example.com", (header,), None)
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR
    upstream = parse_upstream("Example", "https://api.example.com", (), None)
    with pytest.raises(FaultError):
        head_of(upstream, (header,))


@pytest.mark.parametrize("path", ["/a b", "/a\r\nx: y", "/ä", "/a\0"])
def test_paths_that_must_be_quoted(path: str) -> None:
    with pytest.raises(FaultError):
        parse_upstream("Example", "https://api.example.com", (), None).target(path)


@pytest.mark.parametrize("key", ["", "sk-1\r\nx: y", "schlüssel", " sk-1", "sk-1\n", "sk-\0"])
def test_keys_that_cannot_be_sent(key: str) -> None:
    upstream = parse_upstream("Example", "https://x.example", (), Credential("x-api-key", "", Secret(key)))
    with pytest.raises(FaultError) as caught:
        head_of(upstream)
    assert caught.value.fault.kind is FaultKind.NEEDS_KEY
    assert not key or key not in str(caught.value)
