"""What is left alone for a while, and until when: a provider's key, or one of its models."""

from dataclasses import dataclass

from app.domain.faults import Cooldown, FaultKind


@dataclass(frozen=True, slots=True)
class Cooling:
    """One cool-down, as it is kept across restarts.

    `name` is the model, or for a key its fingerprint. Times are seconds since 1970, `until_s` None lasts until the key
    is changed. `told` means that the provider named the time itself. `message` and `remedy` are those of the fault.
    """

    provider: str
    scope: Cooldown
    name: str
    kind: FaultKind
    since_s: float
    until_s: float | None
    told: bool = False
    message: str = ""
    remedy: str = ""
