"""The usage page: what was asked and what it cost, today or in the last days, by provider or by model."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.usage import Grouping, UsageRow, total
from app.ui import theme
from app.ui.models.usage import UsageTable, days
from app.ui.windows import plain
from app.ui.windows.chart import Bar, BarChart
from app.ui.windows.empty import empty_state
from app.ui.windows.segments import Segments
from app.ui.windows.tables import make_table
from app.ui.windows.tiles import Tiles

if TYPE_CHECKING:
    from app.runtime import Runtime
    from app.ui.bridge import Bridge

SETTLE_MS = 1000
_WEEK = 7
PERIODS = (("today", "&Today", 1), ("7-days", "&7 days", _WEEK), ("30-days", "&30 days", 30))
GROUPINGS = (("by-provider", "By &provider", Grouping.PROVIDER), ("by-model", "By &model", Grouping.MODEL))
_STARTING, _EMPTY, _UNKNOWN, _FULL = range(4)
_NOTHING = "Requests are counted here as soon as a tool uses the address above. Nothing was asked in this time."
_UNREADABLE = "The line above says what is wrong with the usage database."
_FOOTNOTE = (
    "≥ means that of some requests the tokens or the cost are not known and not in the sum, — that of none they are."
)


def since(count: int, now: datetime) -> datetime:
    """The beginning of the period of `count` local days that ends with the day of `now`."""
    return datetime.combine(now.date() - timedelta(days=count - 1), datetime.min.time(), now.tzinfo)


def bars_of(rows: list[UsageRow], meant: int, now: datetime) -> tuple[Bar, ...]:
    """One bar per day, also for days without a request: a week at least, of which the last `meant` days are meant."""
    shown = days(rows, now.date(), max(meant, _WEEK))
    first = now.date() - timedelta(days=meant - 1)
    return tuple(Bar(f"{day.day:%a} {day.day.day} {day.day:%b}", day.row, day.day >= first) for day in shown)


class UsagePage(QWidget):
    """Two choices, the sums, a chart by day and a table by group; asks the ledger only while it is seen."""

    def __init__(self, bridge: "Bridge", now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> None:
        """Build it; `now` gives the local time with its zone."""
        super().__init__()
        self.setObjectName("usage-page")
        self._bridge = bridge
        self._now = now
        self._asked = 0
        self.model = UsageTable()
        self.table = make_table("usage", "Usage", self.model, 0)
        self.chart = BarChart()
        self.tiles = Tiles()
        self.footnote = plain.label("usage-footnote", _FOOTNOTE, role="muted")
        self.stack = QStackedWidget()
        self.period = Segments("Period", PERIODS, first=1)
        self.grouping = Segments("Grouped by", GROUPINGS)
        for choice in (self.period, self.grouping):
            choice.chosen.connect(self.ask)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._ask_when_seen)
        bridge.used.connect(self._used)
        self._lay_out()

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        choices.addWidget(self.period)
        choices.addStretch(1)
        choices.addWidget(self.grouping)
        chart = plain.card("usage-chart-card")
        inside = QVBoxLayout(chart)
        inside.setContentsMargins(theme.MARGIN_PX, 12, theme.MARGIN_PX, 10)
        inside.addWidget(self.chart)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GAP_PX + 2)
        column.addWidget(self.tiles)
        column.addWidget(chart, 2)
        column.addWidget(self.table, 3)
        column.addWidget(self.footnote)
        self.stack.addWidget(empty_state("usage-starting", "page-usage", "Reading…", "The sums are being read."))
        self.stack.addWidget(empty_state("no-usage", "page-usage", "No requests in this time", _NOTHING))
        self.stack.addWidget(empty_state("usage-unknown", "page-usage", "The usage is not known", _UNREADABLE))
        self.stack.addWidget(full)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.GAP_PX + 2)
        whole.addLayout(choices)
        whole.addWidget(self.stack, 1)

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

    def ask(self) -> None:
        """Ask the ledger for what is chosen now; an answer to an older question is dropped."""
        if self._bridge.runtime is None:
            return
        self._asked += 1
        question, now = self._asked, self._now()
        meant, by = self.period.value, self.grouping.value

        async def read(runtime: "Runtime") -> tuple[list[UsageRow], list[UsageRow], int]:
            rows = await runtime.usage(since(meant, now), by)
            by_day = await runtime.usage(since(max(meant, _WEEK), now), Grouping.DAY)
            return rows, by_day, _UNKNOWN if runtime.snapshot().ledger_problem else _EMPTY

        def show(sums: tuple[list[UsageRow], list[UsageRow], int]) -> None:
            rows, by_day, without = sums
            if question == self._asked:
                self.stack.setCurrentIndex(_FULL if rows else without)
                self._show(rows, by_day, now)

        self._bridge.run("Read the usage", read, plain.while_alive(self, show))

    # -- showing

    def _show(self, rows: list[UsageRow], by_day: list[UsageRow], now: datetime) -> None:
        meant = self.period.value
        self.model.show(rows, self.grouping.value)
        self.tiles.show_row(total("Total", rows))
        self.footnote.setVisible(any(row.unknown_usage or row.unknown_cost for row in (*rows, *by_day)))
        self.chart.show_bars(bars_of(by_day, meant, now), f"Tokens per day, last {max(meant, _WEEK)} days")
