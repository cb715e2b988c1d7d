"""Let a running instance see that another process changed a key or token: keyrings tell nobody."""

from pathlib import Path


class KeyStamp:
    """An empty file whose time says when a key was last changed; it holds nothing."""

    def __init__(self, path: Path) -> None:
        """Remember how the file looks now."""
        self._path = path
        self._seen_ns = self._time_ns()

    def touch(self) -> None:
        """Say that a key or token was changed by this process.

        Raises:
            OSError: the file cannot be written.
        """
        self._path.touch(mode=0o600)
        self._seen_ns = self._time_ns()

    def changed(self) -> bool:
        """Whether another process has said so since the last call; costs one `stat`."""
        before, self._seen_ns = self._seen_ns, self._time_ns()
        return before != self._seen_ns

    def _time_ns(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0
