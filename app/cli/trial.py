"""`switchtower providers test ID --message`: one small message to a provider, which costs what it charges."""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from app.cli.instance import post_chat, runs
from app.cli.output import CommandError, one_line, say, say_json
from app.cli.session import Session

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus
    from app.engine.trial import Trial
    from app.runtime import Runtime


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options to `providers test`."""
    parser.add_argument("--message", action="store_true", help="then send it two words, which costs what it charges")
    parser.add_argument("--model", default="", metavar="M", help="with --message: for this model, not the first one")
    parser.add_argument("--yes", action="store_true", help="with --message: do not ask before")


def send(args: argparse.Namespace, environ: Mapping[str, str], status: "ProviderStatus") -> int:
    """Send the message to a provider that is up; exit 1 unless it answers."""
    session = Session(environ)
    trial = asyncio.run(_send(session, args, status))
    if args.json:
        say_json(asdict(trial))
    else:
        say(one_line(describe(trial)))
    return 1 if trial.problem else 0


async def _send(session: Session, args: argparse.Namespace, status: "ProviderStatus") -> "Trial":
    async with session.core() as core:
        await core.test_provider(args.id)  # for its models
        model = args.model or core.trial_model(args.id)
        if not model:
            raise CommandError(f"The models of {status.name} are not known. Say for which: --model M.")
        if not args.yes and not core.registry.get(status.kind).local:
            _ask(f"This sends a message of two words to {model} at {status.name}.", status.name)
        return await _through_instance(session, args.id, model) or await _alone(core, args.id, model)


def _ask(what: str, name: str) -> None:
    """Have the user say yes.

    Raises:
        CommandError: they did not, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"{what} It costs what a short answer costs there. Add --yes to send it all the same.")
    print(one_line(f"{what} It costs what a short answer costs there, usually less than a cent."), file=sys.stderr)
    print("Send it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(f"Nothing was sent to {name}.")


async def _through_instance(session: Session, provider_id: str, model: str) -> "Trial | None":
    """By the instance that runs, so that its counters and its ledger have it; None when none takes our token."""
    from app.domain.chat import Answer
    from app.engine.trial import question, read

    if not await runs(session):
        return None
    began_s = time.perf_counter()
    status, body = await post_chat(session, question(provider_id, model))
    return read(Answer(status, (), body), provider_id, model, (time.perf_counter() - began_s) * 1000)


async def _alone(core: "Runtime", provider_id: str, model: str) -> "Trial":
    """By a core of our own, which keeps it in the ledger."""
    core.ledger.start()
    unsubscribe = core.bus.subscribe(core.accounts.hear)
    try:
        return await core.send_trial(provider_id, model)
    finally:
        await core.accounts.settled()
        unsubscribe()


def describe(trial: "Trial") -> str:
    """One line: what was answered, how fast and for how many tokens, or what went wrong."""
    if trial.problem:
        return f"{trial.provider_id}: {trial.problem}"
    said = f'"{trial.text}"' if trial.text else "without words"
    tokens = [
        f"{count:,} tokens {way}" for way, count in (("in", trial.input_tokens), ("out", trial.output_tokens)) if count
    ]
    parts = [f"{trial.provider_id}: {trial.model} answered {said}", f"{trial.latency_ms:,.0f} ms", *tokens]
    return f"{', '.join(parts)}."
