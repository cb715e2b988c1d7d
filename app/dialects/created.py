"""When an answer was made, as a provider says it in seconds since 1970: a number that a date can be made of."""

LAST_S = 253_402_300_799
"""The last second of the year 9999, behind which no calendar goes."""


def read_created(value: object) -> int:
    """Whole seconds since 1970; 0 when the provider does not say, or says what cannot be."""
    return int(value) if isinstance(value, int | float) and 0 <= value <= LAST_S else 0
