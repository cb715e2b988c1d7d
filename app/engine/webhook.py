"""Send alerts to the address of the settings: one POST each, which nothing waits for."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from app.domain.events import AlertRaised, Event
from app.domain.faults import FaultError
from app.domain.hosts import is_private
from app.domain.secret import Secret
from app.engine.provider import wall_clock
from app.net.client import ClientOptions, UpstreamClient
from app.store import log
from app.store.settings import Alerts as AlertSettings

_log = logging.getLogger(__name__)

DEADLINE_S = 10.0
_MOST_AT_ONCE = 5
_MOST_WAITING = 100
_OK = range(200, 300)

Spawn = Callable[[str, Coroutine[None, None, None]], object]


class Webhook:
    """Listens on the bus for alerts."""

    def __init__(
        self,
        settings: Callable[[], AlertSettings],
        environ: Mapping[str, str],
        spawn: Spawn,
        clock: Callable[[], datetime] = wall_clock,
    ) -> None:
        """`environ` resolves `env:NAME`, `spawn` owns the tasks, `clock` gives the time of day."""
        self._settings = settings
        self._environ = environ
        self._spawn = spawn
        self._clock = clock
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)
        self._unsent = 0

    def hear(self, event: Event) -> None:
        """Log an alert, and send it when there is somewhere to send it."""
        if not isinstance(event, AlertRaised):
            return
        _log.warning("alert kind=%s subject=%s: %s", event.kind, event.subject, event.message)
        url = self._settings().webhook
        if url.startswith("env:"):
            url = self._environ.get(url.removeprefix("env:"), "")
            log.remember(Secret(url))
        if url and self._unsent >= _MOST_AT_ONCE + _MOST_WAITING:
            _log.warning("alert not sent to the webhook: %d wait for it already", _MOST_WAITING)
        elif url:
            self._unsent += 1
            self._spawn("webhook", self._send(url, event))

    async def _send(self, url: str, alert: AlertRaised) -> None:
        """One POST; what goes wrong is only logged, without the address, which may be a secret."""
        try:
            async with self._slots:
                parts = _split(url)
                client = UpstreamClient(ClientOptions("The webhook", f"{parts.scheme}://{parts.netloc}"))
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                await self._post(client, path, alert)
        except (FaultError, TimeoutError, ValueError) as error:
            _log.warning("alert not sent to the webhook: %s", str(error) or "it did not answer in time")
        finally:
            self._unsent -= 1

    async def _post(self, client: UpstreamClient, path: str, alert: AlertRaised) -> None:
        at = self._clock().isoformat(timespec="seconds").replace("+00:00", "Z")
        told = {"event": "alert", "kind": alert.kind, "subject": alert.subject, "text": alert.message, "at": at}
        try:
            async with asyncio.timeout(DEADLINE_S):
                reply = await client.post(path, json.dumps(told).encode(), stream=False)
                if reply.status not in _OK:
                    _log.warning("alert not taken by the webhook: status %d", reply.status)
                await reply.aclose()
        finally:
            await client.aclose()


def _split(url: str) -> SplitResult:
    """The parts of an address that may be used: the settings have seen it only when it is not from a variable.

    Raises:
        ValueError: with what is wrong with it, in words that do not hold it.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError("its address cannot be read") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and is_private(host)):
        raise ValueError("its address must be https, or http to this machine")
    if not host:
        raise ValueError("its address has no host")
    if "@" in parts.netloc:
        raise ValueError("its address holds a user or password, which is not sent; put a secret into the path")
    return parts
