"""Sums from the ledger as a table with a last row of totals, and as one bar per day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from app.domain.status import ProviderStatus
from app.domain.usage import Grouping, UsageRow, total
from app.ui import wording
from app.ui.models.cells import Column, RowsModel

_MANY = 1_000_000
_SOME = 1_000
TITLES = {Grouping.PROVIDER: "Provider", Grouping.MODEL: "Model", Grouping.CLIENT: "Client", Grouping.DAY: "Day"}


def tokens(number: int, row: UsageRow | ProviderStatus, spell: Callable[[int], str] = wording.count) -> str:
    """A sum of tokens: `≥` when some requests of the row did not tell theirs, a dash when none did."""
    if row.unknown_usage and row.unknown_usage + row.failures >= row.requests and not number:
        return wording.UNKNOWN
    return f"≥ {spell(number)}" if row.unknown_usage else spell(number)


def short(number: float) -> str:
    """`1.2M`, `40k`, `500`."""
    if number >= _MANY:
        return f"{number / _MANY:.3g}M"
    return f"{number / _SOME:.3g}k" if number >= _SOME else f"{number:.3g}"


def why_at_least(row: UsageRow) -> str:
    """What `≥` or a dash stands for."""
    if not row.unknown_usage:
        return ""
    return f"{wording.things(row.unknown_usage, 'request')} did not say how many tokens were used."


def spent(row: UsageRow) -> str:
    """The cost: `≥` when that of some requests of the row is unknown, a dash when none is known."""
    known = wording.cost(row.cost_usd)
    if not row.unknown_cost or row.cost_usd is None:
        return known
    return "> $0" if 0 < row.cost_usd < wording.LEAST_USD else f"≥ {known}"


def why_costs_more(row: UsageRow) -> str:
    """What `≥` or a dash in front of a cost stands for."""
    if not row.unknown_cost:
        return ""
    return f"What {wording.things(row.unknown_cost, 'request')} cost is not known."


def _key(row: UsageRow) -> str:
    return wording.one_line(row.key) or "(nobody answered)"


def columns(title: str) -> tuple[Column[UsageRow], ...]:
    """The columns under a first one called `title`."""
    return (
        Column(title, _key, tooltip=_key),
        Column("Requests", lambda row: wording.count(row.requests), number=True),
        Column("Failures", lambda row: wording.count(row.failures), number=True),
        Column("Input tokens", lambda row: tokens(row.input_tokens, row), number=True, tooltip=why_at_least),
        Column("Output tokens", lambda row: tokens(row.output_tokens, row), number=True, tooltip=why_at_least),
        Column("Cost", spent, number=True, tooltip=why_costs_more),
    )


class UsageTable(RowsModel[UsageRow]):
    """Shows `UsageRow` rows and their total, under a first column named after what they are grouped by."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__(columns(""))
        self._keys: list[str] = []
        self._bold = QFont()
        self._bold.setBold(True)

    def show(self, rows: Sequence[UsageRow], grouping: Grouping) -> None:
        """Show `rows` from now on, with their total below."""
        title = TITLES[grouping]
        shown = [*rows, total("Total", rows)] if rows else []
        keys = [title, *(row.key for row in shown)]
        if keys == self._keys:
            self.rows = shown
            self.touch(0, len(shown) - 1)
            return
        self.beginResetModel()
        self._keys, self.rows, self.columns = keys, shown, columns(title)
        self.endResetModel()

    @property
    def total(self) -> UsageRow:
        """The sum of everything shown."""
        return self.rows[-1] if self.rows else UsageRow("Total")

    def decoration(self, row: UsageRow, column: int, role: int) -> Any:
        """The total in bold."""
        del column
        return self._bold if role == Qt.ItemDataRole.FontRole and self.rows and row is self.rows[-1] else None


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of the chart."""

    day: date
    row: UsageRow


def days(rows: Sequence[UsageRow], today: date, count: int) -> tuple[DayBar, ...]:
    """The `count` days up to `today`, those without requests included; keys that are no dates are left out."""
    known = {row.key: row for row in rows}
    wanted = [today - timedelta(days=ago) for ago in reversed(range(count))]
    return tuple(DayBar(day, known.get(day.isoformat(), UsageRow(day.isoformat()))) for day in wanted)
