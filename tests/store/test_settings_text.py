"""Bytes to settings, and edits that leave everything else of the text as it was."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.store.settings import Settings
from app.store.settings_errors import SettingsError
from app.store.settings_text import MAX_BYTES, Table, decode, edit, merge, parse, render

EXAMPLE = (Path(__file__).parents[2] / "resources" / "config.example.toml").read_text()


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode("config.toml", "\ufeffschema = 1".encode()) == "schema = 1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a = 1\nb = '\xff'\n", "config.toml:2: not UTF-8; save it as UTF-8"),
        ("schema = 1".encode("utf-16"), "config.toml:1: not UTF-8; save it as UTF-8"),
        (b"#" * (MAX_BYTES + 1), "config.toml: larger than 1 MiB; settings are a few KiB"),
    ],
)
def test_bytes_that_are_no_settings(data: bytes, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        decode("config.toml", data)
    assert str(caught.value) == expected


def test_a_long_comment_is_no_problem() -> None:
    assert parse("config.toml", "#" * (MAX_BYTES - 1), ()) == Settings()


def test_an_edit_not_on_disk_has_no_line() -> None:
    with pytest.raises(SettingsError, match=r"^config\.toml: server\.port: must be"):
        parse("config.toml", "[server]\nport = ''", (), on_disk=False)
    with pytest.raises(SettingsError, match=r"^config\.toml: schema: written by"):
        parse("config.toml", "schema = 2", (), on_disk=False)


def test_an_edit_changes_one_line_of_the_example() -> None:
    def change(document: Table) -> None:
        document["providers"][0]["breaker"]["open_s"] = 45
        document["server"]["port"] = 9000

    before, after = EXAMPLE.splitlines(), edit("config.toml", EXAMPLE, change).splitlines()
    changed = [line for old, line in zip(before, after, strict=True) if old != line]
    assert [line.split("#")[0].strip() for line in changed] == ["port = 9000", "open_s = 45"]
    assert all("#" in line for line in changed)


def test_windows_line_ends_stay() -> None:
    source = EXAMPLE.replace("\n", "\r\n")
    edited = edit("config.toml", source, lambda document: document["server"].__setitem__("port", 9000))
    assert edited == source.replace("port = 8484", "port = 9000", 1)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# only a comment",
        "providers = []\n",
        'providers = [{ id = "x", kind = "openai" }] # inline\n',
        '[[providers]]\nid = "x"\nkind = "openai"\n[server]\nport = 1\n[[providers]]\nid = "y"\nkind = "openai"\n',
        'routing.max_attempts = 3\nproviders = [\n  {id = "x", kind = "openai"}, # one\n]\n',
    ],
)
def test_a_provider_can_be_added_to_any_layout(source: str) -> None:
    def change(document: Table) -> None:
        entry = {"id": "new", "kind": "openai", "limits": {"concurrent": 3}}
        if document.get("providers"):
            document["providers"].append(entry)
        else:
            document["providers"] = [entry]

    edited = edit("config.toml", source, change)
    settings = parse("config.toml", edited, ("openai",))
    assert settings.providers[-1].limits.concurrent == 3
    for line in source.splitlines():
        assert line.partition("#")[2] in edited


def test_an_edit_that_would_not_do_what_it_says_is_refused() -> None:
    calls: list[Table] = []

    def change(document: Table) -> None:
        calls.append(document)
        document["server"] = {"port": len(calls)}

    with pytest.raises(SettingsError, match="edit it by hand"):
        edit("config.toml", "", change)


def test_an_edit_of_a_broken_text_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"config\.toml:1: not valid TOML"):
        edit("config.toml", "x = ", lambda _: None)


def test_merge() -> None:
    table: dict[str, Any] = {"a": 1, "b": {"c": 1, "d": 2}, "headers": {"X": "1"}, "gone": 1}
    merge(
        table,
        {"a": 2, "b": {"d": 3, "e": (4, 5)}, "headers": {"Y": "2"}, "gone": None, "absent": None, "n": {"z": None}},
    )
    assert table == {"a": 2, "b": {"c": 1, "d": 3, "e": [4, 5]}, "headers": {"Y": "2"}, "n": {}}


def test_render_writes_what_differs_from_the_defaults() -> None:
    source = 'schema = 1\n[server]\nport = 9000\nhost = "127.0.0.1"\n' + (
        '[[providers]]\nid = "a"\nkind = "openai"\npriority = 1\n[providers.pool]\nmax_connections = 7\n'
    )
    settings = parse("config.toml", source, None)
    rendered = render(settings)
    assert tomllib.loads(rendered) == {
        "schema": 1,
        "server": {"port": 9000},
        "providers": [{"id": "a", "kind": "openai", "pool": {"max_connections": 7}}],
    }
    assert parse("config.toml", rendered, None) == settings
    assert parse("config.toml", render(parse("config.toml", EXAMPLE, None)), None) == parse(
        "config.toml", EXAMPLE, None
    )
