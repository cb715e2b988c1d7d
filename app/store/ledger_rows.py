"""Turn finished requests into table rows and into the daily sums that outlive them."""

import json
from collections.abc import Collection, Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, NamedTuple

from app.domain.chat import NO_OUTPUT
from app.domain.usage import UNKNOWN_COST, Cost, PriceSource
from app.store.log import redact

if TYPE_CHECKING:
    import sqlite3

    from app.domain.events import RequestFinished

MAX_TOKENS = 10**12  # a larger count is a provider's mistake; sums of these stay far below 2**63
MAX_COST_USD = 10.0**9  # a larger one is a mistake in a price
MAX_DETAIL_CHARS = 2000

INSERT_REQUEST = """
INSERT INTO requests (
    request_id, started_at_ms, operation, model, client, stream, provider, provider_model, status, outcome, fault,
    detail, ms, first_byte_ms, fresh_input, cache_read, cache_write, output, reasoning, audio, usage_source, attempts,
    cost_usd, images, searches, skipped, price_source
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

ADD_TO_DAY = """
INSERT INTO daily (
    day, provider, model, client, requests, failures, unknown_usage, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, reasoning_tokens, cost_usd, unknown_cost
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (day, provider, model, client) DO UPDATE SET
    requests = requests + excluded.requests,
    failures = failures + excluded.failures,
    unknown_usage = unknown_usage + excluded.unknown_usage,
    input_tokens = input_tokens + excluded.input_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    cost_usd = cost_usd + excluded.cost_usd,
    unknown_cost = unknown_cost + excluded.unknown_cost
"""

_JSON = json.JSONEncoder(separators=(",", ":"))

DayKey = tuple[str, str, str, str]


class PreparedRow(NamedTuple):
    """A request ready for the database: the values of `INSERT_REQUEST`, and where and how it counts for its day."""

    values: tuple[object, ...]
    day_key: DayKey
    counts: tuple[float, ...]


def prepare(event: "RequestFinished", zone: tzinfo | None, cost: Cost = UNKNOWN_COST) -> PreparedRow:
    """Prepare one request; `zone` is the time zone of the days, None the computer's own.

    A lone surrogate, which SQLite cannot hold, is written as its escape.

    Raises:
        ValueError, TypeError, OverflowError, AttributeError: a field is not what its type says.
    """
    cost_usd = None if cost.usd is None else max(0.0, min(float(cost.usd), MAX_COST_USD))
    values = (*_values(event, cost_usd), PriceSource(cost.source).value)
    return PreparedRow(values, _day_key(event, zone), _counts(event, cost_usd))


def insert(connection: "sqlite3.Connection", rows: Collection[PreparedRow]) -> None:
    """Write the rows with all that counts them; the caller has begun a transaction.

    Raises:
        sqlite3.Error: the database does not take them.
    """
    connection.executemany(INSERT_REQUEST, [row.values for row in rows])
    connection.executemany(ADD_TO_DAY, daily_rows(rows))


def daily_rows(rows: Iterable[PreparedRow]) -> list[tuple[object, ...]]:
    """The values of `ADD_TO_DAY`: one row per local day, provider, answering model and client."""
    sums: dict[DayKey, list[float]] = {}
    for row in rows:
        counts = sums.setdefault(row.day_key, [0] * len(row.counts))
        for place, count in enumerate(row.counts):
            counts[place] += count
    return [(*key, *counts) for key, counts in sums.items()]


def _values(event: "RequestFinished", cost_usd: float | None) -> tuple[object, ...]:
    usage = event.usage
    return (
        _text(event.request_id),
        int(event.started_at.timestamp() * 1000),
        event.operation.value,
        _text(event.model),
        _text(event.client),
        int(event.stream),
        _text(event.provider),
        _text(event.provider_model),
        int(event.status),
        _text(event.outcome),
        _text(event.fault),
        _text(redact(event.detail))[:MAX_DETAIL_CHARS] if event.detail else "",
        float(event.ms),
        None if event.first_byte_ms is None else float(event.first_byte_ms),
        _tokens(usage.fresh_input),
        _tokens(usage.cache_read),
        _tokens(usage.cache_write),
        _tokens(usage.output),
        _tokens(usage.reasoning),
        _tokens(usage.audio),
        usage.source.value,
        _attempts(event),
        cost_usd,
        _tokens(usage.images),
        _tokens(usage.searches),
        _skipped(event),
    )


def _day_key(event: "RequestFinished", zone: tzinfo | None) -> DayKey:
    """Where the event counts: the model that answered, or the one asked for when nobody did."""
    day = event.started_at.astimezone(zone).date().isoformat()
    return (day, _text(event.provider), _text(event.provider_model or event.model), _text(event.client))


def _counts(event: "RequestFinished", cost_usd: float | None) -> tuple[float, ...]:
    """The counts in the order of `ADD_TO_DAY`."""
    usage = event.usage
    return (
        1,
        int(event.outcome in ("failed", "incomplete")),
        int(usage_is_unknown(event)),
        _tokens(usage.input) or 0,
        _tokens(usage.output) or 0,
        _tokens(usage.cache_read) or 0,
        _tokens(usage.cache_write) or 0,
        _tokens(usage.reasoning) or 0,
        cost_usd or 0.0,
        int(cost_usd is None and not spent_nothing(event)),
    )


def usage_is_unknown(event: "RequestFinished") -> bool:
    """Whether tokens may have been spent that nobody counted."""
    if spent_nothing(event):
        return False
    no_output = event.usage.output is None and event.operation not in NO_OUTPUT
    return event.usage.input is None or no_output


def spent_nothing(event: "RequestFinished") -> bool:
    """Whether it failed outright, or was given up while nobody worked at it: that costs nothing."""
    given_up = event.outcome == "cancelled" and all(attempt.fault for attempt in event.attempts)
    return (event.outcome == "failed" or given_up) and event.usage.input is None and event.usage.output is None


def _attempts(event: "RequestFinished") -> str:
    """The attempts as compact JSON; what is empty is left out."""
    attempts = [
        {
            "provider": a.provider,
            "model": a.model,
            "ms": round(a.ms, 1),
            **({"fault": a.fault} if a.fault else {}),
            **({"reason": a.reason} if a.reason else {}),
        }
        for a in event.attempts
    ]
    return _JSON.encode(attempts)


def _skipped(event: "RequestFinished") -> str:
    """The candidates that were not asked as compact JSON."""
    if not event.skipped:
        return "[]"
    skipped = [{"provider": s.provider, "model": s.model, "reason": redact(s.reason)} for s in event.skipped]
    return _JSON.encode(skipped)


def _tokens(count: int | None) -> int | None:
    """A count within what the table holds; None stays unknown."""
    return None if count is None else max(0, min(int(count), MAX_TOKENS))


def _text(value: str) -> str:
    """Text SQLite can hold, otherwise unchanged (NUL, quotes and any script included)."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
