"""Rules from the settings, as they are compared with what comes over the wire."""

import pytest

from app.domain.secret import Secret
from app.server.rules import CompiledRules, GateRules

TOKEN = "sk-local-0123456789abcdef"
KEY = bytes(32)


@pytest.mark.parametrize("token", ["", "sk-local-", "x" * 19])
def test_a_token_that_can_be_guessed_is_refused_without_showing_it(token):
    with pytest.raises(ValueError, match="default") as caught:
        GateRules({"default": Secret(token)})
    assert not token or token not in str(caught.value)


def test_without_tokens_nobody_is_let_in():
    assert CompiledRules(GateRules({}), KEY).client_of([b"", TOKEN.encode()]) is None


def test_names_from_the_settings_may_have_any_port_or_the_one_that_is_written():
    rules = CompiledRules(GateRules({}, hosts=("Box.lan", "nas:9000", "", " ")), KEY)
    known = [b"box.lan", b"BOX.LAN:1", b"nas:9000", b"localhost:8484"]
    assert all(rules.knows_host(host, 8484) for host in known)
    assert not any(
        rules.knows_host(host, 8484) for host in [b"nas", b"nas:9001", b"", b"box.lan:", b"box.lan:x", b":8484"]
    )


@pytest.mark.parametrize("written", ["FD00::5", "[fd00::5]"])
def test_an_ipv6_address_is_known_in_the_brackets_that_it_has_on_the_wire(written):
    rules = CompiledRules(GateRules({}, hosts=(written,)), KEY)
    assert all(rules.knows_host(host, 8484) for host in (b"[fd00::5]", b"[fd00::5]:8484", b"[FD00::5]:1"))
    assert not any(rules.knows_host(host, 8484) for host in (b"fd00::5", b"[fd00::6]", b"[fd00::5]x"))


def test_an_ipv6_address_with_a_port_counts_as_it_is_written():
    rules = CompiledRules(GateRules({}, hosts=("[fd00::5]:9000",)), KEY)
    assert rules.knows_host(b"[fd00::5]:9000", 8484)
    assert not rules.knows_host(b"[fd00::5]:8484", 8484)


def test_origins_are_compared_whole_and_null_never_counts():
    rules = CompiledRules(GateRules({}, origins=("https://Chat.example/", "null", "*")), KEY)
    assert rules.lists_origin(b"https://chat.example")
    assert rules.lists_origin(b"HTTPS://CHAT.EXAMPLE")
    assert not any(
        rules.lists_origin(origin)
        for origin in (b"null", b"", b"https://chat.example.evil", b"https://x.chat.example", b"http://chat.example")
    )


def test_the_rules_do_not_show_a_token():
    assert TOKEN not in repr(GateRules({"default": Secret(TOKEN)}))
