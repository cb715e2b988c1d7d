"""What people read: unknown is a dash, never a zero."""

from dataclasses import replace

import pytest

from app.domain.status import BreakerState, HealthState, Snapshot
from app.ui import wording
from ui.fake_runtime import TWO, provider

PLAIN = Snapshot("0.1.0", 1.0, "http://127.0.0.1:8484/v1", offline=False, providers=TWO)
UNTRIED = provider("gamma", HealthState.UNKNOWN)
DOWN = provider("beta", HealthState.UNREACHABLE)


@pytest.mark.parametrize("state", HealthState)
def test_every_state_has_words(state: HealthState) -> None:
    assert wording.state(state)


@pytest.mark.parametrize("state", BreakerState)
def test_every_breaker_state_has_words(state: BreakerState) -> None:
    assert wording.breaker(state)


@pytest.mark.parametrize(
    ("ms", "text"), [(None, "—"), (0.4, "< 1 ms"), (212.4, "212 ms"), (999.4, "999 ms"), (3120.0, "3.1 s")]
)
def test_latency(ms: float | None, text: str) -> None:
    assert wording.latency(ms) == text


@pytest.mark.parametrize(
    ("usd", "text"), [(None, "—"), (0.0, "$0.00"), (0.0042, "$0.0042"), (0.00004, "< $0.0001"), (1234.5, "$1,234.50")]
)
def test_cost(usd: float | None, text: str) -> None:
    assert wording.cost(usd) == text


def test_counts_and_lists() -> None:
    assert [wording.count(None), wording.count(0), wording.count(12045)] == ["—", "0", "12,045"]
    assert [wording.things(1, "request"), wording.things(2, "request")] == ["1 request", "2 requests"]
    assert [wording.listed(n) for n in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_a_provider_is_called_by_its_catalog_name_unless_the_user_named_it() -> None:
    assert wording.provider_name(provider("openai", kind="openai", name="OpenAI")) == "OpenAI"
    assert wording.provider_name(provider("work", kind="openai", name="OpenAI")) == "work"


@pytest.mark.parametrize(
    ("snapshot", "line"),
    [
        (None, "Starting…"),
        (PLAIN, "Ready · 127.0.0.1:8484"),
        (replace(PLAIN, providers=(*TWO[:1], DOWN)), "1 of 2 providers up · 127.0.0.1:8484"),
        (replace(PLAIN, providers=(DOWN,)), "0 of 1 provider up · 127.0.0.1:8484"),
        (replace(PLAIN, providers=(TWO[0], replace(DOWN, enabled=False))), "Ready · 127.0.0.1:8484"),
        (replace(PLAIN, providers=(UNTRIED,)), "Ready · 127.0.0.1:8484"),
        (
            replace(PLAIN, providers=(UNTRIED, DOWN, TWO[0])),
            "1 of 3 providers up · 1 not tried yet · 127.0.0.1:8484",
        ),
        (replace(PLAIN, providers=()), "No provider yet · 127.0.0.1:8484"),
        (replace(PLAIN, providers=(replace(DOWN, enabled=False),)), "No provider is on · 127.0.0.1:8484"),
        (replace(PLAIN, listening="", problem="127.0.0.1:8484 is taken by process 7. End it."), "Port 8484 is taken"),
        (replace(PLAIN, listening="", problem="[::1]:9 is taken by another program. End it."), "Port 9 is taken"),
        (replace(PLAIN, listening="", problem="The keyring is locked. Unlock it."), "The keyring is locked"),
        (replace(PLAIN, listening=""), "Not running"),
    ],
)
def test_the_status_line(snapshot: Snapshot | None, line: str) -> None:
    assert wording.status_line(snapshot) == line


def test_text_from_outside_becomes_one_visible_line() -> None:
    assert wording.one_line("a\r\nb\x1b[31m\u202ec") == "a  b [31m c"
    assert len(wording.one_line("x" * 100_000)) < 3000


def test_what_is_out_of_the_ordinary_is_said_line_by_line() -> None:
    usual = Snapshot("1", 0.0, "http://127.0.0.1:8484/v1", offline=False, providers=())
    assert wording.out_of_the_ordinary(usual) == ""
    open_wide = replace(usual, lan=True, keyless="http://127.0.0.1:11434/v1")
    assert wording.out_of_the_ordinary(open_wide).splitlines() == [
        "Open to the local network",
        "No token asked for on port 11434",
    ]
