"""The named guard "relay": what nobody has foreseen is logged and becomes a fault, to be answered like any other."""

import logging
from types import TracebackType

from app.domain.faults import Fault, FaultError, FaultKind

_log = logging.getLogger(__name__)


class Unexpected:
    """Put around whatever makes an answer: faults pass, and so do cancellation and whatever else is no mistake."""

    __slots__ = ("_request_id", "_route")

    def __init__(self, request_id: str, route: str) -> None:
        """Remember what the log is to say."""
        self._request_id = request_id
        self._route = route

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Let a mistake out as a fault.

        Raises:
            FaultError: INTERNAL.
        """
        if not isinstance(error, Exception) or isinstance(error, FaultError):
            return
        _log.error("request failed unexpectedly id=%s route=%s", self._request_id, self._route, exc_info=error)
        remedy = f"The log has the details under {self._request_id}."
        raise FaultError(Fault(FaultKind.INTERNAL, "Switchtower failed unexpectedly.", remedy=remedy)) from error
