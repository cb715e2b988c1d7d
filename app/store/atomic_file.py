"""Replace a file so that a crash at any moment leaves the old content or the new, never a mixture."""

import contextlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_S = 2.0
STALE_S = 60.0
_PAUSE_S = 0.05


class UnsavedError(Exception):
    """Another program keeps the file open (Windows); the new content waits in `kept`."""

    def __init__(self, kept: Path) -> None:
        """Name the file that has the new content."""
        super().__init__(f"another program keeps the file open; the new content is in {kept.name}")
        self.kept = kept


class Replacement:
    """New content beside a file, synced to the disk and waiting to take its place."""

    def __init__(self, path: Path, data: bytes) -> None:
        """Write `data` into a temporary file (mode 0600) in the folder of `path`.

        Raises:
            OSError: the folder cannot be written, or the disk is full; nothing is left behind then.
        """
        self.path = path
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.{os.getpid()}.", suffix=".tmp", dir=path.parent)
        self._temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.discard()
            raise

    def commit(self, replace: "Callable[[Path, Path], object]" = os.replace, retry_s: float = RETRY_S) -> None:
        """Put the new content in place; a Windows sharing violation is retried for `retry_s` seconds.

        Raises:
            OSError: it cannot be put in place; the file is as it was.
            UnsavedError: the sharing violation stayed; the new content is kept beside the file.
        """
        try:
            self._replace(replace, retry_s)
        except OSError:
            self.discard()
            raise
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Drop the new content."""
        with contextlib.suppress(OSError):
            self._temporary.unlink()

    def _replace(self, replace: "Callable[[Path, Path], object]", retry_s: float) -> None:
        deadline = time.monotonic() + retry_s
        while True:
            try:
                replace(self._temporary, self.path)
            except PermissionError as error:
                if getattr(error, "winerror", None) is None:
                    raise
                if time.monotonic() >= deadline:
                    raise UnsavedError(self._keep()) from error
                time.sleep(_PAUSE_S)
            else:
                return

    def _keep(self) -> Path:
        kept = self.path.with_name(f"{self.path.name}.unsaved")
        self._temporary.replace(kept)
        return kept


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`.

    Raises:
        OSError: it could not be written; the file is as it was.
        UnsavedError: another program keeps it open (Windows).
    """
    Replacement(path, data).commit()


def sweep(path: Path, clock: "Callable[[], float]" = time.time) -> None:
    """Remove temporary files that a killed process left beside `path`; `clock` gives seconds since 1970."""
    pattern = re.compile(re.escape(f".{path.name}.") + r"(\d+)\.\w+\.tmp")
    with contextlib.suppress(OSError):
        for entry in list(path.parent.iterdir()):
            match = pattern.fullmatch(entry.name)
            if match and _is_stale(entry, int(match[1]), clock):
                entry.unlink(missing_ok=True)


def _is_stale(temporary: Path, pid: int, clock: "Callable[[], float]") -> bool:
    """Its writer is gone or has had far more time than a save takes."""
    if clock() - temporary.stat().st_mtime > STALE_S:
        return True
    return os.name == "posix" and not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable; Windows and some network file systems cannot."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
