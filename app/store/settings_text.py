"""Turn the bytes of a settings file into settings and edit its text so that comments and order stay."""

import tomllib
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from app.store.settings import SCHEMA, Settings
from app.store.settings_errors import SettingsError, file_error, newer_schema, syntax_error, validation_error

MAX_BYTES = 1024 * 1024

Table = MutableMapping[str, Any]
Edit = Callable[[Table], None]


def decode(name: str, data: bytes) -> str:
    """The text of a settings file; a byte order mark is dropped.

    Raises:
        SettingsError: too large, or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise file_error(name, "larger than 1 MiB; settings are a few KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise file_error(f"{name}:{line}", "not UTF-8; save it as UTF-8") from None


def parse(name: str, source: str, kinds: Collection[str] | None, *, on_disk: bool = True) -> Settings:
    """The settings in `source`; `kinds` are the kinds of providers there are (None: not checked).

    Raises:
        SettingsError: with the line when the text is `on_disk`.
    """
    raw = _load(name, source)
    schema = raw.get("schema")
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise newer_schema(name, source if on_disk else None)
    try:
        return Settings.model_validate(raw, context={"kinds": kinds})
    except ValidationError as error:
        raise validation_error(name, source if on_disk else None, error) from None


def edit(name: str, source: str, change: Edit) -> str:
    """`source` after `change`, which is given the whole file as a table.

    The change is applied to the plain data too, and both must agree: the writer may not touch anything else.

    Raises:
        SettingsError: `source` is not TOML, or is laid out in a way that cannot be edited safely.
    """
    wanted = _load(name, source)
    try:
        document = tomlkit.parse(source)
        change(document)
        edited = tomlkit.dumps(document)
    except TOMLKitError:
        raise file_error(name, "cannot be edited by the program because of its layout; edit it by hand") from None
    change(wanted)
    if _load(name, edited) != wanted:
        raise file_error(name, "cannot be edited by the program because of its layout; edit it by hand")
    return edited


def render(settings: Settings) -> str:
    """Settings as a file of their own: every value that differs from its default, no comments."""
    values = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return tomlkit.dumps({"schema": SCHEMA} | values)


def merge(table: Table, values: Mapping[str, Any]) -> None:
    """Put `values` into `table`: None removes a key (back to its default), tables are merged."""
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(table.get(key), MutableMapping) and key not in _WHOLE:
            merge(table[key], value)
        else:
            table[key] = _plain(value)


_WHOLE = frozenset({"headers", "model_map"})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _load(name: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(source)
    except RecursionError:
        raise file_error(name, "not valid TOML: nested too deeply") from None
    except ValueError as error:
        raise syntax_error(name, source, error) from None


__all__ = ["MAX_BYTES", "Edit", "SettingsError", "Table", "decode", "edit", "merge", "parse", "render"]
