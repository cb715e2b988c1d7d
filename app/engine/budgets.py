"""Budgets in US dollars: what was spent today and this month, what must stop, and what the user should be told."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from app.domain.events import AlertKind, AlertRaised
from app.domain.faults import Fault, FaultKind
from app.domain.history import Spending
from app.store.settings import Budget, BudgetAction

NEAR = 0.8
"""The share of a budget at which the user is warned."""

ALL = "all"
_CENT = 0.01


@dataclass(frozen=True, slots=True)
class _Limit:
    """One number of a budget: so many dollars per day or month."""

    scope: str
    usd: float
    daily: bool
    stops: bool

    @property
    def what(self) -> str:
        """The limit in words."""
        kind, _, name = self.scope.partition(":")
        whose = f" for {kind} {name}" if name else ""
        return f"The budget of {_dollars(self.usd)} per {'day' if self.daily else 'month'}{whose}"

    @property
    def remedy(self) -> str:
        """What helps when it is spent."""
        when = "at midnight" if self.daily else "with the next month"
        key = "usd_per_day" if self.daily else "usd_per_month"
        return f"It begins anew {when}; to go on now, raise {key} under [[budgets]] in the settings."


class Budgets:
    """Keeps the sums in memory, so that looking before a call costs next to nothing.

    A request counts when it is over and its cost is known; those under way at that moment may exceed the budget.
    """

    def __init__(self, clock: Callable[[], float] = time.time, zone: tzinfo | None = None) -> None:
        """`clock` gives seconds since 1970; `zone` is the time zone of the days, None the computer's own."""
        self._clock = clock
        self._zone = zone
        self._limits: tuple[_Limit, ...] = ()
        self._stops: tuple[_Limit, ...] = ()
        self._spent: dict[tuple[str, str], float] = {}
        self._told: set[tuple[str, _Limit, AlertKind]] = set()
        self._today = self._month = ""
        self._day_began_s = self._day_ends_s = 0.0

    @property
    def watching(self) -> bool:
        """Whether there is any budget; without one nothing needs to be added up."""
        return bool(self._limits)

    @property
    def stopping(self) -> bool:
        """Whether there is one that stops requests."""
        return bool(self._stops)

    def apply(self, budgets: Iterable[Budget]) -> None:
        """Put the budgets of the settings in force."""
        limits = []
        for budget in budgets:
            stops = budget.action is BudgetAction.STOP
            for usd, daily in ((budget.usd_per_day, True), (budget.usd_per_month, False)):
                if usd > 0:
                    limits.append(_Limit(budget.scope, usd, daily, stops))
        self._limits = tuple(limits)
        self._stops = tuple(limit for limit in limits if limit.stops)

    def first_moment(self) -> datetime:
        """The beginning of this month: what was spent since then must be known."""
        return self._local(self._clock()).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def load(self, spent: Iterable[Spending]) -> None:
        """Take over what the ledger says was spent since `first_moment`.

        What was counted here while it was read may be missing in it, so that no sum becomes less.
        """
        self._roll()
        counted, self._spent = self._spent, {}
        for row in spent:
            self._add(row.day, row.provider, row.client, row.cost_usd)
        for key, usd in counted.items():
            self._spent[key] = max(usd, self._spent.get(key, 0.0))

    def spend(self, provider: str, client: str, cost_usd: float) -> list[AlertRaised]:
        """Count the cost of one request; return what the user should be told now."""
        self._roll()
        self._add(self._today, provider, client, cost_usd)
        scopes = (ALL, f"provider:{provider}", f"client:{client}")
        touched = [limit for limit in self._limits if limit.scope in scopes]
        return [alert for limit in touched if (alert := self._alert(limit)) is not None]

    def blocked(self, provider: str, client: str) -> Fault | None:
        """Why `client` may not send a request to `provider` now (empty: to anybody); None when it may."""
        if not self._stops:
            return None
        self._roll()
        scope = f"provider:{provider}"
        for limit in self._stops:
            applies = limit.scope == scope if provider else limit.scope in (ALL, f"client:{client}")
            if applies and (spent := self._spent_of(limit)) >= limit.usd:
                message = f"{limit.what} is spent ({_dollars(spent)})."
                return Fault(FaultKind.BUDGET, message, remedy=limit.remedy, provider=provider)
        return None

    def _alert(self, limit: _Limit) -> AlertRaised | None:
        """What to say of a limit that was just drawn on; each thing once per day or month."""
        spent = self._spent_of(limit)
        if spent < limit.usd * NEAR:
            return None
        kind = AlertKind.BUDGET_SPENT if spent >= limit.usd else AlertKind.BUDGET_NEAR
        key = (self._today if limit.daily else self._month, limit, kind)
        if key in self._told:
            return None
        self._told.add(key)
        if kind is AlertKind.BUDGET_NEAR:
            return AlertRaised(kind, limit.scope, f"{limit.what} is {spent / limit.usd:.0%} spent ({_dollars(spent)}).")
        effect = "Requests are refused now. " if limit.stops else 'Requests go on: its action is "warn". '
        return AlertRaised(kind, limit.scope, f"{limit.what} is spent ({_dollars(spent)}). {effect}{limit.remedy}")

    def _spent_of(self, limit: _Limit) -> float:
        return self._spent.get((self._today if limit.daily else self._month, limit.scope), 0.0)

    def _add(self, day: str, provider: str, client: str, cost_usd: float) -> None:
        for period in (day, day[:7]):
            if period in (self._today, self._month):
                for scope in (ALL, f"provider:{provider}", f"client:{client}"):
                    key = (period, scope)
                    self._spent[key] = self._spent.get(key, 0.0) + cost_usd

    def _roll(self) -> None:
        """Notice a new day, also when the clock was set back; what belongs to other days and months is forgotten."""
        now_s = self._clock()
        if self._day_began_s <= now_s < self._day_ends_s:
            return
        midnight = self._local(now_s).replace(hour=0, minute=0, second=0, microsecond=0)
        self._day_began_s = midnight.timestamp()
        self._day_ends_s = self._next_midnight_s(midnight)
        self._today = midnight.date().isoformat()
        self._month = self._today[:7]
        periods = (self._today, self._month)
        self._spent = {key: usd for key, usd in self._spent.items() if key[0] in periods}
        self._told = {key for key in self._told if key[0] in periods}

    def _next_midnight_s(self, midnight: datetime) -> float:
        """The end of the day that began at `midnight`, days of 23 and 25 hours included."""
        date = (midnight + timedelta(hours=36)).date()
        return datetime.combine(date, datetime.min.time(), midnight.tzinfo if self._zone else None).timestamp()

    def _local(self, moment_s: float) -> datetime:
        return datetime.fromtimestamp(moment_s, UTC).astimezone(self._zone)


def _dollars(usd: float) -> str:
    """An amount as a person reads it; less than a cent with as many digits as it takes."""
    return f"${usd:,.2f}" if usd >= _CENT or not usd else f"${usd:.2g}"
