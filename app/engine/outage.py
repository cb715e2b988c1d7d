"""Whether the machine itself is offline: when no provider can be reached, it is not the providers' fault."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from app.domain.faults import Fault, FaultKind
from app.engine.provider import Provider

if TYPE_CHECKING:
    from app.engine.breaker import Memory

_log = logging.getLogger(__name__)

UNCONNECTED = frozenset({FaultKind.UNREACHABLE, FaultKind.DNS_FAILURE, FaultKind.CONNECT_TIMEOUT})
"""Faults of a provider that could not be connected to."""

WITHIN_S = 5.0
"""Every provider must have failed within this time of now, with nobody reached in between."""

LOOK_S = 2.0
"""How often everybody is asked while offline, so that the end of it is seen within 5 s."""

_SILENT = UNCONNECTED | {FaultKind.FIRST_BYTE_TIMEOUT}


class Outage:
    """Learns from every contact with every provider; `offline` is the one state that follows for all of them."""

    def __init__(
        self,
        providers: Callable[[], Iterable[Provider]],
        ask: Callable[[Provider], None],
        tell: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` has a provider probed soon, `tell` hears of each change, `clock` gives monotonic seconds."""
        self._providers = providers
        self._ask = ask
        self._tell = tell
        self._clock = clock
        self._failed_s: dict[Provider, float] = {}
        self._before: dict[Provider, Memory] = {}
        self._connects = False
        self._asked_s = float("-inf")
        self.offline = False

    @property
    def fault(self) -> Fault:
        """What a client is told while nobody can be reached."""
        return Fault(
            FaultKind.OFFLINE,
            "None of the providers can be reached.",
            remedy="Check the network, a VPN or proxy, and that local servers are running.",
            retry_after_s=WITHIN_S,
        )

    def contact(self, provider: Provider, fault: Fault | None) -> None:
        """A provider was reached, or not (`fault`)."""
        if fault is None or fault.kind not in _SILENT:
            if self._failed_s:
                self._reached(provider)
            return
        now_s = self._clock()
        if now_s - self._failed_s.get(provider, float("-inf")) > WITHIN_S:
            self._before[provider] = provider.guard.remember()
        self._failed_s[provider] = now_s
        if not self.offline:
            self._suspect(certain=fault.kind in UNCONNECTED)

    def look(self) -> None:
        """Called about once a second: while offline, everybody is asked again and again."""
        if self.offline and self._clock() - self._asked_s >= LOOK_S:
            self._ask_all(self._watched())

    def _reached(self, provider: Provider) -> None:
        self._failed_s.pop(provider, None)
        self._before.pop(provider, None)
        if self.offline:
            self._change(offline=False)
            self._failed_s.clear()
            self._before.clear()

    def _suspect(self, *, certain: bool) -> None:
        """Is it only this provider? If it was the last of all, no; if the others are not known, ask them now."""
        watched = self._watched()
        if len(watched) < 2:  # noqa: PLR2004 - one provider alone cannot tell its own end from the network's
            return
        now_s = self._clock()
        failing = [p for p in watched if now_s - self._failed_s.get(p, float("-inf")) <= WITHIN_S]
        if len(failing) == len(watched):
            if certain or self._connects:
                self._forgive(watched)
                self._change(offline=True)
        elif now_s - self._asked_s >= WITHIN_S:
            self._ask_all([p for p in watched if p not in failing])
        self._connects = certain or (self._connects and len(failing) > 1)

    def _watched(self) -> list[Provider]:
        """The providers that need the network; those near by only if there are no others."""
        usable = [p for p in self._providers() if p.usable and (p.spec.lists_models or p in self._failed_s)]
        return [p for p in usable if not p.nearby] or usable

    def _ask_all(self, providers: Iterable[Provider]) -> None:
        self._asked_s = self._clock()
        for provider in providers:
            self._ask(provider)

    def _forgive(self, providers: Iterable[Provider]) -> None:
        """The failures that led here count against nobody's breaker."""
        for provider in providers:
            memory = self._before.get(provider)
            if memory is not None:
                provider.guard.forgive(memory)

    def _change(self, *, offline: bool) -> None:
        self.offline = offline
        _log.warning("offline") if offline else _log.info("online again")
        self._tell(offline)
