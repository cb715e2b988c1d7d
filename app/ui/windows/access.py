"""What a tool needs to connect, each with a button that copies it: the address, and the token that is never shown."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QLabel

from app.ui import theme, wording
from app.ui.windows import copying, plain

if TYPE_CHECKING:
    from app.domain.secret import Secret
    from app.ui.bridge import Bridge

_DOTS = "••••••••"


def masked(token: "Secret | None") -> str:
    """Dots, and the end of a token that is long enough to give it away."""
    return wording.UNKNOWN if token is None else _DOTS + token.hint.removeprefix("…")


class Access(QGridLayout):
    """Two rows of a form; `prefix` keeps the names of the widgets apart when it is shown twice."""

    def __init__(self, bridge: "Bridge", prefix: str = "") -> None:
        """Show what `bridge` knows now; call `refresh` when that changes."""
        super().__init__()
        self._bridge = bridge
        self.address = plain.label(f"{prefix}address", selectable=True)
        self.token = plain.label(f"{prefix}token")
        self.copy_address = copying.CopyButton(f"{prefix}copy-address", "&Copy", "Copy the address", self.give_address)
        self.copy_token = copying.CopyButton(f"{prefix}copy-token", "Cop&y", "Copy the token", self.give_token)
        self.setContentsMargins(0, 0, 0, 0)
        self.setHorizontalSpacing(theme.MARGIN_PX)
        self.setVerticalSpacing(theme.GAP_PX - 2)
        self._add_row(0, "Address", self.address, self.copy_address)
        self._add_row(1, "Token", self.token, self.copy_token)
        self.setColumnStretch(1, 1)
        self.refresh()

    def _add_row(self, row: int, title: str, value: QLabel, copy: copying.CopyButton) -> None:
        value.setAccessibleName(title)
        self.addWidget(plain.label(f"{value.objectName()}-title", title, role="muted"), row, 0)
        self.addWidget(value, row, 1)
        self.addWidget(copy, row, 2)

    @property
    def _listening(self) -> str:
        return self._bridge.snapshot.listening if self._bridge.snapshot is not None else ""

    @property
    def _token(self) -> "Secret | None":
        return self._bridge.runtime.token() if self._bridge.runtime is not None else None

    def refresh(self) -> None:
        """Bring both rows up to date."""
        starting = self._bridge.snapshot is None
        plain.set_text(self.address, self._listening or ("Starting…" if starting else "Not listening"))
        plain.set_text(self.token, masked(self._token))
        self.copy_address.setEnabled(bool(self._listening))
        self.copy_token.setEnabled(self._token is not None)

    def give_address(self) -> bool:
        """Put the address on the clipboard; False when there is none."""
        if self._listening:
            copying.copy_text(self._listening)
        return bool(self._listening)

    def give_token(self) -> bool:
        """Put the token on the clipboard in full; False when there is none."""
        token = self._token
        if token is not None:
            copying.copy_secret(token)
        return token is not None
