"""`switchtower usage`: requests, tokens and cost from the ledger, whether an instance runs or not."""

import argparse
import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, time, timedelta

from app.cli.output import CommandError, at_least, say, say_csv, say_json, table
from app.cli.session import Session
from app.domain.usage import Grouping, UsageRow, total

_HEADERS = ("requests", "failures", "input tokens", "output tokens", "unknown usage", "cost USD", "unknown cost")
_MOST_DAYS = 36_500
_SPAN = re.compile(r"(\d{1,5})([dw])")
_DAYS_PER_WEEK = 7
_DIGITS = 6


UNREADABLE = "A running Switchtower brings an older file up to date, and keeps a damaged one and begins anew."


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = verbs.add_parser("usage", help="requests, tokens and cost by provider, model, client or day")
    parser.add_argument(
        "--since", type=since_date, default="7d", metavar="7d", help="days (1d is today), weeks (2w) or a date"
    )
    parser.add_argument("--by", choices=[by.value for by in Grouping], default=Grouping.PROVIDER.value)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--csv", action="store_true", help="for spreadsheets")
    parser.set_defaults(verb=usage)


def usage(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command."""
    by = Grouping(args.by)
    rows = asyncio.run(_read(Session(environ), args.since, by))
    if args.json:
        say_json({"since": args.since.isoformat(), "by": by.value, "rows": [asdict(row) for row in rows]})
    elif args.csv:
        _write_csv(by, rows)
    elif rows:
        say(table((by.value, *_HEADERS), [_values(row) for row in (*rows, *_total(rows))]))
    else:
        say(f"No requests since {args.since.isoformat()}.")
    return 0


async def _read(session: Session, since: date, by: Grouping) -> list[UsageRow]:
    from app.store.ledger import Ledger

    ledger = Ledger(session.paths.database_file)
    rows = await ledger.usage(datetime.combine(since, time.min).astimezone(), by)
    if ledger.problem:
        raise CommandError(f"{ledger.problem} {UNREADABLE}")
    return rows


def _values(row: UsageRow) -> tuple[object, ...]:
    return (row.key or "(none)", *_tokens(row), at_least(_cost_usd(row), row.unknown_cost), row.unknown_cost)


def _counts(row: UsageRow) -> tuple[object, ...]:
    return (*_tokens(row), _cost_usd(row), row.unknown_cost)


def _tokens(row: UsageRow) -> tuple[int, ...]:
    return (row.requests, row.failures, row.input_tokens, row.output_tokens, row.unknown_usage)


def _cost_usd(row: UsageRow) -> float | None:
    return None if row.cost_usd is None else round(row.cost_usd, _DIGITS)


def _total(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """A last line with the sums, when there is more than one."""
    if len(rows) == 1:
        return []
    return [total("total", rows)]


def _write_csv(by: Grouping, rows: Sequence[UsageRow]) -> None:
    say_csv([by.value, *(field.name for field in fields(UsageRow) if field.name != "key")])
    for row in rows:
        say_csv([row.key, *_counts(row)])


def since_date(text: str, today: date | None = None) -> date:
    """The first day meant by `7d`, `2w`, `today` or `2026-11-01`.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    today = today or datetime.now(UTC).astimezone().date()
    if text == "today":
        return today
    if span := _SPAN.fullmatch(text):
        days = int(span[1]) * (_DAYS_PER_WEEK if span[2] == "w" else 1)
        if 1 <= days <= _MOST_DAYS:
            return today - timedelta(days=days - 1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time span: use 7d, 2w, today or 2026-11-01") from None
