"""Messages about a bad file: file, line, key and remedy on one line, and never a value of the file."""

import copy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from app.store import settings_text
from app.store.settings_errors import SettingsError, file_error

EXAMPLE = (Path(__file__).parents[2] / "resources" / "config.example.toml").read_text()
KINDS = ("openai", "openrouter", "perplexity", "groq")
ONE = '[[providers]]\nid = "a"\nkind = "openai"\n'


def message(source: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_text.parse("config.toml", source, KINDS)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("[server]\nprt = 1\n", 'config.toml:2: server.prt: unknown key; did you mean "port"?'),
        (ONE + "prority = 1\n", 'config.toml:4: providers[0].prority: unknown key; did you mean "priority"?'),
        ("\n[severs]\n", 'config.toml:2: severs: unknown key; did you mean "server"?'),
        ("schema_ = 1\n", 'config.toml:1: schema_: unknown key; did you mean "schema"?'),
        (ONE + "[providers.pol]\n", 'config.toml:4: providers[0].pol: unknown key; did you mean "pool"?'),
        (
            ONE + "pool = { max = 1 }\n",
            'config.toml:4: providers[0].pool.max: unknown key; did you mean "max_keepalive"?',
        ),
        (
            '[[providers]]\nid = "a"\nkind = "opnai"\n',
            'config.toml:3: providers[0].kind: unknown kind; nearest: "openai", "openrouter", "perplexity"',
        ),
        ("[[providers]]\nid = 'a'\n", "config.toml:1: providers[0].kind: is required"),
        ("a.b\n", "config.toml:1: not valid TOML: expected '=' after a key"),
        ("[server]\nport = 1\nport = 2\n", "config.toml:3: not valid TOML: the key is there twice"),
        ("[server]\nlan = True\n", 'config.toml:2: not valid TOML: text needs "quotes"; true and false are lower case'),
        ("[server]\nhost = 'x", "config.toml:2: not valid TOML: unfinished string"),
        ("x = [1 2]\n", "config.toml:1: not valid TOML: unclosed array"),
        ('[server]\nport = "8484"\n', "config.toml:2: server.port: must be a whole number"),
        ("[server]\nport = 99999\n", "config.toml:2: server.port: must be at most 65535"),
        ("[server]\nlan = 1\n", "config.toml:2: server.lan: must be true or false"),
        ("[server]\nhost = 1\n", 'config.toml:2: server.host: must be text in "quotes"'),
        ("[server]\nallowed_hosts = 'x'\n", "config.toml:2: server.allowed_hosts: must be a list"),
        ("server = 1\n", "config.toml:1: server: must be a table"),
        ("[providers]\nid = 'a'\n", "config.toml:1: providers: must be a list"),
        (ONE + "model_map = 1\n", "config.toml:4: providers[0].model_map: must be a table"),
        (ONE + "models = ['']\n", "config.toml:4: providers[0].models[0]: must not be empty"),
        ("[[aliases]]\nname='x'\ntargets=[]\n", "config.toml:3: aliases[0].targets: must not be empty"),
        ("[limits]\nqueue_s = 0\n", "config.toml:2: limits.queue_s: must be at least 0.01"),
        ("[limits]\nqueue_s = nan\n", "config.toml:2: limits.queue_s: must be an ordinary number"),
        ("[limits]\nqueue_s = 1979-05-27\n", "config.toml:2: limits.queue_s: must be a number"),
        (
            "[routing]\nforced_provider = 'b'\n",
            "config.toml:2: routing.forced_provider: no provider has this id; empty means automatic",
        ),
        (ONE + ONE, "config.toml:5: providers[1].id: is used twice; it must be unique"),
        (
            "[server]\nhost = '0.0.0.0'\n",
            "config.toml:2: server.host: other machines could connect: set lan = true as well, or use 127.0.0.1",
        ),
        (
            "schema = 2\nnews = 1\n",
            "config.toml:1: schema: written by a newer Switchtower (this one knows 1); update it",
        ),
        ("schema = 0\n", "config.toml:1: schema: must be at least 1"),
        ("schema = true\n", "config.toml:1: schema: must be a whole number"),
        ("x = " + "[" * 5000, "config.toml: not valid TOML: nested too deeply"),
        ("x = " + "1" * 5000, "config.toml: not valid TOML"),
        ('"a\\nb" = 1\n', 'config.toml:1: "a\\nb": unknown key; did you mean "schema"?'),
    ],
)
def test_the_message(source: str, expected: str) -> None:
    assert message(source) == expected


def test_a_header_that_would_hold_a_secret_is_named_with_its_line() -> None:
    text = message(ONE + "[providers.headers]\nX-Title = 'x'\nX-Api-Key = 'CANARY'\n")
    assert text.startswith("config.toml:6: providers[0].headers.X-Api-Key: no secrets here")


def test_of_several_errors_the_first_in_the_file_is_told() -> None:
    assert message("[server]\nlan = 1\nprt = 1\n[health]\nx = 1\n").startswith("config.toml:2: ")


def test_a_very_long_key_is_shortened() -> None:
    assert len(message(f"{'k' * 500} = 1\n")) < 200


def test_an_error_about_the_whole_file() -> None:
    assert str(file_error("config.toml", "is not a file")) == "config.toml: is not a file"


def leaves(table: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to everything in the file, tables and lists included."""
    if path:
        yield path
    if isinstance(table, dict | list):
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            yield from leaves(value, (*path, key))


def everything_told(source: str) -> list[str]:
    """The texts of the error and of all that hangs on it; none when the source is good."""
    try:
        settings_text.parse("config.toml", source, KINDS)
    except SettingsError as error:
        shown = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return [str(error), repr(error), *([str(shown)] if shown else [])]
    return []


RAW = tomllib.loads(EXAMPLE)
WRONG: list[Any] = [
    "CANARY",
    "CANARY\nnext line \x1b[31m",
    "sk-CANARY",
    ["CANARY"],
    [["CANARY"]],
    {"x": "CANARY"},
    {"id": "CANARY", "kind": "CANARY", "name": "CANARY"},
    [{"id": "CANARY", "kind": "CANARY", "name": "CANARY", "targets": ["CANARY"], "scope": "CANARY"}],
    "https://CANARY:CANARY@CANARY/?key=CANARY",
    77_654_321_000_000,
]


@pytest.mark.parametrize("path", list(leaves(RAW)), ids=lambda path: ".".join(map(str, path)))
def test_no_value_is_ever_printed_whichever_key_it_stands_at(path: tuple[Any, ...]) -> None:
    for wrong in WRONG:
        raw = copy.deepcopy(RAW)
        table = raw
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = wrong
        told = "".join(everything_told(tomlkit.dumps(raw)))
        assert "CANARY" not in told
        assert "77654321" not in told
        assert "\n" not in told


SECRETS = """schema = 1
[[providers]]
id = "CANARY-id"
kind = "openai"
base_url = 'https://CANARY.example/v1'
key = "env:CANARY"
headers = { "X-One" = "CANARY", "X-Two" = '''CANARY''' }
models = ["CANARY", "CANARY", 1979-05-27T07:32:00Z, 0xCA, "\\u0041CANARY"]
\"CANARY key\" = "CANARY"
"""


def test_a_file_cut_off_or_damaged_anywhere_prints_no_value() -> None:
    for cut in range(len(SECRETS)):
        for source in (SECRETS[:cut], SECRETS[:cut] + SECRETS[cut + 1 :], SECRETS[:cut] + '"' + SECRETS[cut:]):
            told = "".join(everything_told(source))
            assert "\n" not in told
            assert "CANARY" not in told or "unknown key" in told  # a lost quote makes a key of a value
            assert "not valid TOML" not in told or "CANARY" not in told
