"""A Gemini stream as one JSON array, which comes when nobody asks for server-sent events; each item keeps its bytes."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from app.dialects import sse
from app.domain.chat import Answer

TYPE = b"application/json; charset=UTF-8"

_NOTHING = b"{}"


class _Splitter(sse.Splitter):
    """One without a limit: what a provider may send was seen to before, and a call may grow as it is translated."""

    __slots__ = ()

    def _checked(self, block: bytes) -> bytes:
        return block


class ArrayFraming:
    """Turns the events of one stream into the items of an array; what says nothing becomes a blank line."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self._splitter = _Splitter()
        self._began = False

    def feed(self, data: bytes) -> bytes:
        """Return the items for the next events."""
        return b"".join(map(self._item, sse.pieces(self._splitter.feed(data))))

    def end(self) -> bytes:
        """Close the array."""
        return b"]" if self._began else b"[]"

    def _item(self, piece: bytes) -> bytes:
        item = (sse.parse_event(piece).data or b"").strip()
        if not item or item == _NOTHING:
            return b"\n"
        before = b",\r\n" if self._began else b"["
        self._began = True
        return before + item + b"\n"

    async def through(self, stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Frame a whole stream but for its end; it is closed with this one."""
        if isinstance(stream, AsyncGenerator):
            async with aclosing(stream):
                async for data in stream:
                    yield self.feed(data)
        else:
            async for data in stream:
                yield self.feed(data)

    @staticmethod
    def plain(answer: Answer) -> Answer:
        """A refusal is an array, too."""
        return replace(answer, body=b"[" + answer.body + b"]")
