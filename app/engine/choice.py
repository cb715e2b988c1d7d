"""Put those who may answer in order for this moment: by what the request needs, strategy, conversation and health."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from app.domain.chat import PASSED_THROUGH, ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.models import ModelInfo
from app.engine.affinity import Conversation, Sessions, conversation_of
from app.engine.demands import input_tokens, wants_tools, wants_vision
from app.engine.kept import Kept
from app.engine.limits import Turn
from app.engine.quotas import Limits, take
from app.engine.router import Candidate, Plan, Routing
from app.engine.strategies import Balance

_ABILITIES = frozenset({"tools", "vision", "reasoning", "structured_output", "structured_outputs", "audio"})
_TEXT = frozenset({"chat", "completions", "fim", "tools", "vision", "reasoning"})
_EMBEDDINGS = "embeddings"
_UP, _LIMITED, _DOWN = range(3)
_KEPT_ELSEWHERE = "another provider keeps what the request refers to"
_SAME_CONVERSATION = "it answered this conversation last"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A candidate that is not asked, and why."""

    candidate: Candidate
    why: str


@dataclass(slots=True)
class Choice:
    """Who is asked, best first, and who is not; tell it what came of it, so that the next choice is a better one."""

    candidates: list[Candidate]
    request: ApiRequest
    balance: Balance
    sessions: Sessions
    limits: Limits = field(default_factory=Limits)
    conversation: Conversation | None = None
    skipped: list[Skipped] = field(default_factory=list)
    plan: Plan | None = None
    _waited_s: float = 0.0

    def asked(self, candidate: Candidate) -> None:
        """That candidate is asked; the first one of a request has used up its turn among its equals."""
        if self.plan is None:
            return
        plan, self.plan = self.plan, None
        for tier in plan.tiers:
            if len(tier.candidates) > 1:
                self.balance.take(tier, candidate, plan.strategy)

    async def turn(self, candidate: Candidate, left_s: float = math.inf) -> Turn | None:
        """Take a turn by the candidate's own limits, None when it has none.

        All waits together take `queue_s` at most, and no longer than the `left_s` of the request.

        Raises:
            FaultError: RATE_LIMITED, by the settings and not by the provider.
        """
        if self.plan is not None:
            self.asked(candidate)
        limiter = self.limits.of(candidate.provider.id)
        if limiter is None:
            return None
        began_s = self.balance.clock()
        try:
            return await take(limiter, self.request, min(self.limits.queue_s - self._waited_s, left_s))
        except FaultError as error:
            raise FaultError(replace(error.fault, provider=candidate.provider.id)) from error
        finally:
            self._waited_s += self.balance.clock() - began_s

    def answered(self, candidate: Candidate, first_byte_ms: float) -> None:
        """That candidate's answer began after `first_byte_ms`."""
        if len(self.candidates) > 1:
            self.balance.answered(candidate, self.request, first_byte_ms)
            if self.conversation is not None:
                self.sessions.stick(self.conversation, candidate.provider.id)

    def failed(self, candidate: Candidate, fault: Fault) -> None:
        """That candidate did not answer; a `fault` that only the client can mend tells nothing of the provider."""
        if len(self.candidates) > 1 and (fault.policy.breaker or fault.policy.next):
            self.balance.failed(candidate, self.request)


Blocked = Callable[[str, str], Fault | None]
"""Why a provider (empty: any) may not be asked by a client, which is that a budget is spent; None when it may."""


def _nobody_is(provider_id: str, client: str) -> Fault | None:
    """There are no budgets."""
    return None


class Chooser:
    """Chooses for each request; `routing` gives what is in force now."""

    def __init__(
        self, routing: Callable[[], Routing], balance: Balance | None = None, sessions: Sessions | None = None
    ) -> None:
        """`balance` and `sessions` remember what came of earlier choices."""
        self._routing = routing
        self.balance = balance or Balance()
        self.sessions = sessions or Sessions()
        self.kept = Kept()
        self.blocked: Blocked = _nobody_is

    def choose(self, request: ApiRequest, client: str = "") -> Choice:
        """Put those who may answer in order; never empty.

        Raises:
            FaultError: BUDGET, NO_PROVIDER, MODEL_NOT_FOUND, PROVIDER_DISABLED, NEEDS_KEY or CONFIG_ERROR, when nobody
                may.
        """
        if (spent := self.blocked("", client)) is not None:
            raise FaultError(spent)
        routing = self._routing()
        plan = routing.plan(request.model, request.operation)
        choice = Choice([], request, self.balance, self.sessions, routing.limits)
        if len(plan.tiers) == 1 and len(plan.tiers[0].candidates) == 1:
            choice.candidates = [plan.tiers[0].candidates[0]]
        else:
            choice.conversation = conversation_of(request, client) if routing.affinity else None
            self._order(choice, plan)
        if request.refers:
            self._stay_with_keeper(choice)
        self._spare(choice, client)
        return choice

    def _stay_with_keeper(self, choice: Choice) -> None:
        """Leave only the provider that keeps what the request refers to, where that is known.

        Raises:
            FaultError: INVALID_REQUEST, when it does not offer the model.
        """
        keeper = self.kept.provider_of(choice.request.refers)
        others = [c for c in choice.candidates if c.provider.id != keeper] if keeper else []
        if not others:
            return
        if len(others) == len(choice.candidates):
            raise FaultError(
                Fault(
                    FaultKind.INVALID_REQUEST,
                    f"{keeper} keeps {choice.request.refers!r}, but does not offer {choice.request.model}.",
                    remedy="Ask for one of its models, or send the whole conversation as `input`.",
                    provider=keeper,
                )
            )
        choice.skipped += [Skipped(candidate, _KEPT_ELSEWHERE) for candidate in others]
        choice.candidates[:] = [c for c in choice.candidates if c.provider.id == keeper]

    def _spare(self, choice: Choice, client: str) -> None:
        """Leave out the providers whose budget is spent.

        Raises:
            FaultError: BUDGET, when nobody else is left.
        """
        spent = [(c, fault) for c in choice.candidates if (fault := self.blocked(c.provider.id, client)) is not None]
        if not spent:
            return
        if len(spent) == len(choice.candidates):
            raise FaultError(spent[0][1])
        choice.skipped += [Skipped(candidate, fault.message) for candidate, fault in spent]
        gone = {id(candidate) for candidate, _ in spent}
        choice.candidates[:] = [c for c in choice.candidates if id(c) not in gone]

    def _order(self, choice: Choice, plan: Plan) -> None:
        """Fill in the candidates: tier by tier, then those that had better be asked later."""
        found = choice.candidates
        stays = self.sessions.provider_of(choice.conversation) if choice.conversation else ""
        for tier in plan.tiers:
            if len(tier.candidates) == 1:
                found += tier.candidates
                continue
            ordered = self.balance.order(tier, plan.strategy, choice.request)
            found += _stay(ordered, stays) if stays else ordered
        if plan.described:
            _fit(choice)
        ranks = {id(candidate): _rank(candidate, choice) for candidate in found}
        if any(ranks.values()):
            found.sort(key=lambda candidate: ranks[id(candidate)])
        choice.plan = plan


def _stay(ordered: list[Candidate], provider_id: str) -> list[Candidate]:
    """Put the provider of the conversation first among its equals."""
    for at, candidate in enumerate(ordered):
        if candidate.provider.id == provider_id:
            return [replace(candidate, reason=_SAME_CONVERSATION), *ordered[:at], *ordered[at + 1 :]]
    return ordered


def _rank(candidate: Candidate, choice: Choice) -> int:
    """Who is asked later, though never refused: whoever is at the limit, then whoever did not answer last time."""
    if candidate.provider.just_failed:
        return _DOWN
    return _LIMITED if choice.limits.is_short(candidate.provider.id, choice.request) else _UP


# -- what a request needs


def _fit(choice: Choice) -> None:
    """Leave out who cannot do what the request needs, and put the models it is too long for last.

    Lists err and are incomplete: when nobody would be left, everybody is asked all the same.
    """
    request = choice.request
    if request.operation in PASSED_THROUGH:
        return
    needs = [word for word, wants in (("tools", wants_tools), ("vision", wants_vision)) if wants(request)]
    skipped = [Skipped(c, why) for c in choice.candidates if (why := _lacks(c.info, request.operation, needs))]
    if 0 < len(skipped) < len(choice.candidates):
        choice.skipped = skipped
        gone = {id(one.candidate) for one in skipped}
        choice.candidates[:] = [c for c in choice.candidates if id(c) not in gone]
    if any(c.info is not None and c.info.context_length for c in choice.candidates):
        tokens = input_tokens(request)
        choice.candidates.sort(key=lambda c: _is_too_small(c.info, tokens))


def _lacks(info: ModelInfo | None, operation: Operation, needs: Iterable[str]) -> str:
    """What the list says the model cannot do although the request needs it; empty when it says no such thing."""
    if info is None or not info.capabilities:
        return ""
    can = frozenset(info.capabilities)
    if operation is Operation.EMBEDDINGS:
        return "its list says it makes no embeddings" if _EMBEDDINGS not in can and can & _TEXT else ""
    if _EMBEDDINGS in can and not can & _TEXT:
        return "its list says it makes embeddings only"
    if not can & _ABILITIES:
        return ""
    missing = [word for word in needs if word not in can]
    return f"its list says it has no {' and no '.join(missing)}" if missing else ""


def _is_too_small(info: ModelInfo | None, tokens: int) -> bool:
    return info is not None and info.context_length is not None and tokens > info.context_length


def longer(candidates: Iterable[Candidate], than: Candidate) -> list[Candidate]:
    """Those whose list says that their models take longer conversations than that one's does."""
    limit = than.info.context_length if than.info is not None else None
    return [c for c in candidates if limit and c.info is not None and (c.info.context_length or 0) > limit]
