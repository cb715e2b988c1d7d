"""When a request must be over, all its attempts together, and how much of that time one of them may take."""

from collections.abc import Callable, Iterable

from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.attempt import Attempt
from app.engine.shared_deadline import SharedDeadline
from app.store.settings import Timeouts

RESERVE_S = 60.0
"""So much of the time, a quarter of it at most, is kept for the others who could still answer."""

_GRACE_S = 0.1
"""A provider's own times end first, for their messages say more."""


class Deadline:
    """The time of one request until its answer is whole or its stream has begun: the largest `total_s` there is."""

    __slots__ = ("_clock", "_end_s", "_reserve_s", "_shared", "total_s")

    def __init__(
        self,
        timeouts: Iterable[Timeouts],
        clock: Callable[[], float],
        gone_s: float = 0.0,
        shared: SharedDeadline | None = None,
    ) -> None:
        """It began `gone_s` ago; `timeouts` are those of all candidates, `clock` gives monotonic seconds.

        `shared` has the timer for the attempts of many requests.
        """
        self._shared = shared or SharedDeadline()
        self.total_s = total_s = max(one.total_s for one in timeouts)
        self._clock = clock
        self._end_s = clock() - gone_s + total_s + _GRACE_S
        self._reserve_s = min(RESERVE_S, total_s / 4)

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when it has passed."""
        return max(0.0, self._end_s - self._clock())

    def share_s(self, *, others: bool) -> float:
        """Seconds for the next attempt; `others`: there is somebody else who could answer after it."""
        left_s = self.left_s
        return max(left_s - self._reserve_s, left_s / 2) if others else left_s

    async def run(self, attempt: Attempt, *, others: bool) -> None:
        """Run the attempt within its share of the time.

        Raises:
            FaultError: as the attempt, or FIRST_BYTE_TIMEOUT when that time is over.
        """
        share_s = self.share_s(others=others)
        try:
            await self._shared.wait(attempt.run(), share_s)
        except TimeoutError:
            name = attempt.candidate.provider.name
            message = f"{name} did not answer within {share_s:.3g} s."
            remedy = "Send the request again, or raise timeouts.total_s if the model is known to be slow."
            raise FaultError(Fault(FaultKind.FIRST_BYTE_TIMEOUT, message, remedy, name)) from None
