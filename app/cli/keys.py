"""`switchtower keys`: provider keys in the system's keyring, never on the command line."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.cli.output import NO_PROVIDERS, say, say_json, table
from app.cli.session import Session

if TYPE_CHECKING:
    from app.domain.secret import Secret
    from app.store.settings import Provider


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    group = verbs.add_parser("keys", help="set, delete and list provider keys")
    actions = group.add_subparsers(metavar="ACTION", dest="action", required=True)
    give = actions.add_parser("set", help="store a key, typed at a hidden prompt or read from standard input")
    give.add_argument("id", metavar="ID", help="the provider")
    give.set_defaults(verb=set_key)
    delete = actions.add_parser("delete", help="forget a key")
    delete.add_argument("id", metavar="ID", help="the provider")
    delete.set_defaults(verb=delete_key)
    listing = actions.add_parser("list", help="which provider has a key, and where it comes from")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(verb=list_keys)


def set_key(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Store a key for the provider's present host."""
    session = Session(environ)
    provider = session.provider(args.id)
    host = session.key_host(provider)
    key = _read_key(f"Key for {provider.id} at {host}: ")
    notice = asyncio.run(session.keys.set_provider_key(provider.id, host, key))
    session.key_stamp.touch()
    say(f"Stored the key for {provider.id} at {host}. {notice}".rstrip())
    if provider.key != "keyring":
        session.settings_file.change_provider(provider.id, key=None)
        say(f'The settings said key = "{provider.key}"; it is taken from the keyring now.')
    return 0


def _read_key(prompt: str) -> "Secret":
    """Read a key without showing it.

    Raises:
        KeyringProblem: what was given is no key.
    """
    from app.store.secrets import clean_key

    text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()
    return clean_key(text)


def delete_key(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Forget the key for the provider's present host."""
    session = Session(environ)
    provider = session.provider(args.id)
    host = session.key_host(provider)
    asyncio.run(session.keys.delete_provider_key(provider.id, host))
    session.key_stamp.touch()
    say(f"{provider.id} has no key for {host} now.")
    return 0


def list_keys(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """List where each provider's key comes from, with its last four characters at most."""
    session = Session(environ)
    rows = asyncio.run(_rows(session))
    if args.json:
        say_json(rows)
    elif rows:
        say(table(("provider", "host", "from", "key"), [tuple(row.values()) for row in rows]))
    else:
        say(NO_PROVIDERS)
    return 0


async def _rows(session: Session) -> list[dict[str, object]]:
    return [await _row(session, provider) for provider in session.settings.providers]


async def _row(session: Session, provider: "Provider") -> dict[str, object]:
    from app.store.key_names import key_host

    host = key_host(session.base_url(provider))
    key = await session.keys.provider_key(provider.id, host, provider.key)
    shown = key.hint if key is not None else None
    return {"provider": provider.id, "host": host, "from": provider.key, "key": shown}
