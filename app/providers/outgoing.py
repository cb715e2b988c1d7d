"""What a quirk may change about a request on its way to a provider."""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.chat import Operation

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request in the provider's dialect: `path` below the base URL, JSON `body`, `headers` of this request alone.

    `model` is its name at the provider.
    """

    operation: Operation
    model: str
    stream: bool
    path: str
    body: bytes
    headers: Headers = ()


Adjust = Callable[[Outgoing], Outgoing]
"""A quirk's `adjust_request`: what it returns is sent. It must be pure and quick, for it runs in the event loop."""
