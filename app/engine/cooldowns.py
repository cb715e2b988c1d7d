"""Who is left alone until when: keys that were refused, and models that are limited or missing at a provider."""

import hashlib
import time
from collections.abc import Callable, Iterable

from app.domain.cooling import Cooling
from app.domain.faults import Cooldown, Fault, FaultKind
from app.domain.secret import Secret

QUOTA_S = 1800.0
"""How long a key without quota is left alone when its provider names no time."""

MISSING_S = 3600.0
"""How long a provider is not asked for a model that it did not have."""

LIMITED_S = 10.0
"""How long a model is left alone after a rate limit when its provider names no time."""

_MOST = 1000
_TOLD = frozenset({FaultKind.RATE_LIMITED, FaultKind.QUOTA})
_UNTOLD_S = {FaultKind.QUOTA: QUOTA_S, FaultKind.MODEL_NOT_FOUND: MISSING_S, FaultKind.RATE_LIMITED: LIMITED_S}


def fingerprint(key: Secret | None) -> str:
    """What tells a key from its successor without telling the key."""
    if key is None:
        return ""
    return hashlib.blake2s(key.reveal().encode(), digest_size=6, person=b"cooling").hexdigest()


class Cooldowns:
    """All cool-downs of the program; `clock` gives seconds since 1970, since they outlive the process."""

    def __init__(self, known: Iterable[Cooling] = (), clock: Callable[[], float] = time.time) -> None:
        """Begin with those that were saved."""
        self.clock = clock
        self.changed = False
        self._cooling: dict[tuple[str, Cooldown, str], Cooling] = {}
        self.adopt(known)

    def adopt(self, known: Iterable[Cooling]) -> None:
        """Take over what was saved; a time further ahead than any cool-down may last is a broken clock's."""
        now_s = self.clock()
        for one in known:
            if one.until_s is None or now_s < one.until_s <= now_s + 2 * MISSING_S:
                self._cooling[one.provider, one.scope, one.name] = one

    def add(self, fault: Fault, model: str, key: str) -> Cooling | None:
        """Cool what `fault` says: the key with this fingerprint, the model, or nothing."""
        scope = fault.policy.cooldown
        if scope is Cooldown.NONE:
            return None
        now_s = self.clock()
        told = fault.kind in _TOLD and fault.retry_after_s is not None
        last_s = fault.retry_after_s if told else _UNTOLD_S.get(fault.kind)
        one = Cooling(
            fault.provider,
            scope,
            key if scope is Cooldown.KEY else model,
            fault.kind,
            now_s,
            None if last_s is None else now_s + last_s,
            told,
            fault.message,
            fault.remedy,
        )
        if len(self._cooling) >= _MOST:
            self._forget_oldest()
        self._cooling[one.provider, one.scope, one.name] = one
        self.changed = True
        return one

    def find(self, provider: str, scope: Cooldown, name: str) -> Cooling | None:
        """The cool-down in force, if there is one."""
        one = self._cooling.get((provider, scope, name))
        if one is None or one.until_s is None or self.clock() < one.until_s:
            return one
        self._remove(one)
        return None

    def of(self, provider: str) -> list[Cooling]:
        """Every cool-down of a provider that is in force."""
        return [one for key in tuple(self._cooling) if key[0] == provider and (one := self.find(*key)) is not None]

    def lift(self, provider: str, scope: Cooldown, name: str, began_s: float) -> None:
        """The provider answered a call that began at `began_s`: a cool-down from before it is over."""
        one = self._cooling.get((provider, scope, name))
        if one is not None and one.since_s <= began_s:
            self._remove(one)

    def lift_all(self, provider: str) -> None:
        """Forget every cool-down of a provider."""
        for one in self.of(provider):
            self._remove(one)

    def changed_key(self, provider: str, key: str) -> None:
        """The provider has that key now: what was found out with others is of no use any more."""
        for one in self.of(provider):
            if one.scope is Cooldown.KEY and one.name != key:
                self._remove(one)

    def to_save(self) -> tuple[Cooling, ...] | None:
        """What must be saved, None when nothing changed since the last time."""
        if not self.changed:
            return None
        self.changed = False
        return tuple(self._cooling.values())

    def __bool__(self) -> bool:
        """Whether anything is cooling: usually nothing is, and then nothing need be looked for."""
        return bool(self._cooling)

    def _remove(self, one: Cooling) -> None:
        del self._cooling[one.provider, one.scope, one.name]
        self.changed = True

    def _forget_oldest(self) -> None:
        self._remove(min(self._cooling.values(), key=lambda one: one.since_s))
