"""How many requests and tokens a minute, and how many at the same time: taken before a call, settled by what it used.

A scope (all providers, one provider, one client) has one `Limiter`. It is written here because those that can be had
(limits, aiolimiter) only take: neither gives back what a request had reserved and did not use, nor takes what it used
beyond that, nor counts how many are under way.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.usage import Usage
from app.engine.bucket import Bucket, Quota


class Handle(Protocol):
    """A planned call that can be called off."""

    def cancel(self) -> None:
        """Call it off."""
        ...


Later = Callable[[float, Callable[[], None]], Handle]
"""Call a function after so many seconds."""


def total(usage: Usage) -> int | None:
    """All tokens of a call as far as they are known, None when even those of the prompt are not."""
    return None if usage.input is None else usage.input + (usage.output or 0)


class Turn:
    """A place that a request has taken; it must be given back once, by `settle` or `cancel`."""

    __slots__ = ("_limiter", "_open", "outer", "tokens")

    def __init__(self, limiter: "Limiter", tokens: int) -> None:
        """`tokens` are reserved."""
        self._limiter = limiter
        self._open = True
        self.tokens = tokens
        self.outer: Turn | None = None
        """A turn in another scope that ends together with this one."""

    def settle(self, used_tokens: int | None) -> None:
        """The call is over and used so many tokens; None is unknown: what was reserved counts. Again does nothing."""
        if self._open:
            self._open = False
            self._limiter.give_back(0, 0 if used_tokens is None else self.tokens - used_tokens)
            if self.outer is not None:
                self.outer.settle(used_tokens)

    def cancel(self) -> None:
        """Nothing was sent: give everything back. After `settle` it does nothing."""
        if self._open:
            self._open = False
            self._limiter.give_back(1, self.tokens)
            if self.outer is not None:
                self.outer.cancel()


@dataclass(eq=False, slots=True)
class _Waiter:
    """A request that waits for its turn."""

    tokens: int
    granted: asyncio.Future[Turn | None]


class Limiter:
    """The limits of one scope, first come, first served; `scope` is what messages call it, such as "OpenAI"."""

    def __init__(
        self, scope: str, quota: Quota, clock: Callable[[], float] = time.monotonic, later: Later | None = None
    ) -> None:
        """`clock` gives monotonic seconds, `later` plans a call (in the running loop when None)."""
        self.scope = scope
        self.active = 0
        self._clock = clock
        self._later = later
        self._waiting: deque[_Waiter] = deque()
        self._timer: Handle | None = None
        self._requests: Bucket | None = None
        self._tokens: Bucket | None = None
        self.quota = Quota()
        self.change(quota)

    def change(self, quota: Quota) -> None:
        """Other limits are in force from now on; what is under way stays counted."""
        now_s, old = self._clock(), self.quota
        self.quota = quota
        if old.requests_per_minute != quota.requests_per_minute:
            self._requests = Bucket(quota.requests_per_minute, now_s) if quota.requests_per_minute else None
        if old.tokens_per_minute != quota.tokens_per_minute:
            self._tokens = Bucket(quota.tokens_per_minute, now_s) if quota.tokens_per_minute else None
        self._admit()

    @property
    def counts_tokens(self) -> bool:
        """Whether it is worth knowing how many tokens a request may take."""
        return self._tokens is not None

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    def wait_s(self, tokens: int = 0) -> float:
        """Seconds until a request of that size has its turn behind all who wait; infinite: when another one ends."""
        now_s = self._clock()
        if self.quota.concurrent and self.active + len(self._waiting) >= self.quota.concurrent:
            return math.inf
        waits = [0.0]
        if self._requests is not None:
            waits.append(self._requests.wait_s(1, now_s, ahead=len(self._waiting)))
        if self._tokens is not None:
            ahead = sum(min(waiter.tokens, self._tokens.per_minute) for waiter in self._waiting)
            waits.append(self._tokens.wait_s(tokens, now_s, ahead=ahead))
        return max(waits)

    def try_take(self, tokens: int = 0) -> Turn | None:
        """Take a turn, or None when it is not there at once or others wait for it."""
        if self._waiting or not self._is_free(tokens):
            return None
        return self._take(tokens)

    async def take(self, tokens: int, wait_s: float) -> Turn:
        """Take a turn, waiting for it up to `wait_s`; whoever could not get one in that time is refused at once.

        Raises:
            FaultError: RATE_LIMITED, with the time after which there will be one.
        """
        turn = self.try_take(tokens)
        if turn is not None:
            return turn
        expected_s = self.wait_s(tokens)
        if wait_s <= 0 or wait_s < expected_s < math.inf:
            raise FaultError(self.refusal(tokens))
        return await self._queue(tokens, wait_s)

    async def _queue(self, tokens: int, wait_s: float) -> Turn:
        """Wait in the queue; leaving it, in whatever way, keeps nothing."""
        waiter = _Waiter(tokens, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._plan()
        timeout = self._call_later(wait_s, lambda: self._give_up(waiter))
        try:
            turn = await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled():
                turn = waiter.granted.result()
                if turn is not None:
                    turn.cancel()
            self._leave(waiter)
            raise
        finally:
            timeout.cancel()
        if turn is None:
            raise FaultError(self.refusal(tokens))
        return turn

    def give_back(self, requests: int, tokens: int) -> None:
        """One call is over; `tokens` are those it had reserved but not used (negative: used beyond that)."""
        self.active -= 1
        now_s = self._clock()
        if self._requests is not None and requests:
            self._requests.add(requests, now_s)
        if self._tokens is not None and tokens:
            self._tokens.add(tokens, now_s)
        self._admit()

    # -- the queue

    def _is_free(self, tokens: int) -> bool:
        """Whether there is a turn now for whoever is first."""
        if self.quota.concurrent and self.active >= self.quota.concurrent:
            return False
        if self._requests is None and self._tokens is None:
            return True
        return self._refilled_in_s(tokens) <= 0

    def _refilled_in_s(self, tokens: int) -> float:
        """Seconds until the buckets have enough for whoever is first."""
        now_s = self._clock()
        for_request = 0.0 if self._requests is None else self._requests.wait_s(1, now_s)
        return max(for_request, 0.0 if self._tokens is None else self._tokens.wait_s(tokens, now_s))

    def _take(self, tokens: int) -> Turn:
        now_s = self._clock()
        self.active += 1
        if self._requests is not None:
            self._requests.add(-1, now_s)
        if self._tokens is not None:
            tokens = min(tokens, self._tokens.per_minute)
            self._tokens.add(-tokens, now_s)
        return Turn(self, tokens)

    def _admit(self) -> None:
        """Give turns to those in front while there are any, then plan for the next."""
        while self._waiting and self._is_free(self._waiting[0].tokens):
            waiter = self._waiting.popleft()
            if not waiter.granted.done():
                waiter.granted.set_result(self._take(waiter.tokens))
        self._plan()

    def _plan(self) -> None:
        """Look again when the buckets will have enough for the first in the queue."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting or (self.quota.concurrent and self.active >= self.quota.concurrent):
            return
        wait_s = self._refilled_in_s(self._waiting[0].tokens)
        self._timer = self._call_later(max(wait_s, 0.001), self._admit)

    def _give_up(self, waiter: _Waiter) -> None:
        """Its time is over."""
        if not waiter.granted.done():
            waiter.granted.set_result(None)
            self._leave(waiter)

    def _leave(self, waiter: _Waiter) -> None:
        """Take it out of the queue, if it is still there; the next may be smaller and have its turn now."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            self._admit()

    def _call_later(self, delay_s: float, call: Callable[[], None]) -> Handle:
        if self._later is not None:
            return self._later(delay_s, call)
        return asyncio.get_running_loop().call_later(delay_s, call)

    # -- what clients are told

    def refusal(self, tokens: int) -> Fault:
        """The fault of a request that had no turn in time."""
        wait_s = self.wait_s(tokens)
        after_s = 1.0 if math.isinf(wait_s) else max(1.0, wait_s)
        quota, reached = self.quota, []
        if quota.concurrent and math.isinf(wait_s):
            reached.append(f"{quota.concurrent} requests at the same time")
        else:
            reached += [f"{quota.requests_per_minute} requests a minute"] if quota.requests_per_minute else []
            reached += [f"{quota.tokens_per_minute} tokens a minute"] if quota.tokens_per_minute else []
        return Fault(
            FaultKind.RATE_LIMITED,
            f"The limit that the settings set for {self.scope} is reached: {' and '.join(reached)}.",
            remedy=f"Send the request again in {math.ceil(after_s)} s, or raise the limit in the settings.",
            retry_after_s=after_s,
            headers=self.headers(),
        )

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The limits a minute as `x-ratelimit-*` headers, none when there are none."""
        found: list[tuple[str, str]] = []
        if self._requests is None and self._tokens is None:
            return ()
        now_s = self._clock()
        for name, bucket in (("requests", self._requests), ("tokens", self._tokens)):
            if bucket is not None:
                found += [
                    (f"x-ratelimit-limit-{name}", str(bucket.per_minute)),
                    (f"x-ratelimit-remaining-{name}", str(bucket.left(now_s))),
                    (f"x-ratelimit-reset-{name}", f"{bucket.full_in_s(now_s):.3f}".rstrip("0").rstrip(".") + "s"),
                ]
        return tuple(found)
