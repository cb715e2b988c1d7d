"""Write the log: one line per record, secrets removed, to a rotating file that nobody waits for."""

import atexit
import base64
import contextlib
import logging
import os
import queue
import re
import sys
from io import TextIOWrapper
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from urllib.parse import quote

from app.domain.secret import Secret

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
MAX_FILE_BYTES = 2_000_000
OLD_FILES = 4  # with the current one, five
MAX_WAITING = 10_000  # records; more than that are dropped while the disk hangs
SHORTEST_SECRET = 6  # characters; anything shorter would blot out ordinary words
LONG_PART = 16  # characters of what stands between colons in a secret
MASK = "…"

_QUIET = ("httpx", "httpcore", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "keyring", "botocore", "google")
_LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"
_KEY_SHAPES = re.compile(
    r"\b(?P<prefix>sk-|gsk_|xai-|pplx-|csk-|nvapi-|hf_|ghp_|github_pat_|AIza)[A-Za-z0-9_\-]{6,}"
    r"|(?P<pem>-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)[\s\S]+?(?=-----END|\Z)"
    r"|(?P<google>\bya29\.)[A-Za-z0-9_\-.]{6,}"
    r"|(?P<bearer>\bbearer\s+)[^\s\"',;]{6,}"
    r"|(?P<query>(?:[?&]|%3F|%26)key(?:=|%3D))[^&\s\"'#]+"
    r"|(?P<header>\b(?:x-api-key|x-goog-api-key|api-key|x-amz-security-token)\b['\"]?\s*[:=,]\s*b?['\"]?)[^\s\"',;}]{6,}",
    re.IGNORECASE,
)
_KEY_HINTS = (
    "sk-",
    "gsk_",
    "xai-",
    "pplx-",
    "nvapi-",
    "hf_",
    "ghp_",
    "github_pat_",
    "aiza",
    "ya29.",
    "security-token",
    "bearer",
    "key",
)
"""One of these stands, in any case, in whatever `_KEY_SHAPES` matches; looking for them first is 40 times cheaper."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Remembered:
    """The spellings of every secret seen so far, as one pattern."""

    def __init__(self) -> None:
        self._spellings: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: Secret) -> None:
        value = secret.reveal()
        if len(value) < SHORTEST_SECRET:
            return
        if ":" in value and not value.startswith("{"):  # an id and a secret, such as AWS's
            for part in value.split(":"):
                if len(part) >= LONG_PART:
                    self._add(part)
        self._add(value)

    def _add(self, value: str) -> None:
        encoded = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
        url_encoded = quote(value, safe="", errors="surrogatepass")
        self._spellings |= {value, url_encoded, encoded, encoded.rstrip("="), value[::-1]}
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def hide(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


_remembered = _Remembered()


def remember(secret: Secret) -> None:
    """Hide `secret` from now on: plain, URL-encoded, in base64 and reversed."""
    _remembered.add(secret)


def redact(text: str) -> str:
    """`text` without remembered secrets and without anything that has the shape of a key."""
    hidden = _remembered.hide(text)
    lower = hidden.lower()
    return _KEY_SHAPES.sub(_mask, hidden) if any(hint in lower for hint in _KEY_HINTS) else hidden


def _mask(match: re.Match[str]) -> str:
    kept = next((part for part in match.groups() if part is not None), "")
    return kept + MASK


def escape_controls(text: str) -> str:
    """`text` with control and direction-changing characters spelled out, so that it stays one honest line."""
    return _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT_ESCAPES.get(char) or f"\\u{ord(char):04x}"


class RedactingFormatter(logging.Formatter):
    """Formats a record, then removes secrets and control characters from all of it.

    A traceback follows on lines of their own that begin with a bar, so that none can pose as a record.
    """

    def __init__(self) -> None:
        """Format as time, level, logger, message."""
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        """The finished text of `record`, without a newline at its end."""
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        line = escape_controls(redact(self.formatMessage(record)))
        lines = [f"  | {escape_controls(part)}" for part in redact(self._details(record)).splitlines()]
        return "\n".join([line, *lines])

    def _details(self, record: logging.LogRecord) -> str:
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        stack = self.formatStack(record.stack_info) if record.stack_info else ""
        return f"{traceback}\n{stack}".strip("\n")


class _Handoff(QueueHandler):
    """Hands records to the writing thread; the message is fixed here, formatting and disk are that thread's."""

    queue: "queue.SimpleQueue[logging.LogRecord]"

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg, record.args = record.getMessage(), None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() < MAX_WAITING:  # else the disk hangs; a missing line is better than a waiting request
            self.queue.put(record)


class _PrivateFile(RotatingFileHandler):
    """A rotating file of mode 0600 that complains once on stderr when it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._complained = False
        super().__init__(path, maxBytes=MAX_FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8", errors="replace")

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", errors="replace", opener=_open_private)

    def shouldRollover(self, _record: logging.LogRecord) -> bool:  # noqa: N802  # logging's name
        """Whether the file has reached its size; the base class formats every record a second time to find out."""
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        if not self._complained:
            self._complained = True
            _complain(self.baseFilename, sys.exc_info()[1])

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written has been complained about
            super().close()


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if os.name == "posix":
        os.fchmod(descriptor, 0o600)
    return descriptor


def _complain(file: str | Path, error: BaseException | None) -> None:
    reason = escape_controls(f"{file} cannot be written: {getattr(error, 'strerror', None) or error}")
    sys.stderr.write(f"The log file {reason}. Going on without it.\n")


class _Active:
    """What `setup` has put in place, so that the next `setup` or `stop` can take it away."""

    listener: QueueListener | None = None
    handoff: _Handoff | None = None


def setup(log_file: Path | None, level: str = "", *, console: bool = False) -> None:
    """Log to `log_file` and, with `console`, to stderr, from `level` (`debug`, `info`, `warning`, `error`) up.

    An unknown or empty level is `info`. A file that cannot be written is reported once on stderr, not raised.
    Calling it again replaces what was set up before.
    """
    stop()
    handlers: list[logging.Handler] = [logging.StreamHandler()] if console else []
    if log_file is not None:
        handlers += _file_handlers(log_file)
    for handler in handlers:
        handler.setFormatter(RedactingFormatter())
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    _Active.handoff = _Handoff(records)
    _Active.listener = QueueListener(records, *handlers)
    _Active.listener.start()
    root = logging.getLogger()
    root.addHandler(_Active.handoff)
    root.setLevel(LEVELS.get(level.strip().lower(), logging.INFO))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    if level and level.strip().lower() not in LEVELS:
        logging.getLogger(__name__).warning("unknown log level %r, using info; known: %s", level, ", ".join(LEVELS))


def _file_handlers(log_file: Path) -> list[logging.Handler]:
    try:
        log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return [_PrivateFile(log_file)]
    except OSError as error:
        _complain(log_file, error)
        return []


def stop() -> None:
    """Write what is waiting, close the file and take the handlers off the root logger."""
    if _Active.handoff is not None:
        logging.getLogger().removeHandler(_Active.handoff)
        _Active.handoff.close()
    if _Active.listener is not None:
        _Active.listener.stop()
        for handler in _Active.listener.handlers:
            handler.close()
    _Active.handoff = _Active.listener = None


atexit.register(stop)
