"""So much a minute: a bucket that is refilled evenly, and may be overdrawn a little."""

from dataclasses import dataclass

MINUTE_S = 60.0
_HARDLY = 1e-6
"""Rounding must not make anybody wait for the millionth part of a request."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a scope may use; 0 is no limit."""

    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    concurrent: int = 0

    @property
    def limits_nothing(self) -> bool:
        """Whether none of the three is limited."""
        return not (self.requests_per_minute or self.tokens_per_minute or self.concurrent)


class Bucket:
    """So many a minute, refilled evenly, a full minute's worth at the beginning.

    It may be overdrawn when a call used more than it had reserved, by a minute's worth at most.
    """

    __slots__ = ("_at_s", "_level", "per_minute")

    def __init__(self, per_minute: int, now_s: float) -> None:
        """Begin full."""
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._at_s = now_s

    def level(self, now_s: float) -> float:
        """How many can be taken now; below 0 it is overdrawn."""
        if now_s > self._at_s:
            self._level = min(self.per_minute, self._level + (now_s - self._at_s) * self.per_minute / MINUTE_S)
            self._at_s = now_s
        return self._level

    def left(self, now_s: float) -> int:
        """How many whole ones can be taken now."""
        return max(0, int(self.level(now_s) + _HARDLY))

    def wait_s(self, amount: float, now_s: float, ahead: float = 0.0) -> float:
        """Seconds until `amount` is there behind those `ahead`; more than a minute's worth only needs a full bucket."""
        missing = ahead + min(amount, self.per_minute) - self.level(now_s)
        return 0.0 if missing <= _HARDLY else missing * MINUTE_S / self.per_minute

    def add(self, amount: float, now_s: float) -> None:
        """Give back `amount`, or take it when it is negative."""
        self._level = max(-float(self.per_minute), min(self.per_minute, self.level(now_s) + amount))

    def full_in_s(self, now_s: float) -> float:
        """Seconds until it is full again."""
        return (self.per_minute - self.level(now_s)) * MINUTE_S / self.per_minute
