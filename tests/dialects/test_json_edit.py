"""Edits of a JSON object's bytes: equal but for what was set, every other byte untouched."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import json_edit
from app.dialects.json_edit import JsonError

KEYS = st.sampled_from(["model", "stream", 'mo"del', "a\\", "é", "", "\ud83d", "\U0001f680", "data: "])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
SPACE = st.text(" \t\r\n", max_size=2)


@st.composite
def written(draw: st.DrawFn) -> tuple[list[tuple[str, Any]], bytes]:
    """An object as a list of pairs (keys may repeat), and one of the many ways to write it."""
    pairs = draw(st.lists(st.tuples(KEYS, VALUES), max_size=5))
    members = [
        draw(SPACE) + key_text(draw, key) + draw(SPACE) + ":" + draw(SPACE) + value_text(draw, value) + draw(SPACE)
        for key, value in pairs
    ]
    text = draw(SPACE) + "{" + (",".join(members) or draw(SPACE)) + "}" + draw(SPACE)
    return pairs, text.encode("utf-8")


def key_text(draw: st.DrawFn, key: str) -> str:
    if draw(st.booleans()):
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in key) + '"'
    return json.dumps(key)


def value_text(draw: st.DrawFn, value: Any) -> str:
    return json.dumps(value, indent=draw(st.sampled_from([None, 1])))


@given(written(), st.sampled_from(["model", "stream", "é"]), VALUES)
def test_only_the_value_changes(given_object: tuple[list[tuple[str, Any]], bytes], key: str, value: Any) -> None:
    pairs, body = given_object
    new = json.dumps(value).encode()
    edited = json_edit.set_member(body, key, new)
    expected = [(k, value if k == key else v) for k, v in pairs]
    if key not in dict(pairs):
        expected.append((key, value))
    assert json.loads(edited, object_pairs_hook=list) == json.loads(json_pairs(expected), object_pairs_hook=list)
    assert restored(body, edited, key, new) == body


def json_pairs(pairs: list[tuple[str, Any]]) -> str:
    return "{" + ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in pairs) + "}"


def restored(body: bytes, edited: bytes, key: str, new: bytes) -> bytes:
    """Put the old values back into the edited body, at the places found in it."""
    before, after = json_edit.members(body), json_edit.members(edited)
    if key not in before:
        at = edited.rindex(b"}") - len((b"," if before else b"") + json.dumps(key, ensure_ascii=False).encode()) - 1
        return edited[: at - len(new)] + edited[edited.rindex(b"}") :]
    assert [edited[start:end] for start, end in after[key]] == [new] * len(before[key])
    return json_edit.splice(edited, [(*a, body[slice(*b)]) for a, b in zip(after[key], before[key], strict=True)])


@given(written())
def test_members_are_where_they_are_said_to_be(given_object: tuple[list[tuple[str, Any]], bytes]) -> None:
    pairs, body = given_object
    found = json_edit.members(body)
    assert list(found) == list(dict(pairs))
    for key, spans in found.items():
        values = [value for k, value in pairs if k == key]
        assert [json.loads(body[start:end]) for start, end in spans] == values


def test_the_slow_way_finds_what_the_fast_way_finds() -> None:
    body = b' {"a" : [1, {"a": "}"}] , "b":"\\"", "c":{} , "d":-1.5e3}\n'
    assert json_edit.members(body) == json_edit._scan(body)
    assert list(json_edit.members(body)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a","tools":[{"model":"b"}],"model":"c"}', b'{"model":1,"tools":[{"model":"b"}],"model":1}'),
        (b'{"x":{"model":"a"}, "mo\\u0064el" : "b" }', b'{"x":{"model":"a"}, "mo\\u0064el" : 1 }'),
        (b'{"x":"model","model":null}', b'{"x":"model","model":1}'),
        (b'{"x":"\\ud83d","model":"a"}', b'{"x":"\\ud83d","model":1}'),
        (b'{"x":"\xff\xfe","model":"a"}', b'{"x":"\xff\xfe","model":1}'),
        (b'{"x":' + b"9" * 5000 + b',"model":2}', b'{"x":' + b"9" * 5000 + b',"model":1}'),
        (b'{"x":"\\ud83d","y":' + b"9" * 5000 + b',"model":2}', b'{"x":"\\ud83d","y":' + b"9" * 5000 + b',"model":1}'),
        (b'{"a":12,"model":2,"a":1}', b'{"a":12,"model":1,"a":1}'),
        (b" { } ", b' { "model":1} '),
        (b'{"\xc3\xa9":"\\ud83d"}', b'{"\xc3\xa9":"\\ud83d","model":1}'),
    ],
)
def test_hard_cases(body: bytes, expected: bytes) -> None:
    assert json_edit.set_member(body, "model", b"1") == expected


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "line 1, column 1: Expecting value"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b'{"a":1', "line 1, column 7: it ends too early"),
        (b'{"a":1]', "line 1, column 7: something else was expected"),
        (b'{"a":1,}', "line 1, column 8: something else was expected"),
        (b'{"a":\n1 2}', "line 2, column 3: something else was expected"),
        (b'{"a" 1}', "line 1, column 6: something else was expected"),
        (b"{a:1}", "line 1, column 2: something else was expected"),
        (b'{"a":1} x', "line 1, column 9: something else was expected"),
        (b"{} x", "line 1, column 4: something else was expected"),
        (b'{"a":}', "line 1, column 6: Expecting value"),
        (b'{"a":"\x01"}', "line 1, column 7: Invalid control character at"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: Expecting value"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"b":"\\ud83d","a":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_object_is_refused_with_the_place(body: bytes, where: str) -> None:
    with pytest.raises(JsonError) as caught:
        json_edit.members(body)
    assert str(caught.value) == where


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"a":\n', "line 2, column 1: Expecting value"),
        (b"NaN", "NaN is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'"\\ud83d' + b"[" * 10, "line 1, column 1: Unterminated string starting at"),
        (b'["\\ud83d",' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_loads_refuses(data: bytes, where: str) -> None:
    with pytest.raises(JsonError, match=where.replace("(", r"\(").replace(")", r"\)")):
        json_edit.loads(data)


@given(VALUES)
def test_loads_reads_and_dumps_writes(value: Any) -> None:
    assert json_edit.loads(json.dumps(value).encode()) == json.loads(json.dumps(value))
    assert json.loads(json_edit.dumps(value)) == json.loads(json.dumps(value))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (json_edit.loads, json_edit.members):
        with contextlib.suppress(JsonError):
            read(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'"a\xff"', "a\ufffd"),
        (b'{"\xff":1}', {"\ufffd": 1}),
        (b"9" * 5000, float("inf")),
        (b"-" + b"9" * 5000, float("-inf")),
    ],
)
def test_loads_lets_through_what_only_python_refuses(data: bytes, value: object) -> None:
    assert json_edit.loads(data) == value


def test_members_of_an_object_whose_key_is_not_utf8() -> None:
    body = b'{"\xff":1,"a":2}'
    assert json_edit.members(body)["a"] == ((11, 12),)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a":1,"b":[ {"a":2} ]}', {"a": b"1", "b": b'[ {"a":2} ]'}),
        (b' {"a":1,"a": "two"} ', {"a": b'"two"'}),
        (b"{}", {}),
        (b'{"a":"\\ud83d","b":"\xff"}', {"a": b'"\\ud83d"', "b": b'"\xff"'}),
    ],
)
def test_values_are_the_last_of_each_key(body: bytes, found: dict[str, bytes]) -> None:
    assert {key: bytes(raw) for key, raw in json_edit.values(body).items()} == found


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":1', b'{"a":1} x', b"{" + b'"a":{' * 100_000])
def test_values_of_no_object_are_refused(body: bytes) -> None:
    with pytest.raises(json_edit.JsonError):
        json_edit.values(body)
