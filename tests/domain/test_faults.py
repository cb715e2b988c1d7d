from pathlib import Path

import pytest

from app.domain.faults import POLICY, Cooldown, Fault, FaultError, FaultKind, InBandError, ProviderError

DOC = Path(__file__).parents[2] / "docs/faults.md"


def test_every_kind_has_a_policy() -> None:
    assert set(POLICY) == set(FaultKind)


def test_every_row_of_the_fault_table_is_somebodys() -> None:
    rows = sorted(row for policy in POLICY.values() for row in policy.rows)
    harmless = {36}
    judged_by_their_code = {24, 25, 26}
    assert set(rows) | harmless | judged_by_their_code == set(range(1, 43))
    assert len([r for r in rows if r != 42]) == len({r for r in rows if r != 42}), "only row 42 has two kinds"


@pytest.mark.parametrize("kind", list(FaultKind))
def test_the_page_tells_what_the_table_says(kind: FaultKind) -> None:
    policy = POLICY[kind]
    line = next(line for line in DOC.read_text().splitlines() if line.startswith(f"| `{kind.value}` |"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    status = f"own, else {policy.status}" if policy.passes_status else str(policy.status)
    retry = ("at once" if policy.retry_at_once else "pause") if policy.retries else "-"
    cools = policy.cooldown.value if policy.cooldown is not Cooldown.NONE else "-"
    assert cells[2:] == [
        status, retry, "yes" if policy.next else "-", "yes" if policy.breaker else "-", cools,
        "yes" if policy.should_retry else "no",
    ]  # fmt: skip


def test_a_clients_own_mistake_never_counts_against_a_provider_nor_goes_to_another() -> None:
    for kind in (FaultKind.BAD_REQUEST, FaultKind.CONTEXT_LENGTH, FaultKind.INVALID_REQUEST, FaultKind.CLIENT_GONE):
        assert not POLICY[kind].breaker
        assert not POLICY[kind].next
        assert POLICY[kind].retries == 0


def test_the_same_key_is_never_tried_again_after_a_refusal() -> None:
    for kind in (FaultKind.AUTH, FaultKind.QUOTA, FaultKind.MODEL_NOT_FOUND, FaultKind.BAD_REQUEST):
        assert POLICY[kind].retries == 0
        assert not POLICY[kind].should_retry


def test_a_providers_401_is_never_our_401() -> None:
    assert Fault(FaultKind.AUTH, "x", provider_status=401).status == 502


def test_a_status_is_passed_on_where_the_table_says_so() -> None:
    assert Fault(FaultKind.BAD_REQUEST, "x", provider_status=422).status == 422
    assert Fault(FaultKind.BAD_REQUEST, "x").status == 400
    assert Fault(FaultKind.TRANSIENT, "x", provider_status=425).status == 425


def test_the_text_is_message_and_remedy() -> None:
    fault = Fault(FaultKind.OFFLINE, "No network.", "Connect.")
    assert fault.text == "No network. Connect."
    assert str(FaultError(fault)) == fault.text
    assert Fault(FaultKind.OFFLINE, "No network.").text == "No network."
    assert str(InBandError(ProviderError(message="boom"))) == "boom"
