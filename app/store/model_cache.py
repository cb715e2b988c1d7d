"""The providers' model lists on disk, so that models are known before, and without, the first answer."""

import hashlib
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.domain.models import ModelInfo
from app.store.atomic_file import UnsavedError, sweep, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_FORMAT = 1
_LARGEST_BYTES = 32 * 1024 * 1024
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class CachedList(msgspec.Struct, frozen=True):
    """One provider's list as it was at `fetched_at_s` (seconds since 1970)."""

    format: int
    provider: str
    host: str
    fetched_at_s: float
    models: tuple[ModelInfo, ...]


class ModelCache:
    """One file for each provider and host; what cannot be read or written is only logged: it is but a cache."""

    def __init__(self, folder: Path) -> None:
        """Keep the files in `folder`, which is made when it is needed."""
        self._folder = folder

    def read(self, provider_id: str, host: str) -> CachedList | None:
        """The list that was kept last for that provider at that host, None when there is none that can be used."""
        path = self._path(provider_id, host)
        try:
            if path.stat().st_size > _LARGEST_BYTES:
                return None
            kept = msgspec.json.decode(path.read_bytes(), type=CachedList)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.info("model list not read provider=%s: %s", provider_id, type(error).__name__)
            return None
        return kept if (kept.format, kept.provider, kept.host) == (_FORMAT, provider_id, host) else None

    def write(self, provider_id: str, host: str, models: tuple[ModelInfo, ...], fetched_at_s: float) -> None:
        """Keep a list that has just been fetched, in place of the one before."""
        path = self._path(provider_id, host)
        data = msgspec.json.encode(CachedList(_FORMAT, provider_id, host, fetched_at_s, models))
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            sweep(path)
            write_atomically(path, data)
        except (OSError, UnsavedError) as error:
            _log.info("model list not kept provider=%s: %s", provider_id, type(error).__name__)

    def forget(self, is_known: "Callable[[str, str], bool]") -> None:
        """Remove the lists of providers that are no longer set up at that host; `is_known` takes id and host."""
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            try:
                kept = msgspec.json.decode(path.read_bytes(), type=CachedList)
                if not is_known(kept.provider, kept.host):
                    path.unlink()
            except (OSError, ValueError):
                continue

    def _path(self, provider_id: str, host: str) -> Path:
        mark = hashlib.blake2s(f"{provider_id}\0{host}".encode(), digest_size=6).hexdigest()
        return self._folder / f"{_UNSAFE.sub('_', provider_id)[:64]}-{mark}.json"
