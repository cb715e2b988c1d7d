"""Find the plain fields of a form with files (`multipart/form-data`, RFC 7578) in its bytes; every other byte stays."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.dialects.json_edit import Edit, Span, splice

_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PLAIN = re.compile(rb"[0-9A-Za-z'+_.-]+")
_DISPOSITION = re.compile(rb"content-disposition:[ \t]*form-data(?=[ \t]*;)([^\r\n]*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';[ \t]*([!-:<>-~]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_MOST_HEAD_BYTES = 16 * 1024
_MOST_PARTS = 1000


class FormError(ValueError):
    """The bytes are not such a form; the text says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that are no files: where their values stand, in order."""

    boundary: bytes
    fields: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """What the body is to be declared as."""
        quote = "" if _PLAIN.fullmatch(self.boundary) else '"'
        return f"multipart/form-data; boundary={quote}{self.boundary.decode('ascii')}{quote}"

    def replace(self, body: bytes, name: str, value: bytes) -> bytes:
        """Give the field another value in every place where it stands."""
        edits: list[Edit] = [(start, end, value) for start, end in self.fields.get(name, ())]
        return splice(body, edits)


def read_form(body: bytes) -> Form:
    """Find the fields; the boundary is the one that the body begins with.

    Raises:
        FormError: the body is cut short, has parts without end, or is no form at all.
    """
    start = 2 if body.startswith(b"\r\n") else 0
    end = body.find(b"\r\n", start, start + 200)
    boundary = body[start + 2 : end].rstrip(b" \t") if end > 0 and body.startswith(b"--", start) else b""
    if _BOUNDARY.fullmatch(boundary) is None:
        raise FormError("it does not begin with a boundary")
    found: dict[str, tuple[Span, ...]] = {}
    for count, (head, span) in enumerate(_parts(body, end + 2, boundary)):
        if count >= _MOST_PARTS:
            raise FormError(f"it has more than {_MOST_PARTS} parts")
        name = _field_name(head)
        if name is not None:
            found[name] = (*found.get(name, ()), span)
    return Form(boundary, found)


def _parts(body: bytes, at: int, boundary: bytes) -> Iterator[tuple[bytes, Span]]:
    """Yield the head of each part, and where its content stands."""
    mark = b"\r\n--" + boundary
    while True:
        head_end = body.find(b"\r\n\r\n", at, at + _MOST_HEAD_BYTES)
        if head_end < 0:
            raise FormError("a part has no head")
        start = head_end + 4
        end, behind = _end(body, start, mark)
        yield body[at:head_end], (start, end)
        if behind < 0:
            return
        at = behind


def _end(body: bytes, start: int, mark: bytes) -> tuple[int, int]:
    """Where the content ends and the next part begins, -1 behind the last one."""
    end = body.find(mark, start)
    if end < 0:
        raise FormError("it ends in the middle of a part")
    behind = end + len(mark)
    if body.startswith(b"--", behind):
        return end, -1
    line_end = body.find(b"\r\n", behind, behind + _MOST_HEAD_BYTES)
    if line_end < 0 or body[behind:line_end].strip(b" \t"):
        raise FormError("its boundary stands within a part")
    return end, line_end + 2


def _field_name(head: bytes) -> str | None:
    """The name of a field; None for a file."""
    match = _DISPOSITION.search(head)
    if match is None:
        return None
    said = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(match[1])}
    if b"filename" in said or b"filename*" in said or b"name" not in said:
        return None
    name: bytes = said[b"name"]
    return name.decode("utf-8", "replace")
