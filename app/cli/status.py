"""`switchtower status`: how the running instance and its providers are doing."""

import argparse
import asyncio
from collections.abc import Mapping
from typing import Any

from app.cli.instance import fetch_status
from app.cli.output import NO_PROVIDERS, at_least, one_line, say, say_json, table
from app.cli.session import Session

_COLUMNS = {
    "provider": "id",
    "state": "state",
    "latency ms": "latency_ms",
    "breaker": "breaker",
    "models": "models",
    "in flight": "in_flight",
    "requests": "requests",
    "failures": "failures",
    "cost USD": "cost_usd",
    "cooling until": "cooling_until",
}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = verbs.add_parser("status", help="how the running instance and its providers are doing")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(verb=status)


def status(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command."""
    told = asyncio.run(fetch_status(Session(environ)))
    if args.json:
        say_json(told)
    else:
        _show(told)
    return 0


def _show(told: Mapping[str, Any]) -> None:
    where = f"listening on {told['listening']}" if told.get("listening") else "not listening"
    say(f"Switchtower {told.get('version')}, {where}, up {duration(float(told.get('uptime_s') or 0))}.")
    for key in ("problem", "settings_problem", "ledger_problem"):
        if told.get(key):
            say(one_line(f"Problem: {told[key]}"))
    if told.get("forced_provider"):
        say(f"Only {told['forced_provider']} is used.")
    providers = told["providers"]
    if not providers:
        say(NO_PROVIDERS)
        return
    say()
    say(table(tuple(_COLUMNS), [_cells(provider) for provider in providers]))
    details = [provider for provider in providers if provider.get("detail")]
    if details:
        say()
    for provider in details:
        say(one_line(f"{provider['id']}: {provider['detail']}"))


def _cells(provider: Mapping[str, Any]) -> list[object]:
    known = {**provider, "cost_usd": at_least(provider.get("cost_usd"), provider.get("unknown_cost") or 0)}
    return [known.get(field) for field in _COLUMNS.values()]


def duration(seconds: float) -> str:
    """A time span in its largest unit: `42 s`, `5 min`, `3 h`, `2 d`."""
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
