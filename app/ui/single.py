"""One tray application per home folder: the first holds a lock and listens, later ones ask it to show itself or end."""

import hashlib
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QLockFile, QObject, QThread, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

SHOW = b"show\n"
QUIT = b"quit\n"
_ANSWERS = {SHOW: b"shown\n", QUIT: b"quitting\n"}
_LONGEST_PATH_BYTES = 100
_PATIENCE_MS = 3000
_LONGEST_END_MS = 15_000  # requests in flight get 5 s, the rest of the clean-up less
_PAUSE_MS = 50


class SingleInstance(QObject):
    """The lock and the socket of one home; `asked` and `told_to_quit` are what a later start wants."""

    asked = Signal()
    told_to_quit = Signal()

    def __init__(self, state_dir: Path) -> None:
        """Look at nothing yet; `state_dir` must exist before `acquire`."""
        super().__init__()
        self._lock = QLockFile(str(state_dir / "tray.lock"))
        self._lock.setStaleLockTime(0)
        self._address = _address(state_dir)
        self._server: QLocalServer | None = None

    def acquire(self) -> bool:
        """Become the one instance; False when there is one already. A killed one's lock is taken over."""
        if not self._lock.tryLock(0):
            return False
        QLocalServer.removeServer(self._address)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greet)
        self._server.listen(self._address)
        return True

    def _greet(self) -> None:
        while self._server is not None and (caller := self._server.nextPendingConnection()) is not None:
            caller.disconnected.connect(caller.deleteLater)
            caller.readyRead.connect(self._answer)

    def _answer(self) -> None:
        """Answer whoever spoke; a slot that held the caller would keep this object, its parent, alive through it."""
        caller = self.sender()
        if not isinstance(caller, QLocalSocket):
            return
        wish = bytes(caller.readAll().data())
        if (answer := _ANSWERS.get(wish)) is not None:
            caller.write(answer)
            caller.flush()
            (self.told_to_quit if wish == QUIT else self.asked).emit()
        caller.disconnectFromServer()

    def show_first(self) -> bool:
        """Ask the instance that runs to show its window; False when it does not answer in time."""
        clock = QElapsedTimer()
        clock.start()
        while clock.elapsed() < _PATIENCE_MS:
            if self._ask(SHOW):
                return True
            QThread.msleep(_PAUSE_MS)
        return False

    def end_first(self, patience_ms: int = _LONGEST_END_MS) -> bool:
        """Ask the instance that runs to quit and wait until it is gone; True when none runs any more."""
        clock = QElapsedTimer()
        clock.start()
        heard = False
        while not self._lock.tryLock(0):
            if clock.elapsed() >= patience_ms:
                return False
            heard = heard or self._ask(QUIT)
            QThread.msleep(_PAUSE_MS)
        self._lock.unlock()
        return True

    def _ask(self, wish: bytes) -> bool:
        caller = QLocalSocket()
        caller.connectToServer(self._address)
        if not caller.waitForConnected(_PATIENCE_MS):
            return False
        caller.write(wish)
        caller.flush()
        heard = caller.waitForReadyRead(_PATIENCE_MS) and caller.readAll().data() == _ANSWERS[wish]
        caller.abort()
        return heard

    def release(self) -> None:
        """Let another process be the one."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()


def _address(state_dir: Path) -> str:
    """An absolute socket path, since relative ones lie in a folder that others may write to; a pipe name on Windows."""
    name = hashlib.sha256(str(state_dir).encode()).hexdigest()[:16]
    if sys.platform == "win32":
        return f"switchtower-{name}"
    path = str(state_dir / "tray.socket")
    if len(path.encode()) <= _LONGEST_PATH_BYTES:
        return path
    return str(Path(tempfile.gettempdir()) / f"switchtower-{name}.socket")
