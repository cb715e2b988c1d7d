"""What no row of the catalog can say: one module per quirk, with `adjust_request` and, at will, `adjust_count`."""

from importlib import import_module
from importlib.util import find_spec

from app.providers.outgoing import Adjust


def known(name: str) -> bool:
    """Whether there is such a quirk."""
    return find_spec(f"{__name__}.{name}") is not None


def load(name: str | None, what: str = "adjust_request") -> Adjust | None:
    """A function of a row's quirk, loaded at its first use; None for a row or a quirk without it.

    Raises:
        ModuleNotFoundError: there is no such quirk.
    """
    if name is None:
        return None
    adjust: Adjust | None = getattr(import_module(f"{__name__}.{name}"), what, None)
    return adjust
