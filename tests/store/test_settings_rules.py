"""The rules for single values: what is let through, what is refused, and that a refusal does not repeat it."""

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from app.store import settings_rules as rules


def accepts(kind: object, value: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        (detail,) = error.errors(include_input=False, include_url=False)
        assert "CANARY" not in detail["msg"]
        return False
    return True


GOOD = {
    "base_url": [
        *(
            "",
            "https://api.openai.com/v1",
            "https://api.openai.com/v1/",
            "HTTPS://X.example:8443",
            "https://[2001:db8::1]/",
        ),
        *(
            "http://127.0.0.1:11434",
            "http://localhost:1/v1",
            "http://[::1]:80",
            "http://10.0.0.3",
            "http://192.168.1.2/v1",
        ),
        *("http://172.16.0.1", "http://api.localhost", "http://[fd00::1]:8080", "http://169.254.1.1"),
    ],
    "proxy": ["system", "none", "http://proxy.example:3128", "socks5://127.0.0.1:1080", "http://[::1]:3128"],
    "key": ["keyring", "none", "env:OPENAI_API_KEY", "env:_x1", "default", "profile:work", "profile:My Org-1"],
    "id": ["a", "openai", "Open-AI_2.b", "1", "x" * 64],
    "alias": ["fast", "my/alias:1", "schnell-ü"],
    "target": ["openai/gpt-5", "a/b/c:free", "a/b@c"],
    "scope": ["all", "provider:openai", "client:my-ide"],
    "host": ["example.com", "my-box", "10.1.1.1", "::1", "[::1]"],
    "allowed_host": [
        *("example.com", "my-box", "10.1.1.1", "fd00::5", "[fd00::5]"),
        *("localhost:9999", "10.1.1.1:80", "[fd00::5]:9999"),
    ],
    "origin": ["https://example.com", "http://localhost:3000", "vscode-webview://abc", "app://", "file://"],
}
BAD = {
    "base_url": [
        *(
            "api.openai.com/v1",
            "ftp://example.com",
            "https://",
            "https:///v1",
            "http://example.com/v1",
            "http://8.8.8.8",
        ),
        *("https://user:CANARY@example.com", "https://example.com?key=CANARY", "https://example.com/#CANARY"),
        *(
            "https://example.com:99999",
            "https://example.com:0",
            "https://exa mple.com",
            "https://example.com\n",
            "http://[::1",
        ),
        *(
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "file:///etc/passwd",
            "https://a\\@b.example",
        ),
    ],
    "proxy": [
        *("", "SYSTEM", "https://proxy:1", "socks4://x:1", "proxy:3128", "http://", "http://user:CANARY@proxy:3128"),
        "socks5://CANARY@host:1",
    ],
    "key": [
        "",
        "sk-CANARY-key-in-the-file",
        "env:",
        "env:1X",
        "env:A B",
        "env:A-B",
        "Keyring",
        "file:/x",
        "profile:",
        "profile:-x",
    ],
    "id": ["", "a/b", "a@b", "a b", "-a", ".a", "ü", "x" * 65, "a\n", "a:b"],
    "alias": ["", "a b", "a\tb", "x" * 201, "a\x00"],
    "target": ["", "openai", "openai/", "/gpt", "a b/c", "a/b c"],
    "scope": ["", "everything", "provider:", "client:", "provider:a b", "ALL"],
    "host": ["", "https://example.com", "example.com:80", "a b", "*", "-a", "a/b"],
    "allowed_host": [
        *("", "https://example.com", "example.com:", "example.com:x", "example.com:0", "example.com:123456"),
        *("a b:80", "*", "*:80", ":80", "a/b", "a:80:90"),
    ],
    "origin": [
        "",
        "*",
        "null",
        "example.com",
        "https://example.com/",
        "https://*.example.com",
        "https://u:p@example.com",
    ],
}
KINDS = {
    "base_url": rules.BaseUrl,
    "proxy": rules.Proxy,
    "key": rules.KeySource,
    "id": rules.Identifier,
    "alias": rules.AliasName,
    "target": rules.Target,
    "scope": rules.Scope,
    "host": rules.Host,
    "allowed_host": rules.AllowedHost,
    "origin": rules.Origin,
}


@pytest.mark.parametrize("name", KINDS)
def test_good_values(name: str) -> None:
    assert [value for value in GOOD[name] if not accepts(KINDS[name], value)] == []


@pytest.mark.parametrize("name", KINDS)
def test_bad_values(name: str) -> None:
    assert [value for value in BAD[name] if accepts(KINDS[name], value)] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP-Referer", "https://example.com"),
        ("X-Title", "My tool"),
        ("anthropic-version", "2023-06-01"),
        ("x-empty", ""),
    ],
)
def test_harmless_headers(name: str, value: str) -> None:
    rules.check_header(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, "CANARY")
            for name in ("Authorization", "X-API-Key", "api-key", "x-goog-api-key", "Proxy-Authorization")
        ),
        *((name, "CANARY") for name in ("Cookie", "X-Auth", "x-access-token", "Ocp-Apim-Subscription-Key", "X-Secret")),
        *((name, "CANARY") for name in ("Host", "Content-Length", "transfer-encoding", "a b", "a:b", "", "ü")),
        ("X-Harmless", "sk-CANARY1234567890"),
        ("X-Harmless", "Bearer CANARY1234567890"),
        *(("X-Harmless", value) for value in ("CANARY\r\nX-Other: 1", "CANARY\x00", "CANARY-ü")),
    ],
)
def test_headers_that_are_refused(name: str, value: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        rules.check_header(name, value)
    assert "CANARY" not in caught.value.message()
