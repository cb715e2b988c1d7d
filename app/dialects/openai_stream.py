"""Read along an event stream of the OpenAI dialects: what may be forwarded, when it counts, and how it ended.

After the first content a read is one call of a typed decoder, which fails on purpose when anything in the block is
worth a look: a finish reason, usage, an error, a line that is not a plain `data` line. Only then are its events read
singly.
"""

from typing import Any, Literal

import msgspec

from app.dialects import json_edit, sse
from app.dialects.openai_errors import in_band_error
from app.dialects.openai_usage import find_usage, parse_usage
from app.domain.faults import FaultKind, ProviderError
from app.domain.usage import NO_USAGE, Usage

DONE = b"data: [DONE]\n\n"

_SINGLY_BYTES = 1024
"""Below this a block with something to look at is read event by event: the size of what stands at a stream's end."""

_BETWEEN = b"\n\ndata:"
"""What stands between the JSON of two events."""

_EMPTY_KEYS = frozenset(("role", "name", "id", "channel"))
_MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)


class _QuietChoice(msgspec.Struct, gc=False):
    finish_reason: Literal[""] | None = None
    error: None = None


class _QuietGroq(msgspec.Struct, gc=False):
    usage: None = None
    error: None = None


class _QuietChunk(msgspec.Struct, gc=False):
    """A chunk of plain content: choices without a finish reason, no usage, no error."""

    choices: list[_QuietChoice]
    usage: None = None
    error: None = None
    x_groq: _QuietGroq | None = None


_QUIET = msgspec.json.Decoder(_QuietChunk)


class OpenAIStream:
    """The `StreamReader` of chat and completions; with `n` choices, all of them must finish."""

    __slots__ = (
        "_finished",
        "_forward_usage",
        "_last_usage",
        "_n",
        "_splitter",
        "committed",
        "complete",
        "ended",
        "error",
        "usage",
    )

    def __init__(self, *, forward_usage: bool, n: int = 1) -> None:
        """Start at the beginning; a chunk of nothing but usage is withheld unless `forward_usage`."""
        self.committed = False
        self.complete = False
        self.ended = False
        self.error: ProviderError | None = None
        self.usage: Usage = NO_USAGE
        self._forward_usage = forward_usage
        self._n = n
        self._splitter = sse.Splitter()
        self._finished: set[object] = set()
        self._last_usage: object = None

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the whole events to forward.

        Raises:
            FaultError: TOO_LARGE, when one event exceeds 1 MiB.
        """
        if self.ended:
            return b""
        block = self._splitter.feed(data)
        return self._read(block) if block else block

    def finish(self) -> bytes:
        """Take the end of the stream; return the last event if only its blank line was missing, and the end mark."""
        if self.ended:
            return b""
        rest = self._splitter.rest()
        last = self._read_rest(rest) if rest.strip(b"\r\n") else rest
        if self.ended or not self.complete:
            return last
        self.ended = True
        return last + DONE

    def _read_rest(self, rest: bytes) -> bytes:
        """Read what stood behind the last blank line: half an event is dropped, an unframed error body is seen."""
        if not self.committed and rest.lstrip().startswith(b"{"):
            rest = b"data: " + b"".join(rest.splitlines())
        event = sse.parse_event(rest)
        if event.data is None or (event.data.strip() != b"[DONE]" and json_edit.load_object(event.data) is None):
            return b""
        return self._read(rest.rstrip(b"\r\n") + b"\n\n")

    def _read(self, block: bytes) -> bytes:
        """Read whole events: singly up to the first content, then in parts down to what needs a look."""
        if self.ended:
            return b""
        if not self.committed:
            return self._read_singly(block)
        size = len(block)
        closing = block.endswith(DONE) and size > 2 * _SINGLY_BYTES
        if not closing and _is_quiet(block):
            return block
        if size <= _SINGLY_BYTES:
            return self._read_singly(block)
        cut = sse.boundary(block, size - _SINGLY_BYTES if closing else size // 2)
        return self._read(block[:cut]) + self._read(block[cut:]) if cut < size else self._read_singly(block)

    def _read_singly(self, block: bytes) -> bytes:
        """Read one event after the other; what follows the first content of the stream is read as a block again."""
        out: list[bytes] = []
        waiting, at = not self.committed, 0
        for piece in sse.pieces(block):
            at += len(piece)
            event = piece.lstrip(b"\r\n")
            out += (piece[: len(piece) - len(event)], self._piece(event))
            if self.ended:
                break
            if waiting and self.committed:
                out.append(self._read(block[at:]))
                break
        return b"".join(out)

    def _piece(self, piece: bytes) -> bytes:
        """Look at one event and return what to forward of it."""
        event = sse.parse_event(piece)
        if event.data is None:
            return piece
        if not event.data.strip():
            return b""  # clients would take it for broken JSON
        if event.data.strip() == b"[DONE]":
            self.complete = self.ended = True
            return piece
        chunk = json_edit.load_object(event.data)
        if chunk is None:
            return self._fail(_MALFORMED)
        self._count(chunk)
        error = in_band_error(chunk, event.name)
        return self._fail(error) if error else self._content(chunk, piece)

    def _fail(self, error: ProviderError) -> bytes:
        self.error = error
        self.complete = False
        self.ended = True
        return b""

    def _count(self, chunk: dict[str, Any]) -> None:
        usage = find_usage(chunk)
        if usage is not None and usage != self._last_usage:
            self._last_usage = usage
            self.usage = self.usage.most(parse_usage(usage))

    def _content(self, chunk: dict[str, Any], piece: bytes) -> bytes:
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            withheld = not self._forward_usage and find_usage(chunk) is not None
            return b"" if withheld else piece
        repeated = [choice for choice in choices if isinstance(choice, dict) and self._choice(choice)]
        self.complete = len(self._finished) >= self._n
        return _without_reasons(chunk, repeated) if repeated else piece

    def _choice(self, choice: dict[str, Any]) -> bool:
        """Note content and end of one choice; true when it ends a second time, as OpenRouter lets it."""
        reason = choice.get("finish_reason")
        self.committed = self.committed or bool(reason) or _has_content(choice)
        if not reason:
            return False
        index = choice.get("index")
        key = index if isinstance(index, int) else 0
        if key in self._finished:
            return True
        self._finished.add(key)
        return False


def _is_quiet(block: bytes) -> bool:
    """Whether a block of whole events is plain content and nothing else."""
    if not block.startswith(b"data:") or len(block) > sse.MAX_EVENT_BYTES:
        return False
    whole = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    lines = whole[5:].replace(_BETWEEN, b"\n")
    events = 1 + (len(whole) - 5 - len(lines)) // (len(_BETWEEN) - 1)
    try:
        return len(_QUIET.decode_lines(lines)) == events
    except (*json_edit.BAD_JSON, RecursionError):
        return False


def _has_content(choice: dict[str, Any]) -> bool:
    """Whether there is text, reasoning, a call, a refusal, audio, or anything under a name yet to come."""
    if choice.get("text"):
        return True
    delta = choice.get("delta") or choice.get("message")
    return isinstance(delta, dict) and any(value for key, value in delta.items() if key not in _EMPTY_KEYS)


def _without_reasons(chunk: dict[str, Any], repeated: list[dict[str, Any]]) -> bytes:
    """Write the chunk again with the second finish reasons taken out."""
    for choice in repeated:
        choice["finish_reason"] = None
    return sse.encode(json_edit.dumps(chunk))
