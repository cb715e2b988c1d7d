"""Ask the running instance over HTTP, without giving the token to somebody who only sits on its port."""

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.cli.output import CommandError

if TYPE_CHECKING:
    from app.cli.session import Session
    from app.domain.secret import Secret

OK, UNAUTHORIZED = 200, 401

ANSWER_S = 5.0
"""So long the status may take."""

_START = "Start it with `switchtower serve`, or start the tray application."
_GIVE_WAY = "End that program, or choose another server.port."
_SAME_HOME = "Set SWITCHTOWER_TOKEN and SWITCHTOWER_HOME as where it was started, or choose another server.port."


class NoAnswerError(CommandError):
    """This Switchtower does not answer at its address; the text is `what` and `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        """Both are whole sentences."""
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


async def fetch_status(session: "Session") -> dict[str, Any]:
    """What `/v1/status` says.

    Raises:
        NoAnswerError: nothing of ours listens there, or it does not answer as it should.
        KeyringProblem: there is no token to show it.
    """
    address = session.address()
    if not await listens(address):
        raise NoAnswerError(f"Switchtower is not running at {address}.", _START)
    if not is_ours(address):
        raise NoAnswerError(f"The program on {address} belongs to another user, so it is not asked.", _GIVE_WAY)
    status, body = await _ask(address, await _token(session))
    if status == UNAUTHORIZED:
        raise NoAnswerError(f"{address} refused our token.", _SAME_HOME)
    told = _parse(body) if status == OK else None
    if told is None:
        raise NoAnswerError(f"{address} does not answer as Switchtower does (status {status}).", _GIVE_WAY)
    return told


async def runs(session: "Session") -> bool:
    """Whether a Switchtower that takes our token answers.

    Raises:
        KeyringProblem: there is no token to show it.
    """
    try:
        await fetch_status(session)
    except NoAnswerError:
        return False
    return True


async def listens(address: str) -> bool:
    """Whether anything accepts connections at `address`."""
    parts = urlsplit(address)
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def is_ours(address: str) -> bool:
    """Whether the program that listens there runs as this user; only Linux tells, elsewhere it is taken for granted."""
    from app.server.port import owns_port

    return owns_port(urlsplit(address).port or 0)


async def post_chat(session: "Session", body: bytes) -> tuple[int, bytes]:
    """What the running instance answers to a chat request, for whoever knows that it `runs`.

    Raises:
        KeyringProblem: there is no token to show it.
        FaultError: it does not answer.
    """
    return await _exchange(session.address(), await _token(session), body)


async def _token(session: "Session") -> "Secret":
    return (await session.keys.local_tokens())["default"]


async def _ask(address: str, token: "Secret") -> tuple[int, bytes]:
    """Status and body of the answer to `GET /v1/status`, soon or never."""
    from app.domain.faults import FaultError

    try:
        async with asyncio.timeout(ANSWER_S):
            return await _exchange(address, token)
    except TimeoutError as error:
        why = f"nothing within {ANSWER_S:g} s"
        raise NoAnswerError(f"{address} does not answer as Switchtower does ({why}).", _GIVE_WAY) from error
    except FaultError as error:
        raise NoAnswerError(f"{address} does not answer as Switchtower does (no answer in HTTP).", _GIVE_WAY) from error


async def _exchange(address: str, token: "Secret", chat: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer to a chat request; without one, of the status."""
    from app.net.client import ClientOptions, Credential, UpstreamClient

    client = UpstreamClient(
        ClientOptions("Switchtower", address, Credential("authorization", "Bearer ", token), proxy="none")
    )
    try:
        asked = client.post("/chat/completions", chat, stream=False) if chat else client.get("/status")
        reply = await asked
        try:
            return reply.status, await reply.read()
        finally:
            await reply.aclose()
    finally:
        await client.aclose()


def _parse(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("providers"), list) else None
