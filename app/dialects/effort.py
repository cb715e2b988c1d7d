"""How much a model may think, said as a word or as a number of tokens: one table, read both ways."""

_BUDGETS = (
    ("none", 0),
    ("minimal", 512),
    ("low", 1024),
    ("medium", 8192),
    ("high", 24576),
    ("xhigh", 32768),
    ("max", 128000),
)
_BY_EFFORT = dict(_BUDGETS) | {"auto": -1}


def budget_of(effort: str) -> int | None:
    """Return the tokens a word stands for, -1 for as many as the model likes; None for a word nobody knows."""
    return _BY_EFFORT.get(effort)


def nearest(effort: str, known: tuple[str, ...]) -> str:
    """Return the word among `known` that comes nearest: the next one below, else above.

    For `none` it is empty where that is not known; a word that nobody knows is returned as it is.
    """
    if effort in known or effort not in _BY_EFFORT:
        return effort
    if effort == "none":
        return ""
    words = [word for word, _ in _BUDGETS if word in known and word != "none"]
    below = [word for word in words if _BY_EFFORT[word] < _BY_EFFORT[effort]]
    return below[-1] if below else next(iter(words), "")


def effort_of(budget: int) -> str:
    """Return the greatest word whose budget is not above `budget`; `auto` below 0, at least `minimal` above it."""
    if budget < 0:
        return "auto"
    word = next(word for word, tokens in reversed(_BUDGETS) if tokens <= budget)
    return "minimal" if budget and word == "none" else word
