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


def effort_of(budget: int) -> str:
    """Return the greatest word whose budget is not above `budget`; `auto` below 0, at least `minimal` above it."""
    if budget < 0:
        return "auto"
    word = next(word for word, tokens in reversed(_BUDGETS) if tokens <= budget)
    return "minimal" if budget and word == "none" else word
