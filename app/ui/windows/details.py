"""The selected provider in full: what it is, how it is, and its last error with the remedy, to be copied."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QSizePolicy, QVBoxLayout

from app.ui import icons, theme, wording
from app.ui.models.usage import tokens
from app.ui.windows import plain
from app.ui.windows.heading import Heading

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus

_ICON_PX = 16
_LINES = 3
NO_ERROR = "No error."


def facts(provider: "ProviderStatus") -> str:
    """What is known besides the columns of the table."""
    known = [provider.kind, f"priority {provider.priority}"]
    known.append("models unknown" if provider.models is None else wording.things(provider.models, "model"))
    if provider.in_flight:
        known.append(f"{wording.things(provider.in_flight, 'request')} under way")
    known.append(f"{tokens(provider.input_tokens, provider)} tokens in, {tokens(provider.output_tokens, provider)} out")
    if provider.checked_at is not None:
        known.append(f"last heard of at {provider.checked_at.astimezone():%H:%M:%S}")
    if provider.cooling_until is not None:
        known.append(f"left alone until {provider.cooling_until.astimezone():%H:%M:%S}")
    return " · ".join(known)


class Details(QFrame):
    """A card below the table."""

    def __init__(self) -> None:
        """Begin without a provider."""
        super().__init__()
        self.setObjectName("provider-details")
        theme.set_role(self, "card")
        self._picture = QLabel()
        self.name = Heading("provider-name", 1)
        self.facts = plain.label("provider-facts", wrap=True, selectable=True, role="muted")
        self.error = QPlainTextEdit()
        self.error.setObjectName("provider-error")
        self.error.setAccessibleName("Last error of the selected provider")
        self.error.setReadOnly(True)
        self.error.setTabChangesFocus(True)
        self.error.document().setDocumentMargin(0)
        self.error.setFixedHeight(self.error.fontMetrics().lineSpacing() * _LINES + 2)
        theme.set_role(self.error, "quiet")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._lay_out()

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(theme.GAP_PX)
        first.addWidget(self._picture)
        first.addWidget(self.name, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN_PX, theme.GAP_PX + 2, theme.MARGIN_PX, theme.GAP_PX + 2)
        column.setSpacing(theme.GAP_PX - 2)
        column.addLayout(first)
        column.addWidget(self.facts)
        column.addWidget(self.error)
        column.setAlignment(first, Qt.AlignmentFlag.AlignLeft)

    def show_provider(self, provider: "ProviderStatus | None") -> None:
        """Bring everything up to date, leaving alone what did not change."""
        self.setVisible(provider is not None)
        if provider is None:
            return
        self._picture.setPixmap(icons.health_icon(provider.state).pixmap(_ICON_PX, _ICON_PX))
        name = wording.one_line(wording.provider_name(provider))
        plain.set_text(self.name, f"{name} · {wording.state(provider.state)}")
        plain.set_text(self.facts, facts(provider))
        error = wording.one_line(provider.detail) or NO_ERROR
        if self.error.toPlainText() != error:
            self.error.setPlainText(error)
