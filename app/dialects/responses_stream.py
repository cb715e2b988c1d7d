"""Read along a provider's own Responses stream, which passes byte for byte."""

from typing import Literal

import msgspec

from app.dialects import json_edit, sse
from app.dialects.fields import Object
from app.dialects.openai_errors import read_error
from app.dialects.openai_usage import find_usage, parse_usage
from app.dialects.responses_passing import kept_ids
from app.domain.faults import FaultKind, ProviderError
from app.domain.usage import NO_USAGE, Usage

_MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)
_NO_CONTENT = frozenset(
    {
        "response.created",
        "response.in_progress",
        "response.queued",
        "response.content_part.added",
        "response.reasoning_summary_part.added",
        "keepalive",
        "ping",
    }
)
_ENDS = frozenset({"response.completed", "response.incomplete"})


class _Quiet(msgspec.Struct, gc=False):
    """An event that changes nothing once the answer has begun."""

    type: Literal[
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.refusal.delta",
    ]


_QUIET = msgspec.json.Decoder(_Quiet)


def _is_quiet(data: bytes) -> bool:
    try:
        _QUIET.decode(data)
    except (*json_edit.BAD_JSON, RecursionError):
        return False
    return True


def _is_begun(event: Object) -> bool:
    """Whether it only begins a message or a thought, whose words are to come."""
    item = event.get("item")
    kind = item.get("type") if isinstance(item, dict) else None
    return event.get("type") == "response.output_item.added" and kind in ("message", "reasoning")


class ResponsesStream:
    """The `StreamReader` of the dialect: committed at the first event that adds something to the answer."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._splitter = sse.Splitter()
        self.committed = self.complete = self.ended = False
        self.error: ProviderError | None = None
        self.usage: Usage = NO_USAGE
        self.kept: tuple[str, ...] = ()
        """The ids under which the provider keeps the answer."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; nothing at or behind an error or the end is returned.

        Raises:
            FaultError: TOO_LARGE above 1 MiB per event.
        """
        out: list[bytes] = []
        for piece in sse.pieces(self._splitter.feed(data)):
            if self.ended:
                break
            self._event(sse.parse_event(piece))
            if self.error is None:
                out.append(piece)
        return b"".join(out)

    def finish(self) -> bytes:
        """Take the end of the stream: an event without its blank line and an unframed error body are seen.

        Half an event is dropped, and so is an unframed body that is no event.
        """
        rest = self._splitter.rest().strip()
        if self.ended or not rest:
            return b""
        framed = b"data: " + b"".join(rest.splitlines()) if rest.startswith(b"{") else rest
        event = sse.parse_event(framed)
        value = None if event.data is None else json_edit.load_object(event.data)
        if value is None or (framed is not rest and not ("type" in value or value.get("error"))):
            return b""
        self._event(event)
        return b"" if self.error else framed + b"\n\n"

    def _event(self, event: sse.Event) -> None:
        if event.data is None or not event.data.strip():
            return
        if self.committed and event.name != b"error" and _is_quiet(event.data):
            return
        value = json_edit.load_object(event.data)
        if value is None:
            self._fail(_MALFORMED)
            return
        kind, response = value.get("type"), value.get("response")
        kind = kind if isinstance(kind, str) else None
        response = response if isinstance(response, dict) else {}
        self._note(response)
        untyped = kind is None and value.get("error")
        if untyped or kind in ("error", "response.failed") or event.name == b"error":
            self._fail(read_error(response if response.get("error") else value))
            return
        self.committed = self.committed or not (kind in _NO_CONTENT or _is_begun(value))
        if kind in _ENDS:
            self.complete = self.ended = True

    def _note(self, response: Object) -> None:
        """Keep what the event says of the whole answer."""
        if response and not self.kept:
            self.kept = kept_ids(response)
        usage = find_usage(response)
        if usage is not None:
            self.usage = self.usage.most(parse_usage(usage))

    def _fail(self, error: ProviderError) -> None:
        self.error, self.ended = error, True
