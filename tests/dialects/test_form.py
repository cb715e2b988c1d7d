"""Forms with files: the plain fields are found, and nothing but one of them is changed."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.form import FormError, read_form

FILE = b"\x00RIFF\r\n--not-the-boundary\r\n\r\nmodel=x\xff"


def encoded(boundary: str, data: dict[str, str], file: bytes = FILE) -> bytes:
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    request = httpx.Request("POST", "http://x", data=data, files={"file": ("model.wav", file)}, headers=headers)
    return request.read()


def test_only_the_value_is_replaced() -> None:
    body = encoded("b0undary", {"model": "whisper-1", "language": "en"})
    form = read_form(body)
    assert form.content_type == "multipart/form-data; boundary=b0undary"
    assert set(form.fields) == {"model", "language"}
    assert form.replace(body, "model", b"other") == body.replace(b"whisper-1", b"other")
    assert form.replace(body, "none", b"other") == body


@given(st.binary(max_size=60), st.text(alphabet="abz019", min_size=1, max_size=9))
def test_any_file_passes_byte_for_byte(file: bytes, model: str) -> None:
    body = encoded("q" * 30, {"model": "m1"}, file)
    form = read_form(body)
    assert [body[start:end] for start, end in form.fields["model"]] == [b"m1"]
    assert form.replace(body, "model", model.encode()) == encoded("q" * 30, {"model": model}, file)


def part(head: str, content: bytes = b"v") -> bytes:
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('Content-Disposition: form-data; name="model"', "model"),
        ("content-disposition:form-data;name=model", "model"),
        ('content-type: text/plain\r\nContent-Disposition: FORM-DATA; name="model"', "model"),
        ('Content-Disposition: form-data; name="model"; filename="x"', None),
        ('Content-Disposition: form-data; filename="a; name=\\"model"; name="model"', None),
        ('Content-Disposition: form-data; other="; name=model"', None),
        ('Content-Disposition: attachment; name="model"', None),
        ("content-type: text/plain", None),
    ],
)
def test_what_is_a_field(head: str, name: str | None) -> None:
    fields = read_form(part(head) + b"--b--\r\n").fields
    assert list(fields) == ([] if name is None else [name])


def test_a_field_may_be_there_twice_be_empty_and_have_blanks_behind_its_boundary() -> None:
    head = 'Content-Disposition: form-data; name="model"'
    body = b"\r\n" + part(head, b"") + part(head, b"2").replace(b"--b\r\n", b"--b \t\r\n") + b"--b--"
    form = read_form(body)
    assert [body[start:end] for start, end in form.fields["model"]] == [b"", b"2"]
    assert form.replace(body, "model", b"x").count(b"\r\n\r\nx\r\n") == 2


def test_an_odd_boundary_is_quoted() -> None:
    body = b'--a b:c\r\ncontent-disposition: form-data; name="m"\r\n\r\nv\r\n--a b:c--'
    assert read_form(body).content_type == 'multipart/form-data; boundary="a b:c"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"--",
        b"--\r\n",
        b"--b",
        b"--b\r\n",
        b"--b--\r\n",
        b"--" + b"b" * 71 + b"\r\n",
        b'--b"\r\n\r\n',
        b"--b\r\nno head",
        b"--b\r\nx: y\r\n\r\nno end",
        b"--b\r\nx: y\r\n\r\nno end\r\n--bc--",
        part("x: y") * 1002 + b"--b--",
    ],
    ids=range(13),
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        read_form(body)
