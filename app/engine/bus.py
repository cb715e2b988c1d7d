"""Publish and subscribe of domain events; a listener's failure never reaches the core."""

import logging
from collections.abc import Callable

from app.domain.events import Event

Listener = Callable[[Event], None]

_log = logging.getLogger(__name__)


class Bus:
    """Calls every listener at once, in the order of subscription, on the caller's thread."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self._listeners: tuple[Listener, ...] = ()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add `listener`, which must return quickly; return the function that removes it again."""
        self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand `event` to every listener; one that raises is logged and the others still hear it."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - the named guard "bus listener"
                _log.exception("bus listener failed event=%s", type(event).__name__)
