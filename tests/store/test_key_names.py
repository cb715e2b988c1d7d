"""The names of keys in the keyring: bound to a host, and as the contract spells them."""

import pytest

from app.store.key_names import SERVICE, client_user, key_host, provider_users


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://api.openai.com/v1", "api.openai.com"),
        ("https://API.OpenAI.com./v1/", "api.openai.com"),
        ("https://api.openai.com:443/v1", "api.openai.com"),
        ("http://127.0.0.1:80", "127.0.0.1"),
        ("http://127.0.0.1:443", "127.0.0.1:443"),
        ("http://127.0.0.1:11434", "127.0.0.1:11434"),
        ("https://example.com:8443/v1", "example.com:8443"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
        ("http://[FD00::1]", "[fd00::1]"),
        ("https://user@example.com@evil.example", "evil.example"),
        ("", ""),
        ("nonsense", ""),
        ("https://example.com:99999", ""),
        ("http://[::1", ""),
    ],
)
def test_the_host_a_key_belongs_to(base_url: str, host: str) -> None:
    assert key_host(base_url) == host


@pytest.mark.parametrize(
    ("host", "users"),
    [
        ("api.openai.com", ("openai@api.openai.com",)),
        ("127.0.0.1:11434", ("openai@127.0.0.1:11434", "openai@127.0.0.1")),
        ("[::1]", ("openai@[::1]",)),
        ("[::1]:8080", ("openai@[::1]:8080", "openai@[::1]")),
        ("8080", ("openai@8080",)),
    ],
)
def test_the_user_names_of_a_provider(host: str, users: tuple[str, ...]) -> None:
    assert provider_users("openai", host) == users


def test_the_names_of_the_contract() -> None:
    assert SERVICE == "switchtower"
    assert client_user("default") == "client:default"
