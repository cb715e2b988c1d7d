"""Remember which provider keeps a response or a conversation, since nobody else can be asked for it."""

from collections import OrderedDict
from collections.abc import Iterable

_MOST = 20_000
_LONGEST_ID = 256


class Kept:
    """The provider of each id; bounded, the least recently used is forgotten first, and all of it with the program.

    What is not known any more is asked of everybody who keeps responses, so nothing is lost but a moment.
    """

    def __init__(self, most: int = _MOST) -> None:
        """Know nothing yet."""
        self._most = most
        self._providers: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        """How many ids are known."""
        return len(self._providers)

    def keep(self, ids: Iterable[str], provider_id: str) -> None:
        """Note that this provider keeps what has these ids."""
        for one in ids:
            if len(one) <= _LONGEST_ID:
                self._providers[one] = provider_id
                self._providers.move_to_end(one)
        while len(self._providers) > self._most:
            self._providers.popitem(last=False)

    def provider_of(self, one: str) -> str:
        """The id of the provider that keeps it, empty when nobody is known to."""
        provider_id = self._providers.get(one, "")
        if provider_id:
            self._providers.move_to_end(one)
        return provider_id

    def forget(self, one: str) -> None:
        """It was deleted."""
        self._providers.pop(one, None)
