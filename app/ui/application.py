"""The Qt application; Qt's own wish to quit goes to whoever ends the program cleanly."""

from collections.abc import Callable

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication


class Application(QApplication):
    """Calls `on_quit` instead of leaving Qt's loop at once; None leaves quitting to Qt."""

    on_quit: Callable[[], None] | None = None

    def event(self, event: QEvent) -> bool:
        """Hear of the menu of macOS, Cmd+Q and the end of a session on X11; a filter would see every event there is."""
        if event.type() is not QEvent.Type.Quit or self.on_quit is None:
            return super().event(event)
        event.ignore()
        self.on_quit()
        return True
