"""Notice keys and tokens that another process changed, and a keyring that can be read at last."""

import time
from collections.abc import Awaitable, Callable

from app.engine.fleet import Fleet
from app.store.key_stamp import KeyStamp
from app.store.secrets import KeyStore

RETRY_S = 15.0
"""How soon a keyring that could not be read is looked at again."""

LONGEST_S = 900.0
"""Each failure doubles that time up to this: on some systems every reading asks the user anew."""


class KeyWatch:
    """Has everything read again when another process says so, and what could not be read as soon as it can be."""

    def __init__(
        self,
        keys: KeyStore,
        stamp: KeyStamp,
        fleet: Fleet,
        reread: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reread` reads the local tokens and the keys that `fleet` has forgotten; `clock` gives monotonic seconds."""
        self._keys = keys
        self._stamp = stamp
        self._fleet = fleet
        self._reread = reread
        self._clock = clock
        self._wait_s = RETRY_S
        self._due_s: float | None = None

    async def look(self) -> None:
        """Called about once a second."""
        if self._stamp.changed():
            self._keys.forget()
            self._fleet.forget_keys()
            await self._reread()
        elif not self._incomplete:
            self._wait_s, self._due_s = RETRY_S, None
        elif self._due_s is None:
            self._due_s = self._clock() + self._wait_s
        elif self._clock() >= self._due_s:
            await self._retry()

    @property
    def _incomplete(self) -> bool:
        """Whether a key or token could not be read."""
        return bool(self._keys.problem) or self._fleet.lacks_keys

    async def _retry(self) -> None:
        """Read what is missing, unless the keyring is still closed or silent, which costs no question to find out."""
        if await self._keys.can_be_read():
            self._wait_s = min(2 * self._wait_s, LONGEST_S)
            self._fleet.retry_keys()
            await self._reread()
        self._due_s = None
