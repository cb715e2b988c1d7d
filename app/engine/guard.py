"""Whether a provider may be asked for a model at this moment: its breakers, its cool-downs, and never a wall."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.domain.cooling import Cooling
from app.domain.faults import Cooldown, Fault, FaultKind
from app.domain.status import BreakerState
from app.engine.breaker import Breaker, Memory, Outcome
from app.engine.cooldowns import Cooldowns
from app.store.settings import Breaker as BreakerSettings

PROBE_S = 15.0
"""When everybody is to be left alone, the first to recover is asked all the same, but no more often than this."""

_BUSY_PROBE_S = 1.0
_MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class Block:
    """Why a provider is not asked: `fault` is what a client would be told.

    `wait_s` is when that ends (infinite: when the key is changed), `told`: the provider has named that time itself, so
    that waiting for it makes sense. `scope` is the model, or empty when the whole provider is blocked.
    """

    fault: Fault
    wait_s: float
    told: bool = False
    scope: str = ""

    @property
    def why(self) -> str:
        """In a few words, for the request log."""
        last = "until the key is changed" if math.isinf(self.wait_s) else f"for another {self.wait_s:.0f} s"
        return f"left alone {last} after {self.fault.kind}"


@dataclass(slots=True)
class Ticket:
    """A call that was let through; it is given back once, with what came of it."""

    model: str
    began_s: float
    host: int | None = None
    of_model: tuple[Breaker, int] | None = None
    probe: bool = False
    counted: bool = False
    """Its success has counted already: of what comes only a failure still does."""


class Guard:
    """Guards one provider; `owner` is its id, `name` what it is called, `key` the fingerprint of its key."""

    def __init__(
        self,
        owner: str,
        name: str,
        settings: BreakerSettings,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Let everything through; `clock` gives monotonic seconds, `chance` a number from 0 to 1."""
        self.cooldowns = Cooldowns()
        self.key = ""
        self.settings = settings
        self.breaker = Breaker(settings, clock, chance)
        self._owner = owner
        self._name = name
        self._clock = clock
        self._chance = chance
        self._of_model: dict[str, Breaker] = {}
        self._asked_s: dict[str, float] = {}
        self._last_fault: dict[str, Fault] = {}

    # -- before a call

    def block(self, model: str, *, lone: bool = False) -> Block | None:
        """Why `model` is not to be asked for now, None when it may be.

        `lone`: nobody else can answer, so that only what the provider said itself keeps its model from being asked.
        """
        cooling = self._cooling(model, lone=lone) if self.cooldowns else None
        if cooling is not None:
            return self._cooling_block(cooling)
        if self.breaker.state is not BreakerState.CLOSED and (block := self._open_block(self.breaker, "")) is not None:
            return block
        of_model = self._of_model.get(model) if self._of_model else None
        return None if of_model is None else self._open_block(of_model, model)

    def enter(self, model: str, *, forced: bool = False) -> Ticket:
        """Let a call through; `forced` makes it the probe of every breaker in its way."""
        ticket = Ticket(model, self.cooldowns.clock())
        ticket.probe = forced or self.breaker.state is not BreakerState.CLOSED
        ticket.host = self.breaker.enter(forced=forced)
        of_model = self._of_model.get(model) if self._of_model else None
        if of_model is not None:
            ticket.probe = ticket.probe or of_model.state is not BreakerState.CLOSED
            number = of_model.enter(forced=forced)
            ticket.of_model = None if number is None else (of_model, number)
        if ticket.probe:
            self._asked("")
            self._asked(model)
        return ticket

    def _asked(self, scope: str) -> None:
        """Note that a probe has gone out, or none is wanted yet; what is older than a probe's turn means nothing."""
        now_s = self._clock()
        if len(self._asked_s) > _MOST_MODELS:
            for old in [name for name, asked_s in self._asked_s.items() if asked_s + PROBE_S <= now_s]:
                del self._asked_s[old]
        self._asked_s[scope] = now_s

    def probe_wait_s(self, block: Block) -> float:
        """Seconds until a provider blocked like that may be asked all the same."""
        asked_s = self._asked_s.get(block.scope)
        return 0.0 if asked_s is None else max(0.0, asked_s + PROBE_S - self._clock())

    # -- after a call

    def succeeded(self, ticket: Ticket) -> None:
        """The provider answered: its key and that model are in order."""
        self._leave(ticket, Outcome.SUCCESS, Outcome.SUCCESS)
        self._lift(ticket)

    def _lift(self, ticket: Ticket) -> None:
        if self.cooldowns:
            self.cooldowns.lift(self._owner, Cooldown.KEY, self.key, ticket.began_s)
            self.cooldowns.lift(self._owner, Cooldown.MODEL, ticket.model, ticket.began_s)

    def failed(self, ticket: Ticket, fault: Fault, *, counts: bool = True) -> None:
        """The call failed; `counts` is false while the machine itself is offline."""
        counts = counts and fault.policy.breaker
        of_model = fault.kind is FaultKind.OVERLOADED
        if counts:
            self._last_fault[ticket.model if of_model else ""] = fault
        if counts and of_model and ticket.of_model is None:
            breaker = self._breaker_of(ticket.model)
            number = breaker.enter()
            ticket.of_model = None if number is None else (breaker, number)
        failure = Outcome.FAILURE if counts else Outcome.NEUTRAL
        self._leave(ticket, Outcome.NEUTRAL if of_model else failure, failure if of_model else Outcome.NEUTRAL)
        cooling = self.cooldowns.add(fault, ticket.model, self.key)
        if cooling is not None:
            self._asked(ticket.model if cooling.scope is Cooldown.MODEL else "")

    def began(self, ticket: Ticket) -> None:
        """A stream has begun: enough for a probe, which others wait for, until it breaks; else its end tells more."""
        if ticket.probe:
            host, of_model = ticket.host, ticket.of_model
            self._leave(ticket, Outcome.SUCCESS, Outcome.SUCCESS)
            ticket.counted = True
            ticket.host = None if host is None else self.breaker.ticket
            ticket.of_model = None if of_model is None else (of_model[0], of_model[0].ticket)
        self._lift(ticket)

    def ended(self, ticket: Ticket | None, fault: Fault | None) -> None:
        """A stream that had begun is over: whole, broken by `fault`, or left by the client, which is no fault."""
        if ticket is not None and fault is not None:
            self.failed(ticket, fault)
        elif ticket is not None:
            self._leave(ticket, Outcome.SUCCESS, Outcome.SUCCESS)

    def abandoned(self, ticket: Ticket) -> None:
        """The call ended without saying anything about the provider: the client went away."""
        self._leave(ticket, Outcome.NEUTRAL, Outcome.NEUTRAL)

    def _leave(self, ticket: Ticket, host: Outcome, of_model: Outcome) -> None:
        if ticket.host is not None:
            if not ticket.counted or host is Outcome.FAILURE:
                self._give_back(self.breaker, ticket.host, host, "")
            ticket.host = None
        if ticket.of_model is not None:
            breaker, number = ticket.of_model
            if not ticket.counted or of_model is Outcome.FAILURE:
                self._give_back(breaker, number, of_model, ticket.model)
            ticket.of_model = None

    def _give_back(self, breaker: Breaker, number: int, outcome: Outcome, scope: str) -> None:
        breaker.leave(number, outcome)
        if outcome is Outcome.FAILURE and breaker.state is BreakerState.OPEN:
            self._asked(scope)

    # -- from outside

    def try_now(self) -> None:
        """Lift every cool-down and let the next call through."""
        self.cooldowns.lift_all(self._owner)
        self.wake()
        self._asked_s.clear()

    def wake(self) -> None:
        """Open breakers go half-open: what they know is from before the machine slept."""
        for breaker in (self.breaker, *self._of_model.values()):
            breaker.try_now()

    def remember(self) -> Memory:
        """What the provider's breaker knows now."""
        return self.breaker.remember()

    def forgive(self, memory: Memory) -> None:
        """The failures since then were not the provider's."""
        self.breaker.restore(memory)
        self._asked_s.pop("", None)

    def inherit(self, other: "Guard") -> None:
        """Take over what was found out about the same host with the same settings."""
        if other.settings == self.settings:
            self.breaker, self._of_model = other.breaker, other._of_model
            self._asked_s, self._last_fault = other._asked_s, other._last_fault

    @property
    def cooling_until_s(self) -> float | None:
        """When (seconds since 1970) the next cool-down of this provider ends that has an end; for the status."""
        if not self.cooldowns:
            return None
        return min((one.until_s for one in self.cooldowns.of(self._owner) if one.until_s is not None), default=None)

    @property
    def key_fault(self) -> Fault | None:
        """What is wrong with the key, while it cools."""
        one = self.cooldowns.find(self._owner, Cooldown.KEY, self.key) if self.cooldowns else None
        return None if one is None else self._cooling_block(one).fault

    # -- the parts

    def _cooling(self, model: str, *, lone: bool) -> Cooling | None:
        key = self.cooldowns.find(self._owner, Cooldown.KEY, self.key)
        if key is not None:
            return key
        one = self.cooldowns.find(self._owner, Cooldown.MODEL, model)
        return None if one is None or (lone and not one.told) else one

    def _cooling_block(self, one: Cooling) -> Block:
        wait_s = math.inf if one.until_s is None else max(0.0, one.until_s - self.cooldowns.clock())
        after_s = wait_s if one.kind is FaultKind.RATE_LIMITED or (one.told and wait_s > 0) else None
        fault = Fault(one.kind, one.message, one.remedy, self._owner, retry_after_s=after_s)
        return Block(fault, wait_s, one.told, one.name if one.scope is Cooldown.MODEL else "")

    def _open_block(self, breaker: Breaker, scope: str) -> Block | None:
        wait_s = breaker.wait_s
        if wait_s is not None and wait_s <= 0:
            return None
        block = Block(self._left_alone(scope), _BUSY_PROBE_S if wait_s is None else wait_s, scope=scope)
        return replace(block, fault=replace(block.fault, retry_after_s=min(block.wait_s, PROBE_S)))

    def _left_alone(self, scope: str) -> Fault:
        last = self._last_fault.get(scope)
        why = f" The last failure: {last.message}" if last else ""
        return Fault(
            FaultKind.UNAVAILABLE,
            f"{self._name} failed again and again and is left alone for a moment.{why}",
            remedy="Send the request again later, or add another provider that has the model.",
            provider=self._owner,
        )

    def _breaker_of(self, model: str) -> Breaker:
        """The breaker of one model, made when it is overloaded for the first time."""
        if model not in self._of_model:
            if len(self._of_model) >= _MOST_MODELS:
                self._of_model.pop(next(iter(self._of_model)))
            self._of_model[model] = Breaker(self.settings, self._clock, self._chance)
        return self._of_model[model]
