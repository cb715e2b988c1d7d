"""Where the program keeps its files: below `SWITCHTOWER_HOME`, or where the operating system wants them."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE = 0o700
_NAME = "switchtower"


class PathsError(Exception):
    """A folder cannot be made or written; the text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The four folders and the files in them."""

    config_dir: Path
    data_dir: Path
    state_dir: Path
    cache_dir: Path

    @classmethod
    def from_environ(cls, environ: "Mapping[str, str]") -> "Paths":
        """Choose the folders; nothing is made yet. The system's own choice reads the process's environment.

        Raises:
            PathsError: the system knows no home folder.
        """
        try:
            if home := environ.get("SWITCHTOWER_HOME", "").strip():
                root = Path(os.path.abspath(Path(home).expanduser()))  # noqa: PTH100 - absolute() keeps "..", resolve() follows links
                return cls(root, root, root, root / "cache")
            system = platformdirs.PlatformDirs(_NAME, appauthor=False)
            return cls(system.user_config_path, system.user_data_path, system.user_state_path, system.user_cache_path)
        except RuntimeError as error:  # what pathlib and platformdirs raise
            raise PathsError("There is no home folder. Set SWITCHTOWER_HOME to a folder you can write to.") from error

    @property
    def settings_file(self) -> Path:
        """The settings."""
        return self.config_dir / "config.toml"

    @property
    def database_file(self) -> Path:
        """The ledger."""
        return self.data_dir / "usage.sqlite3"

    @property
    def log_file(self) -> Path:
        """The newest log; older ones stand beside it."""
        return self.state_dir / "logs" / "switchtower.log"

    @property
    def instance_file(self) -> Path:
        """Says where the running instance listens."""
        return self.state_dir / "instance.json"

    @property
    def key_stamp(self) -> Path:
        """Its time says when a key or token was last changed."""
        return self.state_dir / "keys.changed"

    @property
    def cooldown_file(self) -> Path:
        """Which providers and models are left alone, and until when."""
        return self.cache_dir / "cooldowns.json"

    def prepare(self) -> None:
        """Make the folders, readable for the user only.

        Raises:
            PathsError: one cannot be made or written.
        """
        for folder in dict.fromkeys(
            (self.config_dir, self.data_dir, self.state_dir, self.cache_dir, self.log_file.parent)
        ):
            _make_private(folder)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if os.name == "posix":
            _restrict(folder)
    except OSError as error:
        raise _problem(folder, error.strerror or type(error).__name__) from error
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _problem(folder, "it is read-only")


def _restrict(folder: Path) -> None:
    """Close our own folder to others; one that many share (sticky, like `/tmp`) is left as it is."""
    status = folder.stat()
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != _PRIVATE and not status.st_mode & stat.S_ISVTX:
        folder.chmod(_PRIVATE)


def _problem(folder: Path, why: str) -> PathsError:
    return PathsError(f"Cannot use the folder {folder}: {why}. Set SWITCHTOWER_HOME to a folder you can write to.")
