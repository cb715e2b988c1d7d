"""Find the line of a TOML source on which a key stands, for error messages about a file that parses."""

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_KEY})[ \t]*=")
_EACH_PART = re.compile(_PART)
_TOKEN = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|\n|[^"'#\n\[\]{}]+|.''',
    re.DOTALL,
)


def line_of(source: str, path: KeyPath) -> int:
    """The line (from 1) of `path`, or of the nearest table around it; 1 when there is none."""
    lines = _Lines(source).found
    for length in range(len(path), 0, -1):
        if line := lines.get(path[:length]):
            return line
    return 1


class _Lines:
    """The first line of every key, table and array entry; what stands in inline tables counts for its key."""

    def __init__(self, source: str) -> None:
        self.found: dict[KeyPath, int] = {}
        self._entries: dict[KeyPath, int] = {}
        self._table: KeyPath = ()
        for line, text in _statements(source):
            self._note(line, text)

    def _note(self, line: int, text: str) -> None:
        if header := _HEADER.match(text):
            keys = _keys(header[2])
            self._table = self._open_entry(keys) if header[1] == "[[" else self._resolve((), keys)
            self._remember(self._table, line)
        elif assignment := _ASSIGNMENT.match(text):
            self._remember(self._resolve(self._table, _keys(assignment[1])), line)

    def _open_entry(self, keys: list[str]) -> KeyPath:
        """The path of the next entry of an array of tables."""
        array = (*self._resolve((), keys[:-1]), keys[-1])
        self._entries[array] = self._entries.get(array, -1) + 1
        return (*array, self._entries[array])

    def _resolve(self, start: KeyPath, keys: list[str]) -> KeyPath:
        """Follow `keys`; a name of an array of tables means its newest entry."""
        path = start
        for key in keys:
            path = (*path, key)
            if path in self._entries:
                path = (*path, self._entries[path])
        return path

    def _remember(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], line)


def _statements(source: str) -> "Iterator[tuple[int, str]]":
    """Every statement with its line; strings and arrays over several lines belong to the statement they are in."""
    line = first = 1
    depth = 0
    start = position = 0
    for token in _TOKEN.finditer(source):
        text, position = token.group(), token.end()
        if text == "\n" and depth <= 0:
            yield first, source[start : token.start()]
            start, first, depth = position, line + 1, 0
        elif text in "[{":
            depth += 1
        elif text in "]}":
            depth -= 1
        line += text.count("\n")
    yield first, source[start:position]


def _keys(text: str) -> list[str]:
    return [_unquote(part) for part in _EACH_PART.findall(text)]


def _unquote(part: str) -> str:
    return next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part
