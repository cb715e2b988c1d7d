"""Write hub events as an Anthropic stream: one open block at a time, every opened block closed."""

from collections import deque
from collections.abc import Iterable

from app.dialects import json_edit, sse
from app.dialects.anthropic_blocks import safe_id
from app.dialects.anthropic_request import NAME
from app.dialects.anthropic_usage import write_finish, write_usage
from app.dialects.fields import Object
from app.domain.hub import ChatRequest
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Cited,
    Counted,
    Ended,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE, Usage

_TEXT = "text"
_THINKING = "thinking"


class _Block:
    """A block: the one that is open, or one that waits for its turn with what has come for it."""

    __slots__ = ("call", "held", "kind", "over", "said", "start")

    def __init__(self, kind: str, start: Object, call: int | None = None) -> None:
        self.kind = kind
        self.start = start
        self.call = call
        self.held: list[Object] = []
        self.said: list[str] = []
        self.over = False

    def is_whole(self) -> bool:
        """Whether nothing more can belong to it; a call that nobody ended is over when its arguments are an object."""
        if self.over or self.call is None:
            return True
        try:
            self.over = bool(self.said) and isinstance(json_edit.loads("".join(self.said).encode()), dict)
        except (json_edit.JsonError, UnicodeEncodeError):
            return False
        return self.over


class EventWriter:
    """Turns hub events into the named events; a call that comes while another is open waits for its turn."""

    def __init__(self, request: ChatRequest) -> None:
        """Write for the client that sent `request`; the dialect knows one answer only."""
        self._request = request
        self._usage: Usage = NO_USAGE
        self._blocks: deque[_Block] = deque()
        self._index = -1
        self._started = self._called = self._closed = False
        self._delta_head = b""
        self._finish = Finished(Finish.STOP)
        self._out: list[bytes] = []

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events."""
        for event in events:
            if isinstance(event, TextDelta):
                if not event.choice and event.text:
                    self._words(event.text)
            elif not getattr(event, "choice", 0):
                self._one(event)
        out, self._out = self._out, []
        return b"".join(out)

    def _one(self, event: StreamEvent) -> None:
        if isinstance(event, CallDelta):
            self._call_goes_on(event)
        elif isinstance(event, ThoughtDelta):
            self._thought(event)
        elif isinstance(event, CallStarted):
            self._call_begins(event)
        elif isinstance(event, CallEnded):
            self._call_ends(event)
        else:
            self._rest(event)

    def _rest(self, event: StreamEvent) -> None:
        if isinstance(event, Counted):
            self._usage = self._usage.most(event.usage)
        elif isinstance(event, Started):
            self._begin(event)
        elif isinstance(event, RefusalDelta):
            self._words(event.text)
        elif isinstance(event, Cited):
            self._cited(event)
        elif isinstance(event, Finished):
            self._finish = event
            self._close_all()
        elif isinstance(event, Ended):
            self._end()

    # -- what the events do

    def _begin(self, event: Started) -> None:
        if self._started:
            return
        self._started = True
        message: Object = {
            "id": event.id or "msg_0",
            "type": "message",
            "role": "assistant",
            "model": event.model or self._request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        self._send("message_start", {"message": message})

    def _words(self, text: str) -> None:
        block = self._blocks[-1] if self._blocks else None
        if block is None or block.kind is not _TEXT:
            block = self._add(_Block(_TEXT, {"type": "text", "text": ""}))
        self._say(block, {"type": "text_delta", "text": text})

    def _thought(self, event: ThoughtDelta) -> None:
        if event.sealed:
            if event.origin == NAME:
                self._add(_Block("redacted_thinking", {"type": "redacted_thinking", "data": event.sealed})).over = True
            return
        own = event.signature if event.origin == NAME else ""
        block = self._blocks[-1] if self._blocks else None
        if block is None or block.kind is not _THINKING or block.over:
            if not event.text and not own:
                return
            block = self._add(_Block(_THINKING, {"type": "thinking", "thinking": "", "signature": ""}))
        if event.text:
            self._say(block, {"type": "thinking_delta", "thinking": event.text})
        if own:
            self._say(block, {"type": "signature_delta", "signature": own})
            block.over = True

    def _call_begins(self, event: CallStarted) -> None:
        self._called = True
        start = {"type": "tool_use", "id": safe_id(event.id), "name": event.name, "input": {}}
        self._add(_Block("tool_use", start, event.index))

    def _call_goes_on(self, event: CallDelta) -> None:
        for block in self._blocks:
            if block.call == event.index:
                block.said.append(event.arguments)
                self._say(block, {"type": "input_json_delta", "partial_json": event.arguments})
                self._advance()
                return

    def _call_ends(self, event: CallEnded) -> None:
        for block in self._blocks:
            if block.call == event.index:
                block.over = True
        self._advance()

    def _cited(self, event: Cited) -> None:
        block = self._blocks[-1] if self._blocks else None
        if event.citation.dialect == NAME and block is not None and block.kind is _TEXT:
            self._say(block, {"type": "citations_delta", "citation": event.citation.value})

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._begin(Started())
        self._close_all()
        reason = write_finish(self._finish.finish, called=self._called)
        delta = {"stop_reason": reason, "stop_sequence": self._finish.stop_sequence or None}
        self._send("message_delta", {"delta": delta, "usage": write_usage(self._usage)})
        self._send("message_stop", {})

    # -- one open block at a time: the first of the queue

    def _add(self, block: _Block) -> _Block:
        self._begin(Started())
        self._blocks.append(block)
        if len(self._blocks) == 1:
            self._open(block)
        else:
            self._advance()
        return block

    def _advance(self) -> None:
        """Close what is whole in front of what waits."""
        blocks = self._blocks
        while len(blocks) > 1 and blocks[0].is_whole():
            self._close(blocks.popleft())
            self._open(blocks[0])

    def _close_all(self) -> None:
        for block in self._blocks:
            block.over = True
        self._advance()
        if self._blocks:
            self._close(self._blocks.popleft())

    def _open(self, block: _Block) -> None:
        self._index += 1
        self._delta_head = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % self._index
        )
        self._send("content_block_start", {"index": self._index, "content_block": block.start})
        for delta in block.held:
            self._out.append(b"%b%b}\n\n" % (self._delta_head, json_edit.dumps(delta)))
        block.held.clear()

    def _close(self, block: _Block) -> None:
        if block.call is not None and not "".join(block.said).strip():
            self._out.append(b'%b{"type":"input_json_delta","partial_json":"{}"}}\n\n' % self._delta_head)
        self._send("content_block_stop", {"index": self._index})

    def _say(self, block: _Block, delta: Object) -> None:
        if block is self._blocks[0]:
            self._out.append(b"%b%b}\n\n" % (self._delta_head, json_edit.dumps(delta)))
        else:
            block.held.append(delta)

    def _send(self, name: str, event: Object) -> None:
        self._out.append(sse.encode(json_edit.dumps({"type": name, **event}), name))
