"""Which of several faults a client is told."""

from dataclasses import replace

from app.domain.faults import Fault, FaultKind

_TELLING = (FaultKind.CONTEXT_LENGTH, FaultKind.RATE_LIMITED, FaultKind.QUOTA, FaultKind.AUTH)
"""When all candidates failed, the first of these that came up says more than that the others were down."""


def worst(faults: list[Fault]) -> Fault:
    """The fault to show when all candidates failed: the one that tells the client most, with the others named."""
    chosen = next((f for kind in _TELLING for f in faults if f.kind is kind), faults[-1])
    others = {f.provider: f for f in faults if f.provider != chosen.provider}
    if not others:
        return chosen
    told = "; ".join(f"{provider}: {fault.kind.value}" for provider, fault in others.items())
    return replace(chosen, message=f"{chosen.message} The others: {told}.")
