"""`switchtower requests` and `explain`: single requests from the ledger, whether an instance runs or not."""

import argparse
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from app.cli.output import NOTHING, CommandError, one_line, say, say_csv, say_json, table
from app.cli.session import Session
from app.cli.usage import UNREADABLE, since_date
from app.domain.history import PastRequest, RequestFilter

_LAST = 50
_HEADERS = ("time", "id", "model", "provider", "client", "status", "ms", "in", "out", "cost USD", "fault")
_DIGITS = 6
_PRICED_BY = {
    "provider": "as the provider says",
    "own": "by your own prices",
    "genai-prices": "by the list of genai-prices",
    "free": "free of charge",
}
_OUTCOMES = ("ok", "failed", "cancelled", "incomplete")


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands."""
    parser = verbs.add_parser("requests", help="the request log: the newest requests, or an export")
    parser.add_argument("--last", type=_count, metavar="50", help="so many of the newest; exports hold all unless told")
    parser.add_argument("--since", type=since_date, metavar="7d", help="days (1d is today), weeks (2w) or a date")
    parser.add_argument("--provider", default="", metavar="ID", help="only those this provider answered or failed last")
    parser.add_argument("--model", default="", metavar="NAME", help="only those for, or answered by, this model")
    parser.add_argument("--client", default="", metavar="NAME", help="only those of this client")
    parser.add_argument("--status", type=_status, metavar="S", help=f"an HTTP status, or {', '.join(_OUTCOMES)}")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs, as one list")
    form.add_argument("--jsonl", action="store_true", help="export: one JSON object a line, the oldest first")
    form.add_argument("--csv", action="store_true", help="export: for spreadsheets, the oldest first")
    parser.set_defaults(verb=requests)
    parser = verbs.add_parser("explain", help="every candidate of one request, and what became of it")
    parser.add_argument("request_id", metavar="REQUEST_ID", help="as in x-request-id and in `switchtower requests`")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(verb=explain)


def requests(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run `requests`."""
    exports = args.jsonl or args.csv
    wanted = RequestFilter(
        since=None if args.since is None else _midnight(args.since),
        provider=args.provider,
        model=args.model,
        client=args.client,
        outcome=args.status if isinstance(args.status, str) else "",
        status=args.status if isinstance(args.status, int) else None,
        last=args.last if args.last is not None or exports else _LAST,
    )
    rows = _read(Session(environ), wanted, newest_first=not exports or args.last is not None)
    if exports and args.last is not None:
        rows = reversed(list(rows))
    if args.json:
        say_json([_as_json(row) for row in rows])
    elif args.jsonl:
        for row in rows:
            say(json.dumps(_as_json(row), separators=(",", ":")))
    elif args.csv:
        _write_csv(rows)
    else:
        _show(list(rows))
    return 0


def explain(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run `explain`."""
    row = next(_read(Session(environ), RequestFilter(request_id=args.request_id, last=1)), None)
    if row is None:
        raise CommandError(
            f"There is no request {args.request_id!r} in the ledger. `switchtower requests` lists those there are; "
            "one that has just ended is there within a second."
        )
    if args.json:
        say_json(_as_json(row))
    else:
        _tell(row)
    return 0


def _read(session: Session, wanted: RequestFilter, *, newest_first: bool = True) -> Iterator[PastRequest]:
    import sqlite3

    from app.store.ledger_reader import LedgerReader

    path = session.paths.database_file
    try:
        yield from LedgerReader(path).requests(wanted, newest_first=newest_first)
    except sqlite3.Error as error:
        raise CommandError(f"The usage database {path} cannot be read: {error}. {UNREADABLE}") from error


def _show(rows: list[PastRequest]) -> None:
    if not rows:
        say("No requests.")
        return
    say(table(_HEADERS, [_cells(row) for row in rows]))


def _cells(row: PastRequest) -> tuple[object, ...]:
    local = row.started_at.astimezone()
    cost_usd = None if row.cost_usd is None else round(row.cost_usd, _DIGITS)
    ended = (row.provider or None, row.client, row.status, round(row.ms))
    return (
        f"{local:%Y-%m-%d %H:%M:%S}",
        row.request_id,
        row.model or None,
        *ended,
        row.usage.input,
        row.usage.output,
        cost_usd,
        row.fault or None,
    )


def _tell(row: PastRequest) -> None:
    """What became of one request, in words."""
    say(one_line(f"{row.request_id}: {row.operation} for {row.model or NOTHING}{', streamed' if row.stream else ''}"))
    say(f"at {row.started_at.astimezone():%Y-%m-%d %H:%M:%S}, by the client {one_line(row.client)}")
    answered = f"{row.outcome}, status {row.status}, after {row.ms:,.0f} ms"
    first_byte = "" if row.first_byte_ms is None else f", first byte after {row.first_byte_ms:,.0f} ms"
    say(answered + first_byte)
    if row.detail:
        say(one_line(row.detail))
    usage, cost = row.usage, "cost unknown" if row.cost_usd is None else f"cost ${row.cost_usd:.6f}{_by(row)}"
    say(f"tokens in {_known(usage.input)}, out {_known(usage.output)} ({usage.source}); {cost}")
    say()
    asked = [(at, a.provider, a.model, a.reason, a.fault or "answered", round(a.ms)) for at, a in _numbered(row)]
    skipped = [(None, s.provider, s.model, None, f"not asked: {s.reason}", None) for s in row.skipped]
    if asked or skipped:
        say(table(("", "provider", "model", "stands here for", "became of it", "ms"), [*asked, *skipped]))
    else:
        say("Nobody was asked.")


def _by(row: PastRequest) -> str:
    """Who says so."""
    return f" ({_PRICED_BY[row.price_source]})" if row.price_source in _PRICED_BY else ""


def _numbered(row: PastRequest) -> Iterable[tuple[int, Any]]:
    return zip(itertools.count(1), row.attempts, strict=False)


def _known(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _as_json(row: PastRequest) -> dict[str, Any]:
    values = asdict(row) | {"started_at": row.started_at.isoformat().replace("+00:00", "Z")}
    for name in ("charged_usd", "cache_write_hour", "images_written"):
        del values["usage"][name]  # the cost has it, the ledger does not
    return values


def _write_csv(rows: Iterable[PastRequest]) -> None:
    names: list[str] | None = None
    for row in rows:
        values = _flat(row)
        if names is None:
            names = list(values)
            say_csv(names)
        say_csv(values.values())


def _flat(row: PastRequest) -> dict[str, object]:
    """One line of a spreadsheet: attempts are counted, and the usage's fields stand beside the others."""
    values = _as_json(row)
    usage, attempts, skipped = values.pop("usage"), values.pop("attempts"), values.pop("skipped")
    flat = {**values, **{("usage_source" if name == "source" else name): usage[name] for name in usage}}
    return flat | {"attempts": len(attempts), "skipped": len(skipped)}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min).astimezone()


def _count(text: str) -> int:
    """A positive number.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests")
    return int(text)


def _status(text: str) -> int | str:
    """An HTTP status or an outcome.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    if text in _OUTCOMES:
        return text
    if text.isdecimal() and len(text) == len("200"):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither an HTTP status nor one of {', '.join(_OUTCOMES)}")
