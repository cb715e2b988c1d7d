"""Say in one line what is wrong with a settings file: file, line, key and remedy, and never a value of the file."""

import re
from typing import TYPE_CHECKING, Any, get_args

from app.domain.names import nearest
from app.store import settings_rules as rules
from app.store.settings import SCHEMA, Settings
from app.store.toml_lines import KeyPath, line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_LONGEST_NAME = 60
_AT = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")

_TEXTS = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": 'must be text in "quotes"',
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "finite_number": "must be an ordinary number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "enum": "must be one of {expected}",
    "rule": "{text}",
}
"""What follows a key, by pydantic's type of error; pydantic's own texts may repeat values."""

_SYNTAX = (
    "Cannot overwrite a value",
    "Cannot declare",
    "Cannot redefine",
    "Cannot mutate immutable namespace",
    "Duplicate inline table key",
    "Expected '=' after a key",
    "Expected ']' at the end of a table declaration",
    "Expected ']]' at the end of an array declaration",
    "Expected newline or end of document after a statement",
    "Expected ",
    "Escaped character is not a Unicode scalar value",
    "Found invalid character",
    "Invalid hex value",
    "Illegal character",
    "Invalid date or datetime",
    "Invalid initial character for a key part",
    "Invalid statement",
    "Invalid value",
    "Unclosed array",
    "Unclosed inline table",
    "Unescaped",
    "Unterminated string",
)
"""The beginnings of the parser's messages that hold no text of the file."""

_HINTS = {
    "Cannot overwrite a value": "the key is there twice",
    "Cannot declare": "the table is there twice",
    "Cannot redefine": "the key is there twice",
    "Cannot mutate immutable namespace": "the table is there twice",
    "Duplicate inline table key": "the key is there twice",
    "Expected ": "unfinished string",
    "Found invalid character": "a control character, such as a bare carriage return",
    "Illegal character": "a control character or an unfinished string",
    "Invalid value": 'text needs "quotes"; true and false are lower case',
    "Unescaped": r"a backslash; write \\ or use '…'",
}


class SettingsError(Exception):
    """The settings cannot be read, used or saved; the text is one line: file, line, key, what, remedy."""


def file_error(name: str, what: str) -> SettingsError:
    """An error about the file as a whole."""
    return SettingsError(f"{name}: {what}")


def syntax_error(name: str, source: str, error: ValueError) -> SettingsError:
    """An error about text that is not TOML; only the place is taken from `error`."""
    text = str(error)
    known = next((start for start in _SYNTAX if text.startswith(start)), "")
    what = _HINTS.get(known, known[:1].lower() + known[1:])
    place = _AT.search(text)
    line = int(place[1]) if place and place[1] else source.count("\n", 0, len(source.rstrip())) + 1
    where = f"{name}:{line}" if place else name
    return SettingsError(f"{where}: not valid TOML{f': {what}' if what else ''}")


def validation_error(name: str, source: str | None, error: "ValidationError") -> SettingsError:
    """The first error in the order of the file; without `source` (an edit not written yet) there is no line."""
    details = error.errors(include_url=False, include_input=False)
    found = [(_path(detail), detail) for detail in details]
    if source is None:
        path, detail = found[0]
        return SettingsError(f"{name}: {_spell(path)}: {_say(detail)}")
    line, path, detail = min(
        ((line_of(source, path), path, detail) for path, detail in found), key=lambda each: each[0]
    )
    return SettingsError(f"{name}:{line}: {_spell(path)}: {_say(detail)}")


def newer_schema(name: str, source: str | None) -> SettingsError:
    """The file is from the future."""
    where = f"{name}:{line_of(source, ('schema',))}" if source is not None else name
    return SettingsError(f"{where}: schema: written by a newer Switchtower (this one knows {SCHEMA}); update it")


def _path(detail: "ErrorDetails") -> KeyPath:
    return (*detail["loc"], *_context(detail).get("at", ()))


def _context(detail: "ErrorDetails") -> "Mapping[str, Any]":
    return detail.get("ctx") or {}


def _say(detail: "ErrorDetails") -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown_key(detail["loc"])
    text = _TEXTS.get(detail["type"])
    if text is None:
        return "is not valid"
    context = {key: _number(value) for key, value in _context(detail).items()}
    return text.format(**context)


def _number(value: object) -> object:
    """1.0 as 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unknown_key(path: KeyPath) -> str:
    near = nearest(str(path[-1]), _known_keys(path[:-1]), 1, 0.0)
    return f"unknown key; did you mean {rules.quoted(near)}?" if near else "unknown key"


def _known_keys(path: KeyPath) -> list[str]:
    """The keys of the table at `path`."""
    model: type[BaseModel] = Settings
    for step in path:
        if isinstance(step, str):
            annotation = next(f.annotation for key, f in model.model_fields.items() if step in (key, f.alias))
            model = (get_args(annotation) or (annotation,))[0]
    return [field.alias or key for key, field in model.model_fields.items()]


def _spell(path: KeyPath) -> str:
    """`providers[0].limits.concurrent`; names that are not plain are quoted, shortened and kept on one line."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + _plain(step)
    return text or "the file"


def _plain(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]+", name) and len(name) <= _LONGEST_NAME:
        return name
    shortened = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return '"' + shortened.encode("unicode_escape").decode() + '"'
