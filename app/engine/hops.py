"""The hop header: a request that comes back to the program that sent it goes round in a circle and is refused."""

import secrets

from app.domain.faults import Fault, FaultError, FaultKind

HEADER = "x-switchtower-hop"
"""Only providers on this machine or near it get it: to others it would be a number that tells users apart."""

HEADER_BYTES = HEADER.encode()

MARK = secrets.token_hex(8)
"""Stands for this running program."""

MOST = 8
"""So many proxies in a row are no chain but a mistake."""

_CIRCLE = Fault(
    FaultKind.CONFIG_ERROR,
    "The request has come back to Switchtower: a provider's base_url leads here.",
    remedy="Give that provider the address of the real server.",
)


def check(hops: str) -> None:
    """Refuse a request that has been here before, or has come through too many proxies.

    Raises:
        FaultError: CONFIG_ERROR.
    """
    marks = [mark.strip() for mark in hops.split(",")]
    if MARK in marks or len(marks) > MOST:
        raise FaultError(_CIRCLE)


def onward(hops: str) -> tuple[tuple[str, str], ...]:
    """The header that a request must carry on its way from here."""
    return ((HEADER, f"{hops}, {MARK}"),) if hops else ((HEADER, MARK),)
