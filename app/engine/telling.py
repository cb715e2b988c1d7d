"""What a client is told when nobody answered: the one of several faults that tells most, or that nobody was asked."""

from dataclasses import replace

from app.domain.faults import Fault, FaultKind

_TELLING = (FaultKind.CONTEXT_LENGTH, FaultKind.RATE_LIMITED, FaultKind.QUOTA, FaultKind.AUTH)
"""When all candidates failed, the first of these that came up says more than that the others were down."""


def worst(faults: list[Fault]) -> Fault:
    """The fault to show when all candidates failed: the one that tells the client most, with the others named.

    There is at least one.
    """
    chosen = next((f for kind in _TELLING for f in faults if f.kind is kind), faults[-1])
    others = {f.provider: f for f in faults if f.provider != chosen.provider}
    if not others:
        return chosen
    told = "; ".join(f"{provider}: {fault.kind.value}" for provider, fault in others.items())
    return replace(chosen, message=f"{chosen.message} The others: {told}.")


def missed(total_s: float, queued_s: float) -> Fault:
    """The fault of a request whose `total_s` were over, after `queued_s` in the queue, before anybody was asked."""
    return Fault(
        FaultKind.FIRST_BYTE_TIMEOUT,
        f"The {total_s:g} s of the request (timeouts.total_s) were over before a provider could be asked: "
        f"it had waited in the queue of the limits for {queued_s:.3g} s.",
        remedy="Send the request again, or raise the limits, or timeouts.total_s, in the settings.",
    )


def outlived(provider_id: str, name: str) -> Fault:
    """The fault of a request that waited until its provider was removed, or has other settings or another key."""
    return Fault(
        FaultKind.BUSY,
        f"{name} was removed, or its settings or key were changed, while the request waited.",
        remedy="Send the request again.",
        provider=provider_id,
    )
