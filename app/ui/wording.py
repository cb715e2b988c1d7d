"""How states, times, counts and money are written for people; what is unknown is a dash, never a zero."""

from urllib.parse import urlsplit

from app.domain.status import BreakerState, HealthState, ProviderStatus, Snapshot

UNKNOWN = "—"
OFFLINE = "No provider can be reached"

_STATES = {
    HealthState.HEALTHY: "Up",
    HealthState.SLOW: "Up, slow",
    HealthState.CONFIG_ERROR: "Wrong settings",
    HealthState.RATE_LIMITED: "Rate limited",
    HealthState.UNREACHABLE: "Down",
    HealthState.DISABLED: "Off",
    HealthState.NEEDS_KEY: "Needs a key",
    HealthState.UNKNOWN: "Not tried yet",
}
_BREAKERS = {
    BreakerState.CLOSED: "Closed",
    BreakerState.OPEN: "Open",
    BreakerState.HALF_OPEN: "Half open",
}
_ONE_SECOND_MS = 1000
_SMALLEST_USD = 0.01
LEAST_USD = 0.0001
"""Less than this is not shown as a figure, which would be zero."""

_LONGEST = 2000


def state(value: HealthState) -> str:
    """The state of a provider."""
    return _STATES[value]


def breaker(value: BreakerState) -> str:
    """The state of a circuit breaker."""
    return _BREAKERS[value]


def latency(ms: float | None) -> str:
    """A latency given in ms."""
    if ms is None:
        return UNKNOWN
    if ms < 1:
        return "< 1 ms"
    return f"{ms:.0f} ms" if ms < _ONE_SECOND_MS else f"{ms / 1000:.1f} s"


def count(number: int | None) -> str:
    """A number of things."""
    return UNKNOWN if number is None else f"{number:,}"


def cost(usd: float | None) -> str:
    """An amount of money given in USD."""
    if usd is None:
        return UNKNOWN
    if 0 < usd < LEAST_USD:
        return f"< ${LEAST_USD}"
    return f"${usd:,.2f}" if usd == 0 or usd >= _SMALLEST_USD else f"${usd:.4f}"


def things(number: int, singular: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{number:,} {singular if number == 1 else singular + 's'}"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1] if names else "")))


def provider_name(status: ProviderStatus) -> str:
    """What a provider is called: its catalog name, or the user's own id when they gave it one."""
    return status.name if status.id == status.kind else status.id


def address(listening: str) -> str:
    """Host and port of the address that clients use."""
    return urlsplit(listening).netloc


def status_line(snapshot: Snapshot | None) -> str:
    """The state of the whole program in one short line, with the address while the server is up."""
    if snapshot is None:
        return "Starting…"
    if not snapshot.listening:
        return gist(snapshot.problem)
    return f"{_how_many_up(snapshot)} · {address(snapshot.listening)}"


def gist(problem: str) -> str:
    """The essence of a problem: `Port 8484 is taken` out of `127.0.0.1:8484 is taken by process 7. End it, …`."""
    where, taken, _ = problem.partition(" is taken")
    if taken:
        return f"Port {where.rpartition(':')[2]} is taken"
    return problem.split(". ", maxsplit=1)[0].rstrip(".") or "Not running"


def _how_many_up(snapshot: Snapshot) -> str:
    wanted = [p for p in snapshot.providers if p.enabled]
    down = [p for p in wanted if p.state is not HealthState.UNKNOWN and not p.state.up]
    if snapshot.offline:
        return OFFLINE
    if not wanted:
        return "No provider is on" if snapshot.providers else "No provider yet"
    if not down:
        return "Ready"
    return up(wanted)


def up(providers: list[ProviderStatus]) -> str:
    """How many of these were heard of last as up, and how many nobody has asked."""
    number, untried = sum(p.state.up for p in providers), sum(p.state is HealthState.UNKNOWN for p in providers)
    answer = f"{number} of {things(len(providers), 'provider')} up"
    return f"{answer} · {untried} not tried yet" if untried else answer


def one_line(text: str) -> str:
    """`text` from outside as one visible line, without control characters and of bearable length."""
    visible = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
    return f"{visible}…" if len(text) > _LONGEST else visible


def is_left_alone(provider: ProviderStatus) -> bool:
    """Whether a breaker or a cool-down keeps requests away from it for the moment."""
    return provider.cooling_until is not None or provider.breaker is not BreakerState.CLOSED


def keyless(snapshot: Snapshot) -> str:
    """What is said of the address where no token is asked for; empty when there is none."""
    port = snapshot.keyless.removesuffix("/v1").rpartition(":")[2]
    return f"No token asked for on port {port}" if port else ""


def out_of_the_ordinary(snapshot: Snapshot) -> str:
    """The lines about who may connect besides the programs that know the token."""
    lan = "Open to the local network" if snapshot.lan else ""
    return "\n".join(filter(None, (lan, keyless(snapshot))))
