"""Which proxy is taken, for which host, from which source."""

import sys
import traceback
import urllib.request

import httpx
import pytest
from python_socks import ProxyType

from app.domain.faults import FaultKind
from app.net.dialer import Dialer, Origin
from app.net.faults import fault_from_exception
from app.net.proxy import choose, is_nearby, is_ours, parse_proxy

CORP = {"HTTPS_PROXY": "http://user:pa%20ss@proxy.corp:3128", "no_proxy": "intern.example,.corp:443,192.0.2.0/24,*.dev"}
NEAR = ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST.", "ollama.localhost", "0.0.0.0"]
PRIVATE = ["10.0.0.5", "192.168.1.2", "172.16.0.1", "169.254.1.1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1"]
LOCAL_NAMES = ["nas", "box.local", "gpu.lan", "llm.internal"]
PUBLIC = [
    "api.openai.com",
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "localhost.example.com",
    "127.0.0.1.example",
]


def test_addresses_are_read() -> None:
    address = parse_proxy(CORP["HTTPS_PROXY"])
    assert (address.type, address.host, address.port) == (ProxyType.HTTP, "proxy.corp", 3128)
    assert (address.username, address.password) == ("user", "pa ss")
    assert "pa ss" not in f"{address} {address!r}"
    assert parse_proxy("proxy.corp").port == 8080
    assert parse_proxy("socks5h://[::1]").port == 1080
    assert parse_proxy("socks5://[::1]:9").host == "::1"


@pytest.mark.parametrize("url", ["https://secret@proxy", "ftp://secret@proxy", "http://", "http://proxy:notaport"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_proxy(url)
    assert "secret" not in str(caught.value)


UNREADABLE = [
    "http://user:s3cr/et@proxy:8080",
    "http://user:s3cr#et@proxy:8080",
    "http://user:s3cr?et@proxy:8080",
    "http://user:s3cr]et@proxy:8080",
    "http://user:s3cr\u2100et@proxy:8080",
    "user:s3cr/et@proxy:8080",
    "http://s3cr:1234/et@proxy:8080",
    "http://user@s3cr:1234/et@proxy:8080",
    "http://user:s3cret@proxy:99999",
]


@pytest.mark.parametrize("url", UNREADABLE)
@pytest.mark.parametrize(
    ("setting", "variable", "named"),
    [
        ("system", "HTTPS_PROXY", "HTTPS_PROXY"),
        ("system", "all_proxy", "all_proxy"),
        ("", "", "the setting proxy"),
    ],
)
def test_a_password_that_is_not_encoded_stays_out_of_the_message(
    url: str, setting: str, variable: str, named: str
) -> None:
    dialer = Dialer(Origin("https", "api.example.com", 443), {variable: url}, proxy_setting=setting or url)
    with pytest.raises(httpx.UnsupportedProtocol) as caught:
        dialer.proxy()
    fault = fault_from_exception(caught.value, "Example", "api.example.com")
    shown = "".join(traceback.format_exception(caught.value)) + fault.text
    assert "s3cr" not in shown
    assert "1234" not in shown
    assert f"{named} cannot be read" in fault.message
    assert "%2F" in fault.message
    assert fault.kind is FaultKind.CONFIG_ERROR


def test_a_path_behind_a_proxy_means_nothing() -> None:
    assert str(parse_proxy("http://user:pa%2Fss@proxy.corp:3128/?x=1")) == "proxy.corp:3128"


@pytest.mark.parametrize("host", NEAR)
def test_no_proxy_is_ever_used_for_this_machine(host: str) -> None:
    assert is_ours(host)
    assert choose("system", "http", host, {"HTTP_PROXY": "http://p", "ALL_PROXY": "http://p"}) is None
    assert choose("http://p:1", "http", host, {}) is None
    assert choose("socks5://p:1", "https", host, {}) is None


@pytest.mark.parametrize("host", [*PRIVATE, *LOCAL_NAMES])
def test_the_system_proxy_is_not_used_for_private_addresses(host: str) -> None:
    assert is_nearby(host)
    assert choose("system", "http", host, {"HTTP_PROXY": "http://p"}) is None
    assert choose("http://p:1", "http", host, {}) is not None


@pytest.mark.parametrize("host", PUBLIC)
def test_public_hosts(host: str) -> None:
    assert not is_nearby(host)
    assert choose("system", "https", host, {}) is None
    assert choose("none", "https", host, CORP) is None
    found = choose("system", "https", host, CORP)
    assert found is not None
    assert str(found) == "proxy.corp:3128"


@pytest.mark.parametrize(
    ("host", "direct"),
    [
        ("intern.example", True),
        ("api.INTERN.example", True),
        ("notintern.example", False),
        ("x.corp", True),
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("a.b.dev", True),
    ],
)
def test_exceptions(host: str, direct: bool) -> None:
    environ = CORP | {"no_proxy": CORP["no_proxy"] + ",nonsense/33"}
    if host.startswith("192.0.2"):
        return  # TEST-NET counts as private already
    assert (choose("system", "https", host, environ) is None) is direct


def test_a_network_is_an_exception() -> None:
    environ = {"ALL_PROXY": "socks5://p:1", "NO_PROXY": "8.8.0.0/16, nonsense/33"}
    assert choose("system", "https", "8.8.8.8", environ) is None
    assert choose("system", "https", "9.9.9.9", environ) is not None
    assert choose("system", "https", "9.9.9.9", environ | {"no_proxy": "*"}) is None


def test_scheme_and_case() -> None:
    environ = {"http_proxy": "http://lower:1", "HTTP_PROXY": "http://upper:1", "ALL_PROXY": "socks5://all:1"}
    assert str(choose("system", "http", "example.com", environ)) == "lower:1"
    assert str(choose("system", "https", "example.com", environ)) == "all:1"


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("win32", ("getproxies_registry", "proxy_bypass_registry")),
        ("darwin", ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf")),
    ],
)
def test_the_settings_of_windows_and_macos(
    monkeypatch: pytest.MonkeyPatch, platform: str, names: tuple[str, str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(urllib.request, names[0], lambda: {"https": "http://sys:8080"}, raising=False)
    monkeypatch.setattr(urllib.request, names[1], lambda host: host == "direct.example", raising=False)
    assert str(choose("system", "https", "example.com", {})) == "sys:8080"
    assert choose("system", "https", "direct.example", {}) is None
    assert choose("system", "http", "example.com", {}) is None
    assert str(choose("system", "https", "example.com", {"HTTPS_PROXY": "http://env:1"})) == "env:1"
