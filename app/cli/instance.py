"""Ask the running instance over HTTP, without giving the token to somebody who only sits on its port."""

import contextlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.cli.output import CommandError

if TYPE_CHECKING:
    from app.cli.session import Session

OK, UNAUTHORIZED = 200, 401
_NOT_RUNNING = "Start it with `switchtower serve`, or start the tray application."


async def fetch_status(session: "Session") -> dict[str, Any]:
    """What `/v1/status` says.

    Raises:
        CommandError: nothing of ours listens there, or it does not answer as it should.
        KeyringProblem: there is no token to show it.
    """
    address = session.address()
    if not await listens(address):
        raise CommandError(f"Switchtower is not running at {address}. {_NOT_RUNNING}")
    if not is_ours(address):
        raise CommandError(
            f"The program on {address} belongs to another user, so it is not asked. "
            "End it, or choose another server.port."
        )
    status, body = await _exchange(session, address)
    if status == UNAUTHORIZED:
        raise CommandError(
            f"{address} refused our token. It may have been started with another SWITCHTOWER_TOKEN "
            "or SWITCHTOWER_HOME; set the same here."
        )
    told = _parse(body) if status == OK else None
    if told is None:
        raise CommandError(f"{address} does not answer as Switchtower does (status {status}). See: switchtower doctor.")
    return told


async def listens(address: str) -> bool:
    """Whether anything accepts connections at `address`."""
    import asyncio

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


async def post_chat(session: "Session", body: bytes) -> tuple[int, bytes] | None:
    """What the running instance answers to a chat request; None when none runs.

    Raises:
        KeyringProblem: there is no token to show it.
        FaultError: it does not answer.
    """
    address = session.address()
    if not await listens(address) or not is_ours(address):
        return None
    return await _exchange(session, address, body)


async def _exchange(session: "Session", address: str, chat: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer to a chat request; without one, of the status."""
    from app.net.client import ClientOptions, Credential, UpstreamClient

    token = (await session.keys.local_tokens())["default"]
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
