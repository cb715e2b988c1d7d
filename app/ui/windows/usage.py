"""The usage page: what was asked and what it cost, today or in the last days, by provider or by model."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QHeaderView, QRadioButton, QStackedWidget, QVBoxLayout, QWidget

from app.domain.usage import Grouping, UsageRow
from app.ui import wording
from app.ui.models import usage as model
from app.ui.windows import plain
from app.ui.windows.chart import Bar, BarChart
from app.ui.windows.tables import make_table

if TYPE_CHECKING:
    from app.ui.bridge import Bridge

SETTLE_MS = 1000
PERIODS = (("today", "&Today", 1), ("7-days", "&7 days", 7), ("30-days", "&30 days", 30))
GROUPINGS = (("by-provider", "By &provider", Grouping.PROVIDER), ("by-model", "By &model", Grouping.MODEL))
_TITLES = {Grouping.PROVIDER: "Provider", Grouping.MODEL: "Model"}


def since(days: int, now: datetime) -> datetime:
    """The beginning of the period of `days` local days that ends with the day of `now`."""
    return datetime.combine(now.date() - timedelta(days=days - 1), datetime.min.time(), now.tzinfo)


def bars_of(rows: list[UsageRow], days: int, today: date) -> list[Bar]:
    """One bar per day, also for days without a request."""
    known = {row.key: row for row in rows}
    dates = [today - timedelta(days=back) for back in reversed(range(days))]
    found = [(day, known.get(day.isoformat(), UsageRow(""))) for day in dates]
    return [Bar(f"{day:%b} {day.day}", row.input_tokens, row.output_tokens) for day, row in found]


def summary(rows: list[UsageRow]) -> str:
    """The sums in one line."""
    total = model.total(rows)
    failed = f" ({wording.count(total.failures)} failed)" if total.failures else ""
    parts = [
        f"{wording.things(total.requests, 'request')}{failed}",
        f"{model.tokens(total.input_tokens, total)} input tokens",
        f"{model.tokens(total.output_tokens, total)} output tokens",
        "cost unknown" if total.cost_usd is None else wording.cost(total.cost_usd),
    ]
    return " · ".join(parts)


class UsagePage(QWidget):
    """Two rows of choices, a summary, a chart by day and a table by group; asks the ledger only while it is seen."""

    def __init__(self, bridge: "Bridge", now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> None:
        """Build it; `now` gives the local time with its zone."""
        super().__init__()
        self.setObjectName("usage-page")
        self._bridge = bridge
        self._now = now
        self._asked = 0
        self.model = model.UsageTable()
        self.table = make_table("usage", "Usage")
        self.table.setModel(self.model)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.chart = BarChart()
        self.summary = plain.label("usage-summary", wording.UNKNOWN, selectable=True)
        self._filled = QStackedWidget()
        self._periods = self._choices([(name, text) for name, text, _ in PERIODS], chosen=1)
        self._groups = self._choices([(name, text) for name, text, _ in GROUPINGS], chosen=0)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._ask_when_seen)
        bridge.used.connect(self._used)
        self._lay_out()

    def _choices(self, entries: list[tuple[str, str]], chosen: int) -> QButtonGroup:
        group = QButtonGroup(self)
        for number, (name, text) in enumerate(entries):
            button = QRadioButton(text)
            button.setObjectName(name)
            button.setChecked(number == chosen)
            group.addButton(button, number)
        group.idClicked.connect(lambda _: self.ask())
        return group

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.setSpacing(12)
        for group in (self._periods, self._groups):
            for button in group.buttons():
                choices.addWidget(button)
            choices.addSpacing(20)
        choices.addStretch(1)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.chart, 2)
        column.addWidget(self.table, 3)
        self._filled.addWidget(full)
        self._filled.addWidget(_nothing_yet())
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(choices)
        whole.addWidget(self.summary)
        whole.addWidget(self._filled, 1)

    # -- when to ask the ledger

    def showEvent(self, event: QShowEvent) -> None:
        """Ask at once."""
        super().showEvent(event)
        self.ask()

    def _used(self) -> None:
        """Requests ended: ask when they have settled, however many there are."""
        if self.isVisible() and not self._settle.isActive():
            self._settle.start()

    def _ask_when_seen(self) -> None:
        if self.isVisible():
            self.ask()

    @property
    def _days(self) -> int:
        return PERIODS[self._periods.checkedId()][2]

    @property
    def _grouping(self) -> Grouping:
        return GROUPINGS[self._groups.checkedId()][2]

    def ask(self) -> None:
        """Ask the ledger for what is chosen now; an answer to an older question is dropped."""
        if self._bridge.runtime is None:
            return
        self._asked += 1
        asked, start, by = self._asked, since(self._days, self._now()), self._grouping
        self._bridge.run(
            "Read the usage",
            lambda runtime: runtime.usage(start, by),
            lambda rows: self._show_rows(rows, by) if asked == self._asked else None,
        )
        self._bridge.run(
            "Read the usage",
            lambda runtime: runtime.usage(start, Grouping.DAY),
            lambda rows: self._show_days(rows) if asked == self._asked else None,
        )

    # -- showing

    def _show_rows(self, rows: list[UsageRow], by: Grouping) -> None:
        self._filled.setCurrentIndex(0 if rows else 1)
        self.model.show(rows, _TITLES[by])
        self.summary.setText(summary(rows) if rows else "No requests in this time.")

    def _show_days(self, rows: list[UsageRow]) -> None:
        self.chart.setVisible(self._days > 1)
        self.chart.show_bars(bars_of(rows, self._days, self._now().date()))


def _nothing_yet() -> QWidget:
    """What is shown instead of an empty table."""
    empty = QWidget()
    hint = plain.label("no-usage", "Requests appear here as soon as a tool uses the address above.", wrap=False)
    column = QVBoxLayout(empty)
    column.addStretch(1)
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(hint)
    row.addStretch(1)
    column.addLayout(row)
    column.addStretch(2)
    return empty
