"""Cool-downs on disk, so that a restart does not forget who is to be left alone; losing the file does no harm."""

import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

from app.domain.cooling import Cooling
from app.store.atomic_file import UnsavedError, sweep, write_atomically

_log = logging.getLogger(__name__)

_VERSION = 1
_MOST_BYTES = 1024 * 1024


class _Content(msgspec.Struct):
    version: int = _VERSION
    cooling: list[Cooling] = []


_DECODER = msgspec.json.Decoder(_Content)


class CooldownFile:
    """A small JSON file, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        """Read and write nothing yet."""
        self._path = path

    def load(self) -> tuple[Cooling, ...]:
        """What was saved; nothing when the file is missing or cannot be read."""
        sweep(self._path)
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                return ()
            content = _DECODER.decode(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("cool-downs not read path=%s: %s", self._path, error)
            return ()
        return tuple(content.cooling) if content.version == _VERSION else ()

    def save(self, cooling: Iterable[Cooling]) -> None:
        """Replace the file; a failure is logged, since the cool-downs hold without it until the program ends."""
        try:
            write_atomically(self._path, msgspec.json.encode(_Content(cooling=list(cooling))))
        except (OSError, UnsavedError) as error:
            _log.warning("cool-downs not saved path=%s: %s", self._path, error)
