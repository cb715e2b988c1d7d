"""Load, edit, save and watch `config.toml`, keeping the last good copy beside it."""

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from app.store import settings_text as text
from app.store.atomic_file import Replacement, UnsavedError, sweep, write_atomically
from app.store.settings import Settings
from app.store.settings_errors import SettingsError, file_error

_TRIES = 5
_SECTIONS = ("server", "limits", "routing", "health", "models", "privacy")

Stamp = tuple[int, int, int, int] | None
_T = TypeVar("_T")


class SettingsFile:
    """One settings file. Every edit begins with what is on the disk now, so that hand-made changes are kept."""

    def __init__(
        self, path: Path, kinds: Collection[str] | None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Nothing is read yet; `kinds` are those of the registry (None: not checked), `clock` names broken files."""
        self.path = path
        self._kinds = kinds
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Stamp = None
        self._good: Settings | None = None

    @property
    def backup(self) -> Path:
        """The last good copy."""
        return self._target.with_name(f"{self.path.name}.bak")

    def load(self) -> Settings:
        """Read the file and keep a copy when it is good; no file is the same as an empty one.

        Raises:
            SettingsError: it cannot be read or is not valid.
        """
        with self._lock:
            sweep(self._target)
            self._seen = self._stamp()
            data = self._read()
            settings = self._parse(data)
            self._keep(data, settings)
            return settings

    def load_or_last_good(self) -> tuple[Settings, str]:
        """The settings and, when the file is bad and the last good ones are used, what is wrong with it.

        Raises:
            SettingsError: it is bad and there was never a good one.
        """
        try:
            return self.load(), ""
        except SettingsError as error:
            last = self._good or self._from_backup()
            if last is None:
                raise
            self._good = last
            return last, str(error)

    def changed(self) -> bool:
        """Whether the file was changed, made or removed since the last load or save; costs one `stat`."""
        return self._stamp() != self._seen

    def add_provider(self, values: Mapping[str, Any]) -> Settings:
        """Append a provider with `values` (those left out keep their defaults).

        Raises:
            SettingsError: they are not valid or the file cannot be written.
        """

        def change(document: text.Table) -> None:
            entry: dict[str, Any] = {}
            text.merge(entry, values)
            if document.get("providers"):
                document["providers"].append(entry)
            else:
                document["providers"] = [entry]

        return self._edit(change)

    def change_provider(self, provider_id: str, **values: Any) -> Settings:
        """Set keys of a provider; None takes one back to its default, a mapping is merged into its table.

        Raises:
            SettingsError: there is no such provider, a value is not valid or the file cannot be written.
        """
        return self._edit(lambda document: text.merge(self._provider(document, provider_id), values))

    def remove_provider(self, provider_id: str) -> Settings:
        """Take a provider out; if it was the forced one, routing is automatic again.

        Raises:
            SettingsError: there is no such provider or the file cannot be written.
        """

        def change(document: text.Table) -> None:
            providers = document.get("providers", [])
            providers.remove(self._provider(document, provider_id))
            if not providers:
                del document["providers"]
            if document.get("routing", {}).get("forced_provider") == provider_id:
                document["routing"]["forced_provider"] = ""

        return self._edit(change)

    def change(self, section: str, **values: Any) -> Settings:
        """Set keys of a section such as `routing`; None takes one back to its default.

        Raises:
            SettingsError: there is no such section, a value is not valid or the file cannot be written.
        """
        if section not in _SECTIONS:
            raise file_error(self.path.name, f"there is no section [{section}]")

        def change(document: text.Table) -> None:
            if section not in document:
                document[section] = {}
            text.merge(document[section], values)

        return self._edit(change)

    def replace(self, source: str) -> Settings:
        """Put `source` in the place of the whole file.

        Raises:
            SettingsError: it is not valid or the file cannot be written.
        """
        with self._lock:
            settings = text.parse(self.path.name, source, self._kinds)
            self._set_aside_if_broken()
            self._save(source, settings, self._stamp())
            return settings

    def _edit(self, change: text.Edit) -> Settings:
        """Read, change, check, save; again from the start when somebody else saved meanwhile."""
        with self._lock:
            for _ in range(_TRIES):
                stamp = self._stamp()
                source = text.edit(self.path.name, self._source_to_edit(), change)
                settings = text.parse(self.path.name, source, self._kinds, on_disk=False)
                if self._save(source, settings, stamp):
                    return settings
        raise file_error(self.path.name, "another program keeps changing it; try again")

    def _provider(self, document: text.Table, provider_id: str) -> text.Table:
        for entry in document.get("providers", []):
            if entry.get("id") == provider_id:
                found: text.Table = entry
                return found
        raise file_error(self.path.name, "there is no provider with this id; see: switchtower providers list")

    def _source_to_edit(self) -> str:
        """What is on the disk or, when that is broken, the last good copy; the broken one is set aside."""
        try:
            data = self._read()
            self._parse(data)
        except SettingsError:
            if self._from_backup() is None:
                raise
            self._set_aside_if_broken()
            data = self.backup.read_bytes()
        return text.decode(self.path.name, data)

    def _set_aside_if_broken(self) -> None:
        """Keep a copy of a broken file that is about to be overwritten."""
        try:
            data = self._read()
        except SettingsError:
            return
        try:
            self._parse(data)
        except SettingsError:
            kept = self._target.with_name(f"{self.path.name}.broken-{self._clock():%Y%m%dT%H%M%SZ}")
            self._guard(lambda: write_atomically(kept, data))

    def _save(self, source: str, settings: Settings, stamp: Stamp) -> bool:
        """Save unless the file is no longer the one with `stamp`."""
        data = source.encode()
        if len(data) > text.MAX_BYTES:
            raise file_error(self.path.name, "would become larger than 1 MiB; nothing was changed")

        def save() -> bool:
            replacement = Replacement(self._target, data)
            if self._stamp() != stamp:
                replacement.discard()
                return False
            replacement.commit()
            return True

        if not self._guard(save):
            return False
        self._seen = self._stamp()
        self._keep(data, settings)
        return True

    def _guard(self, write: Callable[[], _T]) -> _T:
        try:
            return write()
        except UnsavedError as error:
            raise file_error(self.path.name, f"not saved: {error}; close it there and save again") from error
        except OSError as error:
            why = error.strerror or type(error).__name__
            remedy = "make sure that the folder can be written and the disk is not full"
            raise file_error(self.path.name, f"not saved: {why}; {remedy}") from error

    def _keep(self, data: bytes, settings: Settings) -> None:
        """Remember the last good settings, on the disk too; a folder that cannot be written does no harm here."""
        self._good = settings
        with contextlib.suppress(OSError, UnsavedError):
            if data and (not self.backup.exists() or self.backup.read_bytes() != data):
                write_atomically(self.backup, data)

    def _from_backup(self) -> Settings | None:
        with contextlib.suppress(OSError, SettingsError):
            return self._parse(self.backup.read_bytes())
        return None

    def _parse(self, data: bytes) -> Settings:
        return text.parse(self.path.name, text.decode(self.path.name, data), self._kinds)

    def _read(self) -> bytes:
        """The bytes of the file, at most one more than allowed."""
        try:
            self._check_owner(self._target.stat())
            with self._target.open("rb") as file:
                return file.read(text.MAX_BYTES + 1)
        except FileNotFoundError:
            if self.path.is_symlink():
                raise file_error(self.path.name, "is a symbolic link to a file that is not there") from None
            return b""
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise file_error(self.path.name, f"cannot be read: {why}; make it readable for your user") from error

    def _check_owner(self, status: os.stat_result) -> None:
        """Refuse what is not a file, and a file that somebody else could have written."""
        if not stat.S_ISREG(status.st_mode):
            raise file_error(self.path.name, "is not a file; move it away")
        if os.name != "posix":
            return
        if status.st_uid not in (os.geteuid(), 0):
            raise file_error(self.path.name, "belongs to another user; make it yours with chown")
        if status.st_mode & stat.S_IWOTH:
            raise file_error(self.path.name, "can be written by every user; run: chmod 600 on it")

    @property
    def _target(self) -> Path:
        """The file itself when the path is a symbolic link, as people who keep their settings elsewhere have it."""
        return Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path

    def _stamp(self) -> Stamp:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
