"""`switchtower doctor`: check everything a request needs, and say the remedy of whatever is broken."""

import argparse
import asyncio
from collections.abc import Mapping
from dataclasses import asdict

from app.cli import checks
from app.cli.output import one_line, say, say_json
from app.cli.session import Session

_MARKS = {"ok": "ok     ", "note": "note   ", "broken": "BROKEN "}


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = verbs.add_parser("doctor", help="check settings, keyring, port, proxy and every provider")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(verb=doctor)


def doctor(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command; exit 1 when anything is broken."""
    found = asyncio.run(checks.examine(Session(environ)))
    broken = [finding for finding in found if finding.state == "broken"]
    if args.json:
        say_json({"ok": not broken, "checks": [asdict(finding) for finding in found]})
        return 1 if broken else 0
    width = max(len(finding.name) for finding in found)
    for finding in found:
        say(f"{_MARKS[finding.state]}{finding.name:<{width}}  {one_line(finding.text)}")
        if finding.remedy:
            say(f"{' ' * (len(_MARKS['ok']) + width)}  {one_line(finding.remedy)}")
    say()
    say("Everything is in order." if not broken else f"Broken: {', '.join(finding.name for finding in broken)}.")
    return 1 if broken else 0
