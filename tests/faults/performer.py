"""Plays a `Play` on a connection: head, body or events, and then the fault."""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from faults import answers, speech
from faults.play import Framing, Play, Then

if TYPE_CHECKING:
    from faults.connection import Connection, Recorded

_BLOCK = b"x" * 65536


@dataclass(frozen=True, slots=True)
class Performance:
    """One play for one request on one connection."""

    voice: answers.Voice
    connection: "Connection"
    request: "Recorded"
    play: Play

    async def run(self) -> None:
        """Play it to the end; a hang ends when the client goes away."""
        play = self.play
        if play.raw is not None:
            await self.connection.send(play.raw)
            self.connection.close()
        elif not play.head:
            await self._abrupt()
        elif self._streams:
            await self._stream()
        else:
            await self._plain()

    @property
    def _json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.request.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def _streams(self) -> bool:
        if self.play.body is not None or self.play.status != HTTPStatus.OK:
            return False
        return self.play.events is not None or speech.is_streamed(self.request.path, self._json)

    @property
    def _speech(self) -> speech.Speech:
        return speech.speech_for(self.request.path)

    async def _head(self, kind: str, framing: Framing, length: int | None) -> None:
        play = self.play
        named = {name.lower() for name, _ in play.headers}
        lines = [f"HTTP/1.1 {play.status} {_reason(play.status)}", *(f"{n}: {v}" for n, v in play.headers)]
        if "content-type" not in named:
            lines.append(f"content-type: {kind}")
        if framing in (Framing.LENGTH, Framing.BOTH) and length is not None:
            lines.append(f"content-length: {length}")
        if framing in (Framing.CHUNKED, Framing.BOTH):
            lines.append("transfer-encoding: chunked")
        if framing is Framing.EOF:
            lines.append("connection: close")
        await self.connection.send(play.prefix + "\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def _plain(self) -> None:
        play = self.play
        body = self._invented() if play.body is None else speech.error_body(self._speech, play.body, play.status)
        framing = play.framing or Framing.LENGTH
        chunked = framing in (Framing.CHUNKED, Framing.BOTH)
        endless = play.then in (Then.ENDLESS, Then.DRIP, Then.COMMENTS)
        if play.then is Then.ERROR_EVENT:
            body = speech.error_body(self._speech, play.error, play.status)
        elif play.then is Then.MALFORMED_EVENT:
            body = body[: len(body) // 2] + b"}}}"
        await self._head("application/json", framing, 1 << 40 if endless else len(body))
        if play.then in (Then.END, Then.EXTRA, *_NOT_FOR_PLAIN):
            await self.connection.send(_chunk(body) + _LAST_CHUNK if chunked else body)
            await self._after_end(framing)
            return
        half = b" " if endless else body[: len(body) // 2]
        await self.connection.send(_chunk(half) if chunked else half)
        await self._fault(framing)

    def _invented(self) -> bytes:
        if self.request.method == "GET":
            return answers.models(self.voice)
        return self._speech.plain(self.voice, self._json)

    async def _stream(self) -> None:
        play, framing = self.play, self.play.framing or Framing.CHUNKED
        await self._head(self._speech.content_type, framing, 1 << 40)
        script = self._speech.stream(self.voice, self._json)
        if play.events is not None:
            script = answers.EventScript((), play.events, (), ())
        broken = play.then not in (Then.END, Then.EXTRA, Then.NO_DONE)
        count = len(script.content) if play.after is None else max(play.after, 0)
        opening = () if play.after == -1 else script.opening
        for data in (*opening, *script.content[:count]):
            await self._event(data, framing)
        if broken and await self._fault(framing):
            return
        rest = script.content[count:] + script.finish + (() if play.then is Then.NO_DONE else script.done)
        for data in rest:
            await self._event(data, framing)
        await self._end_stream(framing)

    async def _end_stream(self, framing: Framing) -> None:
        if framing in (Framing.CHUNKED, Framing.BOTH):
            await self.connection.send(_LAST_CHUNK)
        await self._after_end(framing)

    async def _event(self, data: bytes, framing: Framing) -> None:
        await self.connection.send(_chunk(data) if framing in (Framing.CHUNKED, Framing.BOTH) else data)
        await asyncio.sleep(self.play.pace_s)

    async def _after_end(self, framing: Framing) -> None:
        if self.play.then is Then.EXTRA:
            await self.connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen")
        if framing is Framing.EOF or self.request.header("connection") == "close":
            self.connection.close()

    async def _fault(self, framing: Framing) -> bool:
        """Play the fault; false when the rest of the answer is to follow."""
        then = self.play.then
        if then in (Then.HANG, Then.CLOSE, Then.RESET):
            await self._abrupt()
        elif then in (Then.COMMENTS, Then.DRIP, Then.ENDLESS):
            await self._for_ever(framing)
        elif then is Then.MALFORMED_EVENT:
            await self._event(self._speech.malformed, framing)
            return False
        else:
            if then is Then.ERROR_EVENT:
                error = speech.error_body(self._speech, self.play.error, self.play.status)
                await self._event(self._speech.event(error), framing)
            await self._end_stream(framing)
        return True

    async def _abrupt(self) -> None:
        if self.play.then is Then.RESET:
            self.connection.reset()
        elif self.play.then is Then.CLOSE:
            self.connection.close()
        else:
            await asyncio.Event().wait()

    async def _for_ever(self, framing: Framing) -> None:
        """Send until the client goes away, which cancels this task."""
        piece = {Then.COMMENTS: self._speech.comment, Then.DRIP: b" ", Then.ENDLESS: _BLOCK}[self.play.then]
        if not self._streams and self.play.then is Then.COMMENTS:
            piece = b" \n"
        if self._streams and self.play.then is not Then.COMMENTS:
            await self._event(self._speech.begun, framing)
        while True:
            await self._event(piece, framing)


_NOT_FOR_PLAIN = (Then.NO_DONE, Then.NO_FINISH, Then.ERROR_EVENT, Then.MALFORMED_EVENT)
_LAST_CHUNK = b"0\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" if data else b""


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
