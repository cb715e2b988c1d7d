"""Ask Google's login over our own connections: google-auth calls from a thread, and the loop sends."""

import asyncio
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from app.domain.faults import FaultError
from app.net.authoriser import modules
from app.net.client import ClientOptions, UpstreamClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIMIT_S = 10.0
"""How long one answer is waited for."""

_LIMIT_BYTES = 1024 * 1024
_PARTS = 4  # connecting, sending, the head and the whole have this limit each


class LoginAnswer(NamedTuple):
    """An answer as google-auth reads it."""

    status: int
    headers: "Mapping[str, str]"
    data: bytes


class GoogleTransport:
    """Sends what google-auth asks for through the proxy and with the authorities of one provider's settings."""

    def __init__(self, *, proxy: str = "system", ca_file: str = "") -> None:
        """Open nothing yet; `proxy` and `ca_file` are as in `ClientOptions`."""
        self._proxy = proxy
        self._ca_file = ca_file

    def bound(self, loop: asyncio.AbstractEventLoop) -> "Callable[..., LoginAnswer]":
        """What a thread may call while `loop` runs; it is google-auth's `transport.Request`."""

        def ask(
            url: str,
            method: str = "GET",
            body: bytes | None = None,
            headers: "Mapping[str, str] | None" = None,
            timeout: float | None = None,
            **_: Any,
        ) -> LoginAnswer:
            limit_s = min(timeout or LIMIT_S, LIMIT_S)
            sent = self._send(method, url, body, tuple((headers or {}).items()), limit_s)
            (errors,) = modules("Google's login", "vertex", "google.auth.exceptions")
            sending = asyncio.run_coroutine_threadsafe(sent, loop)
            try:
                return sending.result(_PARTS * limit_s)
            except FaultError as error:
                raise errors.TransportError(error.fault.message) from error
            except (TimeoutError, CancelledError) as error:  # the loop has ended, and nobody answers any more
                sending.cancel()
                raise errors.TransportError("Google's login was given up.") from error

        return ask

    async def _send(
        self, method: str, url: str, body: bytes | None, headers: tuple[tuple[str, str], ...], limit_s: float
    ) -> LoginAnswer:
        """One exchange on a connection of its own.

        Raises:
            FaultError: whatever goes wrong on the way.
        """
        parts = urlsplit(url)
        own = headers if method == "GET" else ()  # a request without a body takes its headers from the options
        client = UpstreamClient(self._options(f"{parts.scheme}://{parts.netloc}", own, limit_s))
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            if method == "GET":
                reply = await client.get(path)
            else:
                reply = await client.post(path, body or b"", stream=False, headers=headers)
            return LoginAnswer(reply.status, reply.headers, await reply.read(_LIMIT_BYTES))
        finally:
            await client.aclose()

    def _options(self, base_url: str, headers: tuple[tuple[str, str], ...], limit_s: float) -> ClientOptions:
        return ClientOptions(
            name="Google's login",
            base_url=base_url,
            headers=headers,
            connect_s=limit_s,
            first_byte_s=limit_s,
            total_s=limit_s,
            proxy=self._proxy,
            ca_file=self._ca_file,
        )
