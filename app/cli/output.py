"""What the commands print: aligned tables, JSON and one-line errors, never a control character from outside."""

import csv
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula; the last four are the wide forms of the first."""

GAP = "  "
NOTHING = "-"
NO_PROVIDERS = (
    "There are no providers yet. Add one: switchtower providers add KIND (kinds: switchtower providers catalog)."
)


class CommandError(Exception):
    """What was asked for failed; the text is one line that says what and the remedy."""


class WrongUsageError(Exception):
    """The command line is wrong in a way its grammar does not show; the text is one line that says what."""


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as they need to be, numbers to the right; None is a dash."""
    raw = [list(row) for row in rows]
    cells = [list(headers), *([cell(value) for value in row] for row in raw)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    right = [any(type(row[place]) in (int, float) for row in raw) for place in range(len(headers))]
    return "\n".join(_line(row, widths, right) for row in cells)


def cell(value: object) -> str:
    """One value as a person reads it."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return one_line(str(value))


def at_least(cost_usd: float | None, unknown_cost: int) -> object:
    """A sum of costs as a person reads it, when that of so many requests is not in it; None when nothing is known."""
    if not unknown_cost:
        return cost_usd
    return f"≥ {cost_usd}" if cost_usd else None


def one_line(text: str) -> str:
    """`text` with control and direction-changing characters spelled out: it may come from a provider."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii", "replace")
        for char in text
    )


def say(text: str = "") -> None:
    """Print lines for the user, safely on any terminal."""
    encoding = sys.stdout.encoding or "utf-8"
    with _telling():
        print(text.encode(encoding, "replace").decode(encoding))


def say_csv(values: Iterable[object]) -> None:
    """Print one line of a spreadsheet; None is an empty field, and no text is a formula."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        [_field(value) if isinstance(value, str) else value for value in values]
    )
    say(line.getvalue())


def _field(text: str) -> str:
    """`text` for a spreadsheet, which would reckon with what begins like a formula: clients choose names of models."""
    return f"'{one_line(text)}" if text.startswith(_FORMULA) else one_line(text)


def say_json(value: object) -> None:
    """Print `value` as JSON for a program."""
    with _telling():
        print(json.dumps(value, indent=2))


def flush() -> None:
    """Write out what waits; at its own end Python could only complain.

    Raises:
        BrokenPipeError: nobody reads any more.
        CommandError: it cannot be written.
    """
    with _telling():
        sys.stdout.flush()


@contextmanager
def _telling() -> Iterator[None]:
    """Tell what is wrong with standard output, and let what cannot be written go nowhere."""
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        remedy = "Free some space, or write it elsewhere."
        raise CommandError(f"The output cannot be written: {error.strerror}. {remedy}") from error


def note(text: str) -> None:
    """Print one line on stderr: an error, or something that must not mix with the output."""
    print(one_line(text), file=sys.stderr)


def _width(text: str) -> int:
    """Columns on a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        " " * (width - _width(text)) + text if to_right else text + " " * (width - _width(text))
        for text, width, to_right in zip(row, widths, right, strict=True)
    ]
    return GAP.join(padded).rstrip()
