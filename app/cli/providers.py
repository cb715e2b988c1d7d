"""`switchtower providers`: what is set up, what there is, and changes to it; a running instance follows the file."""

import argparse
import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from app.cli import trial
from app.cli.output import NO_PROVIDERS, CommandError, WrongUsageError, note, one_line, say, say_json, table
from app.cli.session import Session

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus
    from app.providers.spec import ProviderSpec
    from app.store.settings import Provider


_UNTOLD = "It has nothing that could be asked for free: the first request will tell."
_SWITCHED_OFF = "Let it get requests with `switchtower providers enable {}`."


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    group = verbs.add_parser("providers", help="list, add, remove, switch and test providers")
    actions = group.add_subparsers(metavar="ACTION", dest="action", required=True)
    _action(actions, "list", list_providers, "those in the settings")
    _action(actions, "catalog", catalog, "every kind there is")
    add = _action(actions, "add", add_provider, "add one to the settings")
    add.add_argument("kind", metavar="KIND", help="see: switchtower providers catalog")
    add.add_argument("--id", default="", metavar="ID", help="its name here; the kind when left out")
    add.add_argument("--base-url", default="", metavar="U", help="another address than the catalog's")
    sources = "keyring (as a rule), env:NAME, default (this machine's login), profile:NAME or none"
    add.add_argument("--key-from", default="", metavar="S", help=sources)
    for name, verb, text in (
        ("remove", remove, "take it out of the settings, and its key out of the keyring"),
        ("enable", enable, "let it get requests"),
        ("disable", disable, "let it get none"),
        ("test", test, "ask it for its models, free of charge; with --message for an answer"),
    ):
        action = _action(actions, name, verb, text)
        action.add_argument("id", metavar="ID", help="see: switchtower providers list")
        if verb is test:
            trial.add_to(action)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, verb: Any, text: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(verb=verb)
    return parser


def list_providers(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """List what the settings have."""
    session = Session(environ)
    rows = [_describe(session, provider) for provider in session.settings.providers]
    if args.json:
        say_json(rows)
    elif rows:
        headers = ("id", "kind", "enabled", "priority", "key", "base URL")
        say(table(headers, [tuple(row.values()) for row in rows]))
    else:
        say(NO_PROVIDERS)
    return 0


def catalog(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """List every kind of the registry."""
    registry = Session(environ).registry
    if args.json:
        say_json([_kind(spec) for spec in registry])
        return 0
    where = [spec.base_url or spec.address or "(yours)" for spec in registry]
    rows = [(s.id, s.name, "yes" if s.needs_key else "no", url) for s, url in zip(registry, where, strict=True)]
    say(table(("kind", "name", "key", "base URL"), rows))
    for failure in registry.failures:
        note(f"Not usable: {failure.kind}. {failure.reason}")
    return 0


def _kind(spec: Any) -> dict[str, object]:
    return {
        "kind": spec.id,
        "name": spec.name,
        "base_url": spec.base_url,
        "needs_key": spec.needs_key,
        "local": spec.local,
        "lists_models": spec.lists_models,
        "docs": spec.docs,
        "key_url": spec.key_url,
        "address": spec.address,
        "about": spec.about,
    }


def add_provider(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Add a provider; its key is given separately."""
    session = Session(environ)
    spec = session.registry.get(args.kind)
    if spec.needs_base_url and not args.base_url:
        like = f"{spec.address}. {spec.about}" if spec.address else "http://127.0.0.1:8000/v1."
        raise CommandError(f"{spec.name} needs an address. Add --base-url, for instance {like}")
    if words := spec.own_words_in(args.base_url):
        raise CommandError(f"The address is not filled in: {', '.join(words)}. {spec.about}")
    if args.key_from.startswith(("default", "profile:")) and not spec.auth.logs_in:
        raise CommandError(f"{spec.name} has no login of this machine. Use --key-from keyring, env:NAME or none.")
    values = {"id": args.id or session.settings.free_id(args.kind), "kind": args.kind}
    values |= {key: value for key, value in (("base_url", args.base_url), ("key", args.key_from)) if value}
    settings = session.settings_file.add_provider(values)
    added = settings.providers[-1]
    if args.json:
        say_json(_describe(session, added))
        return 0
    say(f"Added {added.id}.")
    _tell_of_its_key(session, added, spec)
    return 0


def _tell_of_its_key(session: Session, added: "Provider", spec: "ProviderSpec") -> None:
    """Where it comes from, as far as there is something to do."""
    if variable := session.unset_variable(added):
        say(f"{variable} is not set here: set it for the program that is to use it.")
    if added.key == "keyring" and spec.needs_key and not spec.local:
        say(f"Now give it its key: switchtower keys set {added.id}")
        if spec.auth.logs_in:
            say('Or use the login of this machine: key = "default" in the settings, or --key-from default.')
        if spec.key_url:
            say(f"Keys are made at {spec.key_url}")


def remove(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Take a provider out; a keyring that cannot be asked only leaves its key behind."""
    from app.store.key_names import key_host
    from app.store.secrets import KeyringProblem

    session = Session(environ)
    provider = session.provider(args.id)
    session.settings_file.remove_provider(args.id)
    host = key_host(session.base_url(provider))
    if provider.key == "keyring" and host:
        try:
            asyncio.run(session.keys.delete_provider_key(args.id, host))
        except KeyringProblem as problem:
            note(f"Its key, if it has one, is still in the keyring: {problem}")
    return _done(args, f"Removed {args.id}.", {"removed": args.id})


def enable(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Switch a provider on."""
    _switch(environ, args.id, on=True)
    return _done(args, f"Enabled {args.id}.", {"id": args.id, "enabled": True})


def disable(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Switch a provider off."""
    _switch(environ, args.id, on=False)
    return _done(args, f"Disabled {args.id}.", {"id": args.id, "enabled": False})


def _switch(environ: Mapping[str, str], provider_id: str, *, on: bool) -> None:
    session = Session(environ)
    session.provider(provider_id)
    session.settings_file.change_provider(provider_id, enabled=on)


def test(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Probe a provider, and send it a message if asked to; exit 1 unless it is up, or answers."""
    if (args.model or args.yes) and not args.message:
        raise WrongUsageError("--model and --yes go with --message.")
    session = Session(environ)
    session.provider(args.id)
    status = asyncio.run(_probe(session, args.id))
    if args.message and (status.state.up or status.state == "unknown"):
        return trial.send(args, environ, status)
    if args.json:
        say_json(msgspec.to_builtins(status))
    else:
        say(one_line(describe_status(status)))
    return 0 if status.state.up else 1


async def _probe(session: Session, provider_id: str) -> "ProviderStatus":
    async with session.core() as core:
        return await core.test_provider(provider_id)


def describe_status(status: "ProviderStatus") -> str:
    """One line: `openai: healthy, 212 ms, 42 models.`, or the state with the reason and the remedy."""
    if not status.state.up:
        known = {"unknown": _UNTOLD, "disabled": _SWITCHED_OFF.format(status.id)}
        detail = status.detail or known.get(status.state, "")
        return f"{status.id}: {status.state.replace('_', ' ')}. {detail}".rstrip()
    parts = [str(status.state)]
    if status.latency_ms is not None:
        parts.append(f"{status.latency_ms:.0f} ms")
    if status.models is not None:
        parts.append(f"{status.models} model{'s' if status.models != 1 else ''}")
    return f"{status.id}: {', '.join(parts)}."


def _describe(session: Session, provider: "Provider") -> dict[str, object]:
    return {
        "id": provider.id,
        "kind": provider.kind,
        "enabled": provider.enabled,
        "priority": provider.priority,
        "key": provider.key,
        "base_url": session.base_url(provider),
    }


def _done(args: argparse.Namespace, text: str, told: dict[str, object]) -> int:
    if args.json:
        say_json(told)
    else:
        say(text)
    return 0
