"""In any order of requests, ends, cancellations and waits the limits hold, no turn is lost and the first is first."""

import asyncio
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.domain.faults import FaultError
from app.engine.limits import Limiter, Quota, Turn
from engine.limits_model import FakeTime, Loop

STEPS = int(os.environ.get("SWITCHTOWER_TEST_STEPS", "1000"))
_A_RUN = 50


class LimiterMachine(RuleBasedStateMachine):
    """Requests come, wait, end and are cancelled in any order."""

    @initialize(
        requests=st.integers(0, 30),
        tokens=st.integers(0, 3000),
        concurrent=st.integers(0, 4),
        patience=st.floats(1, 90),
    )
    def begin(self, requests: int, tokens: int, concurrent: int, patience: float) -> None:
        self.time, self.loop = FakeTime(), Loop()
        self.quota = Quota(requests, tokens, concurrent)
        self.limiter = Limiter("x", self.quota, self.time, self.time.later)
        self.patience_s = patience
        self.open: list[Turn] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.sent = self.used = 0

    def _collect(self) -> None:
        """Take the turns that were granted; they must have been granted in order."""
        self.loop.settle()
        seen_waiting = False
        for task in list(self.tasks):
            if not task.done():
                seen_waiting = True
                continue
            self.tasks.remove(task)
            if task.cancelled():
                continue
            error = task.exception()
            if error is not None:
                assert isinstance(error, FaultError)
                assert error.fault.retry_after_s is not None
                continue
            assert not seen_waiting, "somebody was served before an earlier one"
            self.open.append(task.result())
            self.sent += 1
            self.used += task.result().tokens

    @rule(tokens=st.integers(0, 4000), patient=st.booleans())
    def ask(self, tokens: int, patient: bool) -> None:
        self.tasks.append(self.loop.start(self.limiter.take(tokens, self.patience_s if patient else 0)))
        self._collect()

    @rule(seconds=st.floats(0, 45))
    def wait(self, seconds: float) -> None:
        self.time.advance(seconds)
        self._collect()

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), factor=st.sampled_from([0.0, 0.3, 1.0, 2.5, None]))
    def end(self, which: int, factor: float | None) -> None:
        turn = self.open.pop(which % len(self.open))
        used = None if factor is None else int(turn.tokens * factor)
        turn.settle(used)
        turn.settle(0)
        self.used += 0 if used is None else min(used, turn.tokens) - turn.tokens
        self._collect()

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0))
    def never_sent(self, which: int) -> None:
        turn = self.open.pop(which % len(self.open))
        turn.cancel()
        self.sent -= 1
        self.used -= turn.tokens
        self._collect()

    @precondition(lambda self: self.tasks)
    @rule(which=st.integers(0), settled=st.booleans())
    def cancelled(self, which: int, settled: bool) -> None:
        task = self.tasks[which % len(self.tasks)]
        if self.open and settled:
            turn = self.open.pop()
            turn.settle(turn.tokens)
        task.cancel()
        self._collect()

    @invariant()
    def limits_hold(self) -> None:
        if not hasattr(self, "limiter"):
            return
        quota, minutes = self.quota, 1 + self.time.now_s / 60
        assert self.limiter.active == len(self.open)
        assert not quota.concurrent or self.limiter.active <= quota.concurrent
        assert not quota.requests_per_minute or self.sent <= quota.requests_per_minute * minutes + 0.001
        assert not quota.tokens_per_minute or self.used <= quota.tokens_per_minute * minutes + 0.001
        assert self.limiter.waiting == len(self.tasks)

    @invariant()
    def nobody_waits_for_what_is_there(self) -> None:
        if hasattr(self, "limiter") and self.limiter.waiting:
            assert not self.limiter._is_free(self.limiter._waiting[0].tokens)

    def teardown(self) -> None:
        if not hasattr(self, "limiter"):
            return
        for task in self.tasks:
            task.cancel()
        self._collect()
        while self.open:
            self.open.pop().settle(0)
            self._collect()
        self.time.advance(121)
        assert (self.limiter.active, self.limiter.waiting) == (0, 0)
        assert all(int(h) >= 0 for _, h in self.limiter.headers() if h.isdigit())
        assert self.limiter.wait_s(10**9) == 0, "after two minutes everything is there again"
        self.loop.close()


TestLimiter = LimiterMachine.TestCase
TestLimiter.settings = settings(
    max_examples=max(1, STEPS // _A_RUN),
    stateful_step_count=_A_RUN,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
