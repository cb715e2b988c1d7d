"""Who of one request's candidates may still be asked: how often each was, what keeps it away, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.engine.guard import Block
from app.engine.router import Candidate


@dataclass(frozen=True, slots=True)
class Hope:
    """A candidate that may still answer: in `wait_s` seconds, or now when it is `forced`.

    `again`: it was asked before, so that asking it is a retry.
    """

    candidate: Candidate
    wait_s: float
    forced: bool
    again: bool


@dataclass(slots=True)
class Hopes:
    """What became of the candidates of one request so far; `clock` gives monotonic seconds.

    A hope ends: whoever is asked has one try less, whoever is refused has none any more.
    """

    candidates: list[Candidate]
    clock: Callable[[], float]
    only: list[Candidate] | None = None
    """Those that a conversation that was too long may still go to; None: to all."""
    _tries: dict[int, int] = field(default_factory=dict)
    _again_s: dict[int, float] = field(default_factory=dict)
    _refused: set[int] = field(default_factory=set)

    # -- what becomes of a candidate

    def tries(self, candidate: Candidate) -> int:
        """How often the candidate was asked."""
        return self._tries.get(id(candidate), 0)

    def ask(self, candidate: Candidate) -> int:
        """The candidate is asked; return how often it was by now."""
        self._tries[id(candidate)] = tries = self.tries(candidate) + 1
        return tries

    def refuse(self, candidate: Candidate) -> None:
        """The candidate cannot be asked: this request leaves it alone from now on."""
        self._refused.add(id(candidate))

    def postpone(self, candidate: Candidate, after_s: float) -> None:
        """The candidate wants to be asked again after so many seconds."""
        self._again_s[id(candidate)] = self.clock() + after_s

    # -- who is left

    def may_help(self, candidate: Candidate) -> bool:
        """Whether the candidate is one of those a conversation that was too long may still go to."""
        return self.only is None or candidate in self.only

    def block(self, candidate: Candidate) -> Block | None:
        """Why the candidate is to be left alone; the only one there is, only for what it said itself."""
        return candidate.provider.guard.block(candidate.model, lone=len(self.candidates) == 1)

    def blocked(self) -> list[tuple[Candidate, Block]]:
        """Those that could help if they were not to be left alone."""
        found = ((c, self.block(c)) for c in self.candidates if self.may_help(c))
        return [(candidate, block) for candidate, block in found if block is not None]

    def others(self, candidate: Candidate) -> bool:
        """Whether somebody else, who was not asked yet, could answer now."""
        new = (c for c in self.candidates if c is not candidate and not self.tries(c) and self.may_help(c))
        return any(self.block(c) is None for c in new)

    def best(self, longest_s: float) -> Hope | None:
        """Who comes first: free by now, to be waited for up to `longest_s`, or to be asked although left alone."""
        hopes = [hope for c in self.candidates if (hope := self._of(c, longest_s)) is not None]
        best = min(hopes, key=lambda hope: hope.wait_s, default=None)
        return replace(best, wait_s=0.0) if best is not None and best.forced else best

    def _of(self, candidate: Candidate, longest_s: float) -> Hope | None:
        provider, tries = candidate.provider, self.tries(candidate)
        if id(candidate) in self._refused or not (provider.usable and self.may_help(candidate)):
            return None
        if tries >= provider.settings.retry.attempts:
            return None
        block = self.block(candidate)
        if block is None and not tries:
            return Hope(candidate, 0.0, forced=False, again=False)
        wait_s = self._due_s(candidate, block)
        if wait_s is not None and wait_s <= longest_s:
            return Hope(candidate, wait_s, forced=False, again=tries > 0)
        if block is not None and not tries and not provider.guard.probe_wait_s(block):
            return Hope(candidate, block.wait_s, forced=True, again=False)
        return None

    def _due_s(self, candidate: Candidate, block: Block | None) -> float | None:
        """Seconds until the time that the provider itself has named; None when it has named none."""
        if block is not None:
            return block.wait_s if block.told and block.fault.policy.should_retry else None
        again_s = self._again_s.get(id(candidate))
        return None if again_s is None else max(0.0, again_s - self.clock())
