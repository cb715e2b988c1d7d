"""Credentials that are worked out for each request, where a key in a header of its own will not do."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from app.domain.faults import Fault, FaultError, FaultKind

if TYPE_CHECKING:
    from app.domain.secret import Secret

Headers = tuple[tuple[str, str], ...]


class Unsigned(NamedTuple):
    """A request that lacks nothing but its credential; `url` is the whole address, `headers` have lower case names."""

    method: str
    url: str
    headers: Headers
    body: bytes


class Authoriser(Protocol):
    """Makes the headers that carry a credential; of everything else about a request it changes nothing."""

    secret: "Secret | None"
    """The key it goes by; None for a login that this machine has anyway."""

    async def headers(self, request: Unsigned) -> Headers:
        """Return what is to be sent with `request`, names in lower case. It must not block the loop.

        Raises:
            FaultError: NEEDS_KEY, AUTH, CONFIG_ERROR or what a transport fault is, when there is no credential.
        """
        ...

    def refused(self) -> bool:
        """The provider refused the credential: forget what was kept of it; return whether the next one is another."""
        ...


def modules(name: str, extra: str, *wanted: str) -> list[Any]:
    """Import packages that only some providers need; it may take half a second, so it is done in a thread.

    Raises:
        FaultError: CONFIG_ERROR, naming the extra of this program that brings them.
    """
    try:
        return [import_module(each) for each in wanted]
    except ModuleNotFoundError as error:
        package = (error.name or wanted[0]).partition(".")[0]
        raise FaultError(
            Fault(
                FaultKind.CONFIG_ERROR,
                f"{name} cannot be asked: the package {package} is not installed.",
                f'Install it with: pip install "switchtower[{extra}]".',
                name,
            )
        ) from error
