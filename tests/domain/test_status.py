import re
from dataclasses import fields

from app.domain.status import BreakerState, HealthState, ProviderStatus


def test_the_states_are_those_of_the_contract() -> None:
    states = "healthy slow config_error rate_limited unreachable disabled needs_key unknown"
    assert {state.value for state in HealthState} == set(states.split())
    assert {state.value for state in BreakerState} == {"closed", "open", "half_open"}


def test_only_healthy_and_slow_providers_are_up() -> None:
    assert {state for state in HealthState if state.up} == {HealthState.HEALTHY, HealthState.SLOW}


def test_the_fields_are_those_of_the_contract() -> None:
    wanted = (
        "id kind name enabled priority state detail latency_ms checked_at breaker cooling_until models in_flight "
        "requests failures input_tokens output_tokens cost_usd latencies_ms unknown_usage unknown_cost"
    )
    assert [field.name for field in fields(ProviderStatus)][: len(wanted.split())] == wanted.split()
    assert re.fullmatch(r"[a-z_ ]+", wanted)
