"""Which known names come near a wrong one, for messages that name the remedy."""

import difflib
from collections.abc import Iterable

_LONGEST = 80


def nearest(name: str, known: Iterable[str], count: int = 3, cutoff: float = 0.4) -> list[str]:
    """The `count` names of `known` most like `name`, best first; case does not matter, `cutoff` 0 takes any."""
    spelled = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower()[:_LONGEST], spelled, n=count, cutoff=cutoff)
    return [spelled[each] for each in near]
