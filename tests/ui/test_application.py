"""Qt's wish to quit goes to whoever asked for it."""

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from app.ui.application import Application


def test_quitting_is_asked_for_instead_of_done(qapp: Application) -> None:
    asked: list[int] = []
    qapp.on_quit = lambda: asked.append(1)
    event = QEvent(QEvent.Type.Quit)
    event.accept()
    assert QApplication.sendEvent(qapp, event)
    assert not event.isAccepted()
    assert asked == [1]
    qapp.on_quit = None
    QApplication.sendEvent(qapp, QEvent(QEvent.Type.User))
    assert asked == [1]
