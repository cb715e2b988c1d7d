"""The text of a scrape, read back with the library's own parser."""

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.status import HealthState, ProviderStatus, Snapshot
from app.domain.usage import Usage
from app.engine.tally import Tally
from app.server.metrics import render


def samples(tally: Tally) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    status = ProviderStatus("p", "openai", "OpenAI", enabled=True, priority=1, state=HealthState.HEALTHY, in_flight=3)
    content_type, text = render(
        tally, Snapshot("1.2.3", 5.0, "http://127.0.0.1:1/v1", offline=False, providers=(status,))
    )
    assert content_type.startswith("text/plain")
    families = text_string_to_metric_families(text.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_everything_is_there() -> None:
    tally = Tally()
    for number in range(3):
        event = RequestFinished(
            "r", datetime.now(UTC), Operation.CHAT, "m", 'odd "client"', stream=False, provider="p", ms=700.0,
            first_byte_ms=80.0, usage=Usage(10, 4, output=2), fault="" if number else "provider_error",
            outcome="ok" if number else "failed",
        )  # fmt: skip
        tally.add(event, 0.5 if number else None)
    found = samples(tally)
    labels = (("client", 'odd "client"'), ("model", "m"), ("provider", "p"))
    assert found["switchtower_requests_total", tuple(sorted((*labels, ("outcome", "ok"))))] == 2
    assert found["switchtower_failures_total", tuple(sorted((*labels, ("code", "provider_error"))))] == 1
    assert found["switchtower_input_tokens_total", labels] == 42
    assert found["switchtower_cached_tokens_total", labels] == 12
    assert found["switchtower_output_tokens_total", labels] == 6
    assert found["switchtower_cost_usd_total", labels] == 1.0
    assert found["switchtower_unknown_cost_total", labels] == 1
    assert found["switchtower_request_duration_seconds_bucket", (("le", "0.5"), ("provider", "p"))] == 0
    assert found["switchtower_request_duration_seconds_bucket", (("le", "1.0"), ("provider", "p"))] == 3
    assert found["switchtower_request_duration_seconds_count", (("provider", "p"),)] == 3
    assert found["switchtower_first_byte_seconds_sum", (("provider", "p"),)] == 0.24
    assert found["switchtower_provider_up", (("kind", "openai"), ("provider", "p"))] == 1
    assert found["switchtower_in_flight", (("provider", "p"),)] == 3
    assert found["switchtower_breaker_state", (("provider", "p"), ("state", "closed"))] == 1
    assert found["switchtower_breaker_state", (("provider", "p"), ("state", "open"))] == 0
    assert found["switchtower_build_info", (("version", "1.2.3"),)] == 1
    assert found["switchtower_uptime_seconds", ()] == 5.0
    assert found["switchtower_offline", ()] == 0


def test_a_scrape_before_the_first_request_works() -> None:
    assert ("switchtower_uptime_seconds", ()) in samples(Tally())
