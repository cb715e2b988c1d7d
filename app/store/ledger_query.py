"""The statement that finds single requests: it goes by the index that leaves the fewest rows to look at."""

import sqlite3
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from app.domain.history import RequestFilter

MOST_COUNTED = 20_000
"""Rows are counted up to here to tell which name is rarer; among names that occur more often it does not matter."""

NOT_OK = "(outcome <> 'ok' OR status <> 200)"
"""As the index of failed requests says it, which is only used for the same words."""

_OK, _OK_STATUS = "ok", 200


class Condition(NamedTuple):
    """A part of the WHERE clause with its values; a `column` has an index that begins with it."""

    text: str
    values: tuple[object, ...] = ()
    column: str = ""


class Statement(NamedTuple):
    """SQL with its values."""

    text: str
    values: tuple[object, ...]


def statement(
    connection: sqlite3.Connection, wanted: RequestFilter, columns: str, zone: tzinfo | None, *, newest_first: bool
) -> Statement:
    """What selects `columns` of the requests that pass the filter; `zone` is the time zone of the days.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    indexed, others = _indexed(wanted), _others(connection, wanted, zone)
    first = _rarest(connection, indexed, others)
    rest = [one for one in indexed if one is not first] + others
    branches = [_branch(columns, index, [condition, *rest]) for index, condition in _branches(first)]
    direction = "DESC" if newest_first else "ASC"
    order = f" ORDER BY started_at_ms {direction}, id {direction} LIMIT ?"
    text = " UNION ALL ".join(branch.text for branch in branches) + order
    values = tuple(value for branch in branches for value in branch.values)
    return Statement(text, (*values, -1 if wanted.last is None else wanted.last))


def _indexed(wanted: RequestFilter) -> list[Condition]:
    """The conditions that an index answers; the id is so good at it that no other one is needed."""
    if wanted.request_id:
        return [Condition("request_id = ?", (wanted.request_id,), "id")]
    found: list[Condition] = []
    if wanted.outcome not in ("", _OK) or wanted.status not in (None, _OK_STATUS):
        found.append(Condition(NOT_OK, column="not_ok"))
    if wanted.model:
        found.append(Condition("(model = ? OR provider_model = ?)", (wanted.model, wanted.model), "model"))
    names = (("provider", wanted.provider), ("client", wanted.client))
    return found + [Condition(f"{column} = ?", (name,), column) for column, name in names if name]


def _others(connection: sqlite3.Connection, wanted: RequestFilter, zone: tzinfo | None) -> list[Condition]:
    """The other conditions."""
    found: list[Condition] = []
    if wanted.since is not None:
        found.append(Condition("started_at_ms >= ?", (_ms(wanted.since),)))
    if wanted.outcome:
        found.append(Condition("outcome = ?", (wanted.outcome,)))
    if wanted.status is not None:
        found.append(Condition("status = ?", (wanted.status,)))
    if wanted.request_id:
        found += _indexed(RequestFilter(provider=wanted.provider, client=wanted.client, model=wanted.model))
    elif wanted.provider and wanted.client:
        found.append(_between(connection, wanted, zone))
    return found


def _between(connection: sqlite3.Connection, wanted: RequestFilter, zone: tzinfo | None) -> Condition:
    """When that client asked that provider, by the daily sums; a day more on both sides, for time zones change."""
    first, last = connection.execute(
        "SELECT MIN(day), MAX(day) FROM daily WHERE provider = ? AND client = ?", (wanted.provider, wanted.client)
    ).fetchone()
    if first is None:
        return Condition("0")
    begins, ends = (datetime.fromisoformat(day).replace(tzinfo=zone) for day in (first, last))
    return Condition("started_at_ms BETWEEN ? AND ?", (_ms(begins - timedelta(days=1)), _ms(ends + timedelta(days=2))))


def _rarest(connection: sqlite3.Connection, indexed: list[Condition], others: list[Condition]) -> Condition | None:
    """The condition with the fewest rows, None when there are none with an index."""
    if len(indexed) <= 1:
        return indexed[0] if indexed else None
    span = [one for one in others if one.text.startswith("started_at_ms")]

    def count(one: Condition) -> int:
        branches = [_branch("1", index, [condition, *span]) for index, condition in _branches(one)]
        return sum(_counted(connection, branch) for branch in branches)

    return min(indexed, key=count)


def _counted(connection: sqlite3.Connection, branch: Statement) -> int:
    """How many rows it has, counted up to `MOST_COUNTED`."""
    text = f"SELECT COUNT(*) FROM ({branch.text} LIMIT {MOST_COUNTED})"  # noqa: S608 - values are bound
    return int(connection.execute(text, branch.values).fetchone()[0])


def _branches(first: Condition | None) -> list[tuple[str, Condition]]:
    """By which index to go, with its condition; a model may be the one asked for, or the one that answered."""
    if first is None:
        return [("", Condition("1"))]
    if first.text.startswith("(model"):
        name = first.values[0]
        return [
            ("requests_by_model", Condition("model = ?", (name,))),
            ("requests_by_provider_model", Condition("provider_model = ? AND provider_model <> model", (name,))),
        ]
    return [("requests_not_ok" if first.column == "not_ok" else f"requests_by_{first.column}", first)]


def _branch(columns: str, index: str, conditions: list[Condition]) -> Statement:
    where = " AND ".join(one.text for one in conditions)
    by = f" INDEXED BY {index}" if index else ""
    values = tuple(value for one in conditions for value in one.values)
    return Statement(f"SELECT {columns} FROM requests{by} WHERE {where}", values)  # noqa: S608 - values are bound


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
