"""The sums of a period as large numbers side by side."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from app.domain.usage import UsageRow
from app.ui import theme, wording
from app.ui.models.usage import short, spent, tokens, why_at_least, why_costs_more
from app.ui.windows import plain

_LONG = 1_000_000
_TITLES = ("Requests", "Failures", "Input tokens", "Output tokens", "Cost")


class Tiles(QFrame):
    """A card with one number per column."""

    def __init__(self) -> None:
        """Begin with everything unknown."""
        super().__init__()
        self.setObjectName("usage-tiles")
        theme.set_role(self, "card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.MARGIN_PX, 10, theme.MARGIN_PX, 10)
        self.numbers: dict[str, QLabel] = {}
        for title in _TITLES:
            row.addLayout(self._tile(title), 1)

    def _tile(self, title: str) -> QVBoxLayout:
        name = title.lower().replace(" ", "-")
        number = plain.label(f"sum-{name}", wording.UNKNOWN, selectable=True)
        number.setAccessibleName(title)
        plain.grown(number, 5, bold=True)
        self.numbers[title] = number
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(plain.label(f"sum-{name}-title", title, role="muted"))
        column.addWidget(number)
        return column

    def show_row(self, row: UsageRow) -> None:
        """Show the sums in `row`."""
        values = (
            wording.count(row.requests),
            wording.count(row.failures),
            tokens(row.input_tokens, row, _brief),
            tokens(row.output_tokens, row, _brief),
            spent(row),
        )
        for number, value in zip(self.numbers.values(), values, strict=True):
            plain.set_text(number, value)
        self.numbers["Cost"].setToolTip(why_costs_more(row))
        exact = {"Input tokens": row.input_tokens, "Output tokens": row.output_tokens}
        for title, count in exact.items():
            self.numbers[title].setToolTip(f"{tokens(count, row)}. {why_at_least(row)}".strip(" ."))


def _brief(number: int) -> str:
    """A large number in the room of a tile."""
    return wording.count(number) if number < _LONG else short(number)
