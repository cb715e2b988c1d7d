"""All kinds of provider there are: the rows of the catalog and those of installed plug-ins."""

import difflib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from app.providers import quirks
from app.providers.catalog import CATALOG
from app.providers.spec import ProviderSpec, check

GROUP = "switchtower.providers"
"""The entry point group in which packages offer a `ProviderSpec` or several."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A plug-in, or a row of one, that could not be used: `kind` is the row's id or the entry point's name."""

    kind: str
    reason: str


class UnknownKindError(LookupError):
    """Nobody has the kind that was asked for; `nearest` are the most similar ones."""

    def __init__(self, kind: str, nearest: tuple[str, ...]) -> None:
        """Say so for `kind`."""
        self.kind = kind
        self.nearest = nearest
        super().__init__(f'There is no provider kind "{kind}". The nearest are {", ".join(nearest)}.')


def installed() -> Iterable[metadata.EntryPoint]:
    """The entry points of every installed package, by name."""
    return sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name)


class Registry:
    """The table of provider kinds; `failures` are the plug-ins that did not make it."""

    def __init__(self, specs: Iterable[ProviderSpec]) -> None:
        """Take the rows of the program itself.

        Raises:
            ValueError: a row is broken or an id is there twice; the message names row and field.
        """
        self._specs: dict[str, ProviderSpec] = {}
        self.failures: tuple[LoadFailure, ...] = ()
        for spec in specs:
            self._add(spec)

    @classmethod
    def load(cls, entry_points: Callable[[], Iterable[metadata.EntryPoint]] = installed) -> "Registry":
        """The catalog and what `entry_points` offer; a plug-in that fails is logged and recorded, never fatal.

        Raises:
            ValueError: a row of the catalog is broken.
        """
        registry = cls(CATALOG)
        for point in entry_points():
            registry._load(point)
        return registry

    def get(self, kind: str) -> ProviderSpec:
        """The row of `kind`.

        Raises:
            UnknownKindError: there is none.
        """
        spec = self._specs.get(kind)
        if spec is None:
            raise UnknownKindError(kind, self.nearest(kind))
        return spec

    def kinds(self) -> tuple[str, ...]:
        """Every kind, in the order of the table."""
        return tuple(self._specs)

    def __iter__(self) -> Iterator[ProviderSpec]:
        """Every row, in the order of the table."""
        return iter(self._specs.values())

    def nearest(self, name: str, n: int = 3) -> tuple[str, ...]:
        """The `n` kinds whose id or name is most like `name`, best first."""

        def likeness(spec: ProviderSpec) -> float:
            return max(difflib.SequenceMatcher(None, _bare(name), _bare(own)).ratio() for own in (spec.id, spec.name))

        best = sorted(self._specs.values(), key=likeness, reverse=True)
        return tuple(spec.id for spec in best[:n])

    def _add(self, spec: ProviderSpec) -> None:
        check(spec)
        if spec.quirks is not None and not quirks.known(spec.quirks):
            raise ValueError(f"{spec.id!r}: quirks: there is no module {spec.quirks!r} in quirks/")
        if spec.id in self._specs:
            raise ValueError(f"{spec.id!r}: id: there is a row with this id already")
        self._specs[spec.id] = spec

    def _load(self, point: metadata.EntryPoint) -> None:
        try:
            rows = _rows(point.load())
        except Exception as error:  # noqa: BLE001  # guard "plug-in": code of others, may raise anything
            self._failed(point, point.name, f"{type(error).__name__}: {error}")
            return
        for row in rows:
            self._load_row(point, row)

    def _load_row(self, point: metadata.EntryPoint, row: object) -> None:
        if not isinstance(row, ProviderSpec):
            self._failed(point, point.name, f"offers {type(row).__name__}, not ProviderSpec")
            return
        try:
            self._add(row)
        except ValueError as error:
            self._failed(point, str(row.id), str(error))

    def _failed(self, point: metadata.EntryPoint, kind: str, reason: str) -> None:
        self.failures += (LoadFailure(kind, f'Plug-in "{point.name}" ({point.value}): {reason}.'),)
        log.error("provider plug-in failed kind=%s plugin=%s value=%s reason=%s", kind, point.name, point.value, reason)


def _rows(offered: object) -> tuple[object, ...]:
    """What an entry point offers, as rows; anything that is not a row is refused later, by name."""
    if isinstance(offered, ProviderSpec | str | bytes) or not isinstance(offered, Iterable):
        return (offered,)
    return tuple(offered)


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
