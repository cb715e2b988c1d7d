"""`switchtower config`: where the settings are, whether they are valid, and how they travel; never a secret."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.output import CommandError, note, say
from app.cli.session import Session

if TYPE_CHECKING:
    from app.store.settings import Settings
    from app.store.settings_exchange import HostChange


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    group = verbs.add_parser("config", help="the settings file")
    actions = group.add_subparsers(metavar="ACTION", dest="action", required=True)
    actions.add_parser("path", help="where it is").set_defaults(verb=path)
    actions.add_parser("check", help="whether it is valid").set_defaults(verb=check)
    actions.add_parser("show", help="what differs from the defaults").set_defaults(verb=show)
    export = actions.add_parser("export", help="write the settings to a file to give away, or to standard output (-)")
    export.add_argument("file", metavar="FILE", type=Path)
    export.set_defaults(verb=export_file)
    bring = actions.add_parser("import", help="replace the settings by those of a file")
    bring.add_argument("file", metavar="FILE", type=Path)
    bring.add_argument("--yes", action="store_true", help="even when something in them needs a yes")
    bring.set_defaults(verb=import_file)


def path(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print where the file is or would be."""
    say(str(Session(environ).paths.settings_file))
    return 0


def check(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Say whether the file is valid."""
    session = Session(environ)
    count = len(session.settings.providers)
    name = session.paths.settings_file
    absent = "" if name.exists() else " (there is no file; all defaults)"
    say(f"{name} is valid{absent}: {_count(count)}.")
    _tell_dangling(session.settings)
    return 0


def show(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the settings in force after a start, as TOML."""
    from app.store.settings_exchange import export

    say(export(Session(environ).settings).rstrip("\n"))
    return 0


def export_file(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the settings to FILE; no key is in them."""
    from app.store.atomic_file import write_atomically
    from app.store.settings_exchange import export

    session = Session(environ)
    text = export(session.settings)
    target: Path = args.file
    if str(target) == "-":
        say(text.rstrip("\n"))
        return 0
    if target.exists() and target.samefile(session.paths.settings_file):
        raise CommandError(f"{target} is the settings file itself. Choose another name.")
    try:
        write_atomically(target, text.encode())
    except OSError as error:
        why = error.strerror or error
        raise CommandError(f"{target} cannot be written: {why}. Choose a file in a folder you can write to.") from error
    say(f"Wrote {target}. Keys are not in it.")
    return 0


def import_file(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Replace the settings by those of FILE; what opens doors needs a yes."""
    from app.store.settings_dangers import Facts
    from app.store.settings_exchange import plan_import

    session = Session(environ)
    facts = Facts(session.base_url, session.asks_without_key)
    plan = plan_import(args.file, session.kinds, _current(session), facts)
    for warning in plan.warnings:
        note(f"Careful: {warning}.")
    if plan.warnings and not args.yes and not _agreed():
        raise CommandError("Nothing was changed. If this is what you want, add --yes.")
    session.settings_file.replace(plan.source)
    say(f"Imported {args.file}: {_count(len(plan.settings.providers))}.")
    for change in plan.needs_key:
        say(_explain(change))
    _tell_dangling(plan.settings)
    return 0


def _current(session: Session) -> "Settings":
    """The settings to compare with: the present ones, the last good ones, or the defaults when all are broken."""
    from app.store.settings import Settings
    from app.store.settings_errors import SettingsError

    try:
        return session.settings_file.load_or_last_good()[0]
    except SettingsError:
        return Settings()


def _tell_dangling(settings: "Settings") -> None:
    """Say what is valid but names a provider that is not there."""
    from app.store.settings_references import dangling

    for what in dangling(settings):
        say(f"Without effect: {what}.")


def _count(providers: int) -> str:
    return f"{providers} provider{'s' if providers != 1 else ''}"


def _agreed() -> bool:
    """Ask a person; a script has not agreed."""
    if not sys.stdin.isatty():
        return False
    return input("Import all the same? [y/N] ").strip().lower() in ("y", "yes")


def _explain(change: "HostChange") -> str:
    if change.before:
        moved = f"{change.provider_id} is at {change.after} now, not at {change.before} any more, so it has no key."
    else:
        moved = f"{change.provider_id} at {change.after} is new and has no key."
    if change.lost:
        moved = f"{moved.removesuffix('.')} (the file's {change.lost} was not taken over)."
    return f"{moved} Give it one if you trust that host: switchtower keys set {change.provider_id}"
