"""Which known names come near a wrong one, for messages that name the remedy."""

import difflib
from collections import Counter
from collections.abc import Iterable

_LONGEST = 80
_MANY = 200
"""With more known names than this, only the `_FEW` that share most pieces with the wrong one are compared in full."""

_FEW = 60
_PIECE = 3
_PIECES = 10


def nearest(name: str, known: Iterable[str], count: int = 3, cutoff: float = 0.4) -> list[str]:
    """The `count` names of `known` most like `name`, best first; case does not matter, `cutoff` 0 takes any.

    Comparing in full takes 50 µs per name and more, which would hold up everything else with ten thousand of them.
    """
    wanted = name.lower()[:_LONGEST]
    spelled = {each.lower(): each for each in known}
    pool = _sharing(wanted, spelled) if len(spelled) > _MANY else spelled
    return [spelled[each] for each in difflib.get_close_matches(wanted, pool, n=count, cutoff=cutoff)]


def _sharing(wanted: str, known: Iterable[str]) -> list[str]:
    """The few of `known` that share most pieces of three letters with `wanted`."""
    last = max(1, len(wanted) - _PIECE + 1)
    step = max(1, last // _PIECES)
    shared: Counter[str] = Counter()
    for piece in dict.fromkeys(wanted[at : at + _PIECE] for at in range(0, last, step)):
        shared.update([each for each in known if piece in each])
    return [each for each, _ in shared.most_common(_FEW)] or list(known)[:_FEW]
