"""`switchtower clients` and `switchtower token`: the local tokens that let programs in."""

import argparse
import asyncio
from collections.abc import Mapping

from app.cli.output import note, say, say_json
from app.cli.session import Session


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    group = verbs.add_parser("clients", help="tokens of their own for single programs")
    actions = group.add_subparsers(metavar="ACTION", dest="action", required=True)
    add = actions.add_parser("add", help="make a token and show it, once")
    add.add_argument("name", metavar="NAME", help="letters, digits, dots and dashes")
    add.set_defaults(verb=add_client)
    listing = actions.add_parser("list", help="their names")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(verb=list_clients)
    revoke = actions.add_parser("revoke", help="refuse that token from now on")
    revoke.add_argument("name", metavar="NAME", help="see: switchtower clients list")
    revoke.set_defaults(verb=revoke_client)
    token = verbs.add_parser("token", help="the default local token")
    choices = token.add_subparsers(metavar="ACTION", dest="action", required=True)
    choices.add_parser("show", help="print it").set_defaults(verb=show_token)
    choices.add_parser("rotate", help="replace it, and print the new one").set_defaults(verb=rotate_token)


def add_client(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Make a named token; it alone is printed on stdout."""
    session = Session(environ)
    token = asyncio.run(session.keys.add_client(args.name))
    session.key_stamp.touch()
    note(f"The token of {args.name}, shown this once:")
    say(token.reveal())
    return 0


def list_clients(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """List the names."""
    names = asyncio.run(Session(environ).keys.clients())
    if args.json:
        say_json(list(names))
    else:
        say("\n".join(names))
    return 0


def revoke_client(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Drop a named token."""
    session = Session(environ)
    asyncio.run(session.keys.revoke_client(args.name))
    session.key_stamp.touch()
    say(f"Revoked {args.name}. A running Switchtower refuses its token within 2 s.")
    return 0


def show_token(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the default token; it is made if there is none."""
    say(asyncio.run(Session(environ).keys.local_tokens())["default"].reveal())
    return 0


def rotate_token(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Replace the default token."""
    session = Session(environ)
    token = asyncio.run(session.keys.rotate_token())
    session.key_stamp.touch()
    note("The old token is refused from now on. The new one:")
    say(token.reveal())
    return 0
