"""What is copied, and what the button says about it."""

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.domain.secret import Secret
from app.ui.windows import copying


def test_text_is_copied(qapp: object) -> None:
    del qapp
    copying.copy_text("http://127.0.0.1:8484/v1")
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8484/v1"


def test_a_secret_is_copied_in_full_and_kept_out_of_histories(qapp: object) -> None:
    del qapp
    copying.copy_secret(Secret("sk-local-0123456789"))
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "sk-local-0123456789"
    assert data.data("x-kde-passwordManagerHint").data() == b"secret"
    windows = 'application/x-qt-windows-mime;value="ExcludeClipboardContentFromMonitorProcessing"'
    assert data.data(windows).data() == b"1"


def test_a_copied_secret_is_taken_back_but_nothing_else(qapp: object) -> None:
    del qapp
    copying.copy_secret(Secret("sk-local-0123456789"))
    copying.forget_secret()
    assert QGuiApplication.clipboard().text() == ""
    copying.copy_text("http://127.0.0.1:8484/v1")
    copying.forget_secret()
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8484/v1"


def test_the_secret_of_another_program_stays(qapp: object) -> None:
    del qapp
    copying.copy_secret(Secret("sk-local-0123456789"))
    data = QMimeData()
    data.setText("a password of another program")
    data.setData("x-kde-passwordManagerHint", b"secret")
    QGuiApplication.clipboard().setMimeData(data)
    copying.forget_secret()
    assert QGuiApplication.clipboard().text() == "a password of another program"
    QGuiApplication.clipboard().clear()


def test_the_button_says_copied_for_a_moment(qtbot: QtBot) -> None:
    button = copying.CopyButton("copy", "&Copy", "Copy the address", lambda: True)
    qtbot.addWidget(button)
    button._back.setInterval(1)
    assert button.accessibleName() == "Copy the address"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.text().startswith("Copied")
    qtbot.waitUntil(lambda: button.text() == "&Copy")


def test_nothing_to_copy_says_nothing(qtbot: QtBot) -> None:
    button = copying.CopyButton("copy", "&Copy", "Copy the address", lambda: False)
    qtbot.addWidget(button)
    button.click()
    assert button.text() == "&Copy"
