"""Reads one HTTP/1.1 reply from bytes, without any input or output: head, framing and body."""

from collections import deque

import httptools
import httpx

HEAD_LIMIT_BYTES = 64 * 1024
"""The most a reply's head may have, interim replies (1xx) included."""

NO_RESPONSE = "Server disconnected without sending a response."
CUT_SHORT = "Server closed the connection before the reply was complete."

_NOTABLE = frozenset((b"content-length", b"transfer-encoding", b"content-encoding"))


class ReplyReader:
    """One reply as it comes in.

    `touched`: a byte has come. `head_done`: `status`, `headers` (names in lower case), `notable` (those that frame or
    encode the body) and `framed` (the body has an end of its own) are known. `complete`: the end has come. `buffered`
    counts the bytes of body not taken yet. `keep_alive`: another reply may follow on the connection.
    """

    __slots__ = (
        "_bodyless",
        "_come",
        "_head_bytes",
        "_parser",
        "_pieces",
        "buffered",
        "complete",
        "framed",
        "head_done",
        "headers",
        "keep_alive",
        "notable",
        "on_body",
        "status",
        "touched",
    )

    def __init__(self, *, bodyless: bool = False) -> None:
        """Begin; `bodyless`: a reply to this method (HEAD) has no body whatever its headers say."""
        self._bodyless = bodyless
        self._head_bytes = self.buffered = self.status = 0
        self._pieces: deque[bytes] = deque()
        self._come: list[bytes] = []
        self.on_body = self._come.append  # a reply may have a chunk per token
        self.headers: list[tuple[bytes, bytes]] = []
        self.notable: dict[bytes, bytes] = {}
        self.touched = self.head_done = self.complete = self.framed = self.keep_alive = False
        self._parser = httptools.HttpResponseParser(self)
        # A reply with both a length and chunks is read as RFC 9112 6.3 says: chunks win, the connection ends with it.
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)

    def feed(self, data: memoryview) -> None:
        """Take the next bytes.

        Raises:
            httpx.RemoteProtocolError: they are not HTTP/1.1, or the head is too long.
            httpx.DecodingError: the body comes in a transfer coding other than chunked.
        """
        self.touched = True
        if self.complete:  # more follows
            self.keep_alive = False
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise httpx.RemoteProtocolError("The server switched to another protocol.") from error
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, httpx.RequestError):  # one of ours, raised below
                raise error.__context__ from None
            raise httpx.RemoteProtocolError(f"The reply is not valid HTTP/1.1: {error}.") from error
        finally:
            if self._come:
                self._gather()
        if not self.head_done:
            self._head_bytes += len(data)
            _limit_head(self._head_bytes)
        self._part()

    def _gather(self) -> None:
        """Put what has come of the body into one piece; behind the end it spoils the connection."""
        come = self._come
        if self.complete:
            self.keep_alive = False
        else:
            piece = come[0] if len(come) == 1 else b"".join(come)
            self._pieces.append(piece)
            self.buffered += len(piece)
        come.clear()

    def end(self) -> httpx.RemoteProtocolError | None:
        """Take the end of the connection; return what is wrong with that, if anything."""
        if not self.head_done:
            return httpx.RemoteProtocolError(NO_RESPONSE)
        if self.framed and not self.complete:
            return httpx.RemoteProtocolError(CUT_SHORT)
        if not self.complete:
            self.complete = True
            self._part()
        return None

    def _part(self) -> None:
        """Let go of the parser at the end: the two refer to each other."""
        if self.complete:
            del self._parser

    def take(self) -> bytes:
        """Return all of the body that has come since the last time."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.buffered = 0
        return data

    # ---- what the parser calls

    def on_message_begin(self) -> None:
        """Take the start of a message: after a complete one it spoils the connection."""
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; trailers are dropped."""
        if self.head_done:
            return
        name = name.lower()
        self.headers.append((name, value))
        if name in _NOTABLE:
            self.notable[name] = value

    def on_headers_complete(self) -> None:
        """Take the end of a head; an interim one is forgotten."""
        if self.head_done:
            return
        status = self._parser.get_status_code()
        if status in range(100, 200):
            self.headers.clear()
            self.notable.clear()
            return
        if self._head_bytes:  # it took more than one read
            _limit_head(sum(len(name) + len(value) for name, value in self.headers))
        coding = self.notable.get(b"transfer-encoding", b"").strip().lower()
        if coding not in (b"", b"chunked"):
            raise httpx.DecodingError(f"The reply comes in the transfer coding {coding.decode('latin-1')}.")
        length = b"content-length" in self.notable
        self.status = status
        self.framed = length or coding != b""
        self.keep_alive = self._parser.should_keep_alive() and not (length and coding)
        self.head_done = True
        if self._bodyless:
            self.framed = self.complete = True

    def on_message_complete(self) -> None:
        """Take the end of a message; that of an interim reply means nothing."""
        if self.head_done:
            if self._come:
                self._gather()
            self.framed = self.complete = True


def _limit_head(size: int) -> None:
    if size > HEAD_LIMIT_BYTES:
        raise httpx.RemoteProtocolError(f"The reply's headers exceed {HEAD_LIMIT_BYTES // 1024} kB.")
