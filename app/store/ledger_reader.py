"""Read the usage database on connections of its own: sums, single requests, spending."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from app.domain.events import Attempted, Skipped
from app.domain.history import PastRequest, RequestFilter, Spending
from app.domain.usage import Grouping, Usage, UsageRow, UsageSource
from app.store.ledger_file import MIGRATIONS, connect_for_reading
from app.store.ledger_query import statement

SUMS_BY_KEY = """
SELECT CASE ? WHEN 'provider' THEN provider WHEN 'model' THEN model WHEN 'client' THEN client ELSE day END AS key,
    SUM(requests), SUM(failures), SUM(input_tokens), SUM(output_tokens), SUM(unknown_usage),
    CASE WHEN SUM(cost_usd) > 0 OR SUM(unknown_cost) = 0 THEN SUM(cost_usd) END, SUM(unknown_cost)
FROM daily WHERE day >= ? GROUP BY key
"""

SPENT_SINCE = """
SELECT day, provider, client, SUM(cost_usd) FROM daily WHERE day >= ? GROUP BY day, provider, client
"""

COLUMNS = """request_id, started_at_ms, operation, model, client, stream, provider, provider_model, status, outcome,
    fault, detail, ms, first_byte_ms, fresh_input, cache_read, cache_write, output, reasoning, audio, images, searches,
    usage_source, cost_usd, price_source, attempts, skipped,
    id"""
_USAGE_AT = 14
_COUNTS = ("fresh_input", "cache_read", "cache_write", "output", "reasoning", "audio", "images", "searches")
_USAGE_END = _USAGE_AT + len(_COUNTS)


class LedgerReader:
    """Answers from the file at `path`, one short connection per question; any thread may ask."""

    def __init__(self, path: Path, zone: tzinfo | None = None) -> None:
        """`zone` is the time zone of the days, None the computer's own."""
        self._path = path
        self._zone = zone

    def usage(self, since: datetime, by: Grouping) -> list[UsageRow]:
        """Sums from the beginning of the local day of `since` until now, days in order, else the busiest first.

        Raises:
            sqlite3.Error, OSError: the file cannot be read.
        """
        if self._is_empty():
            return []
        with closing(self._connect()) as connection:
            rows = connection.execute(SUMS_BY_KEY, (by.value, self._day(since))).fetchall()
        found = [UsageRow(*row) for row in rows]
        return sorted(found, key=lambda row: row.key if by is Grouping.DAY else (-row.requests, row.key))

    def spent(self, since: datetime) -> list[Spending]:
        """What was spent from the local day of `since` until now.

        Raises:
            sqlite3.Error, OSError: the file cannot be read.
        """
        if self._is_empty():
            return []
        with closing(self._connect()) as connection:
            return [Spending(*row) for row in connection.execute(SPENT_SINCE, (self._day(since),))]

    def requests(self, wanted: RequestFilter, *, newest_first: bool = True) -> Iterator[PastRequest]:
        """The requests that pass the filter, one by one; `wanted.last` counts from where the order begins.

        Raises:
            sqlite3.Error, OSError: the file cannot be read.
        """
        if self._is_empty():
            return
        with closing(self._connect()) as connection:
            for row in connection.execute(
                *statement(connection, wanted, COLUMNS, self._zone, newest_first=newest_first)
            ):
                yield _past_request(row)

    def _is_empty(self) -> bool:
        """Whether there is nothing to read: no file, or one without a byte, as a full disk leaves it behind."""
        return not self._path.exists() or self._path.stat().st_size == 0

    def _connect(self) -> sqlite3.Connection:
        connection = connect_for_reading(self._path)
        if connection.execute("PRAGMA user_version").fetchone()[0] < len(MIGRATIONS):
            connection.close()
            raise sqlite3.OperationalError("it is still in the form of an older version; start Switchtower once")
        return connection

    def _day(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).date().isoformat()


def _past_request(row: tuple[Any, ...]) -> PastRequest:
    """Make the domain's form of a row of `COLUMNS`."""
    request_id, started_at_ms, operation, model, client, stream, *answered = row[:_USAGE_AT]
    source, cost_usd, price_source, attempts, skipped, _ = row[_USAGE_END:]
    provider, provider_model, status, outcome, fault, detail, ms, first_byte_ms = answered
    return PastRequest(
        request_id,
        datetime.fromtimestamp(started_at_ms / 1000, UTC),
        operation,
        model,
        client,
        bool(stream),
        provider,
        provider_model,
        status,
        outcome,
        fault,
        detail,
        ms,
        first_byte_ms,
        Usage(**dict(zip(_COUNTS, row[_USAGE_AT:_USAGE_END], strict=True)), source=UsageSource(source)),
        cost_usd,
        price_source,
        tuple(Attempted(**attempt) for attempt in json.loads(attempts)),
        tuple(Skipped(**candidate) for candidate in json.loads(skipped)),
    )
