"""The line of a key, however the file is written."""

import tomllib

import pytest

from app.store.toml_lines import KeyPath, line_of

SOURCE = '''# a comment [server]
schema = 1

[server]
host = "[limits]"       # [not.a.table]
"port" = 1
allowed_hosts = [
    "a = 1",            # inside = an array
    "[[providers]]",
]
allowed_origins = [ ["x"], { y = 1 } ]

[[providers]]
id = "first"
headers = { X-One = "1", X-Two = "2" }
limits.concurrent = 3
text = """
id = "not this one"
[server]
\\""" still inside """""
literal = \'\'\'
[[providers]]
\'\'\'

  [providers.pool]
  max_connections = 5

[[providers]]
"id" = 'second'
model_map."a.b" = "c"
  [providers.'pool']
  http2 = true

[ routing ]
  strategy = "x"
[[a.b]]
c = 1
[[a.b]]
[a.b.d]
e = 1
'''


def test_the_source_is_valid() -> None:
    assert tomllib.loads(SOURCE)["a"]["b"][1]["d"]["e"] == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("schema",), "schema = 1"),
        (("server",), "[server]"),
        (("server", "host"), 'host = "[limits]"'),
        (("server", "port"), '"port" = 1'),
        (("server", "allowed_hosts"), "allowed_hosts = ["),
        (("server", "allowed_hosts", 1), "allowed_hosts = ["),
        (("server", "allowed_origins", 1, "y"), "allowed_origins ="),
        (("providers",), "[[providers]]"),
        (("providers", 0), "[[providers]]"),
        (("providers", 0, "id"), 'id = "first"'),
        (("providers", 0, "missing"), "[[providers]]"),
        (("providers", 0, "headers", "X-Two"), "headers = {"),
        (("providers", 0, "limits", "concurrent"), "limits.concurrent"),
        (("providers", 0, "limits", "missing"), "limits.concurrent"),
        (("providers", 0, "pool", "max_connections"), "  max_connections"),
        (("providers", 1, "id"), "\"id\" = 'second'"),
        (("providers", 1, "model_map", "a.b"), 'model_map."a.b"'),
        (("providers", 1, "pool"), "  [providers.'pool']"),
        (("providers", 1, "pool", "http2"), "  http2"),
        (("routing", "strategy"), '  strategy = "x"'),
        (("a", "b", 0, "c"), "c = 1"),
        (("a", "b", 1, "d", "e"), "e = 1"),
    ],
)
def test_each_key_is_found(path: KeyPath, text: str) -> None:
    assert SOURCE.splitlines()[line_of(SOURCE, path) - 1].startswith(text)


def test_windows_line_ends_make_no_difference() -> None:
    windows = SOURCE.replace("\n", "\r\n")
    for path in (("server", "port"), ("providers", 1, "pool", "http2"), ("a", "b", 1, "d", "e")):
        assert line_of(windows, path) == line_of(SOURCE, path)


def test_what_is_nowhere_is_the_first_line() -> None:
    assert line_of(SOURCE, ("nowhere", 3)) == 1
    assert line_of("", ("server",)) == 1
    assert line_of(SOURCE, ()) == 1


def test_no_newline_at_the_end() -> None:
    assert line_of("a = 1\nb = 2", ("b",)) == 2
