import pytest

from app.domain.hosts import is_loopback, is_private, literal


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert is_private(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.9", "172.16.0.1", "169.254.1.1", "fe80::1%eth0", "[fd00::1]"])
def test_near_it(host: str) -> None:
    assert not is_loopback(host)
    assert is_private(host)


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "localhost.evil.com", "127.0.0.1.evil.com", "2606:4700::1"])
def test_far_away(host: str) -> None:
    assert not is_loopback(host)
    assert not is_private(host)


def test_an_ipv4_address_inside_ipv6_is_what_it_stands_for() -> None:
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_private("::ffff:8.8.8.8")
    assert literal("example.com") is None
