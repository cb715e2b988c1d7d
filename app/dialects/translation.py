"""Two dialects joined by the hub: the request goes up in the provider's, the answer comes down in the client's."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from app.dialects import fields, pictures, tool_names
from app.dialects.dialect import Dialect
from app.dialects.translator import EventReader, EventWriter, Translator, Written
from app.domain.chat import ApiRequest, Reply
from app.domain.faults import Fault, ProviderError
from app.domain.hub import ChatRequest
from app.domain.hub_reply import CONTENT, ChatReply, Choice, Counted, Ended, Failed, Finished, Started, StreamEvent
from app.domain.usage import NO_USAGE, Usage

Clock = Callable[[], float]


def _unknown() -> float:
    """No clock was given."""
    return 0.0


class Memory(Protocol):
    """Keeps what models must get back and clients cannot carry: signatures and thoughts of past answers."""

    def recall(self, request: ChatRequest) -> ChatRequest:
        """Give the past answers of a conversation back what is kept of them."""
        ...

    def keep(self, request: ChatRequest, choice: Choice) -> None:
        """Keep what a whole answer has of it."""
        ...

    def listen(self, request: ChatRequest) -> Callable[[Iterable[StreamEvent]], None]:
        """Return what is to be told of every event of a streamed answer, to keep it in the end."""
        ...


class Side(Dialect, Translator, Protocol):
    """A dialect that can be translated."""


class Asker(Dialect, Protocol):
    """The client's side of a dialect: what is needed to answer somebody who speaks it."""

    def read_request(self, body: bytes) -> ChatRequest:
        """Read a request whole; see `Translator`."""
        ...

    def write_reply(self, reply: ChatReply, request: ChatRequest) -> bytes:
        """Write a plain answer; see `Translator`."""
        ...

    def event_writer(self, request: ChatRequest) -> EventWriter:
        """Begin to write a stream; see `Translator`."""
        ...


class Answerer(Protocol):
    """The provider's side of a dialect: what is needed to ask somebody who speaks it."""

    NAME: str

    def write_request(self, request: ChatRequest, model: str) -> Written:
        """Write a request; see `Translator`."""
        ...

    def read_reply(self, body: bytes) -> ChatReply:
        """Read a plain answer; see `Translator`."""
        ...

    def event_reader(self) -> EventReader:
        """Begin to read a stream; see `Translator`."""
        ...

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read an error body; see `Dialect`."""
        ...


def _made_id(now_s: float) -> str:
    """Return an id for an answer whose provider gives none (Ollama), by when it was made."""
    return f"gen{int(now_s * 1_000_000):x}" if now_s else ""


class Translation:
    """One request on its way between two dialects; fulfils `Dialect`, so that an attempt need not know of it."""

    def __init__(self, client: Asker, provider: Answerer, clock: Clock = _unknown) -> None:
        """Translate what `client` writes into what `provider` reads, and back.

        `clock` (seconds since 1970) says when an answer was made, where the provider does not.
        """
        self._clock = clock
        self._client = client
        self._provider = provider
        self._read: ChatRequest | None = None
        self.memory: Memory | None = None
        """Where thoughts are kept for clients that lose them; nowhere without one."""
        self._names: tool_names.Names = {}
        self.usage = NO_USAGE
        """What the answer cost, even when it turns out to be one that cannot be given to the client."""
        self.KEEPALIVE = client.KEEPALIVE

    @property
    def spoken(self) -> str:
        """The dialect that the provider is asked in."""
        return self._provider.NAME

    def _chat(self, request: ApiRequest) -> ChatRequest:
        """The client's request in the hub language, read once."""
        if self._read is None:
            read = self._client.read_request(request.body)
            if read.model != request.model or read.stream is not request.stream:  # the path says them, not the body
                read = replace(read, model=request.model, stream=request.stream)
            self._read = read
        return self._read

    def write(self, request: ApiRequest, model: str) -> Written:
        """Write the request for the provider.

        Raises:
            FaultError: INVALID_REQUEST, naming what cannot be expressed.
        """
        try:
            return self._write(request, model)
        except RecursionError:
            fields.refuse("The request is nested too deeply to be translated.", "Nest it less deeply.")

    def _write(self, request: ApiRequest, model: str) -> Written:
        chat = self._chat(request)
        if self.memory is not None:
            chat = self.memory.recall(chat)
        if names := tool_names.shortened(chat, self._provider.NAME):
            chat = tool_names.spell(chat, names)
            self._names = {short: name for name, short in names.items()}
        return self._provider.write_request(chat, model)

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Read the provider's answer and write it in the client's dialect.

        Raises:
            InBandError: it is an error. FaultError: BAD_REPLY.
        """
        reply = self._provider.read_reply(body)
        self.usage = reply.usage
        if not (reply.created and reply.id):
            now_s = self._clock()
            reply = replace(reply, created=reply.created or int(now_s), id=reply.id or _made_id(now_s))
        chat = self._chat(request)
        if not pictures.shows(chat.origin):
            reply = replace(reply, choices=tuple(pictures.told(choice) for choice in reply.choices))
        if self._names:
            reply = tool_names.restore(reply, self._names)
        if self.memory is not None and reply.choices:
            self.memory.keep(chat, reply.choices[0])
        return Reply(self._client.write_reply(reply, chat), reply.usage)

    def open_stream(self, request: ApiRequest) -> "TranslatedStream":
        """Start to translate an event stream."""
        chat = self._chat(request)
        reader, writer = self._provider.event_reader(), self._client.event_writer(chat)
        now_s = self._clock()
        stream = TranslatedStream(reader, writer, chat.sampling.n or 1, int(now_s))
        stream.id = _made_id(now_s)
        stream.names = self._names
        stream.telling = None if pictures.shows(chat.origin) else pictures.Telling()
        if self.memory is not None:
            stream.hear = self.memory.listen(chat)
        return stream

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read the provider's error body."""
        return self._provider.parse_fault(body)

    def render_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the client's error envelope."""
        return self._client.render_fault(fault, request_id)

    def render_stream_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the client's error event."""
        return self._client.render_stream_fault(fault, request_id)


class TranslatedStream:
    """The `StreamReader` of a translated stream: bytes to events to bytes."""

    def __init__(self, reader: EventReader, writer: EventWriter, choices: int = 1, created: int = 0) -> None:
        """Join `reader` and `writer`; all `choices` must finish; `created` holds where the provider does not say."""
        self._created = created
        self._reader = reader
        self._writer = writer
        self._unfinished = choices
        self.id = ""
        """The id of an answer that has none."""
        self.hear: Callable[[Iterable[StreamEvent]], None] | None = None
        """Is told of every event that is passed on."""
        self.names: tool_names.Names = {}
        """The client's names of tools that were sent under others."""
        self.telling: pictures.Telling | None = None
        """Tells of pictures where the client's dialect has no word for them."""
        self.committed = self.complete = self.ended = False
        self.error: ProviderError | None = None
        self.usage: Usage = NO_USAGE

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes from the provider and return what the client gets for them."""
        return b"" if self.ended else self._pass_on(list(self._reader.feed(data)))

    def finish(self) -> bytes:
        """Take the end of the stream; a complete one gets the client's end mark."""
        if self.ended:
            return b""
        out = self._pass_on(list(self._reader.finish()))
        if self.telling is not None:
            self.telling.end()
        if self.ended or not self.complete:
            return out
        self.ended = True
        return out + self._writer.write((Ended(),))

    def _pass_on(self, events: list[StreamEvent]) -> bytes:
        self._count(events)
        if self.telling is not None:
            events = self.telling.tell(events)
        for at, event in enumerate(events):
            self._note(event)
            if isinstance(event, Started) and not (event.created and event.id):
                events[at] = replace(event, created=event.created or self._created, id=event.id or self.id)
            if self.ended:
                events = events[: at + isinstance(event, Ended)]
                break
        if self.names:
            events = tool_names.restore_events(events, self.names)
        if self.hear is not None:
            self.hear(events)
        return self._writer.write(events)

    def _count(self, events: list[StreamEvent]) -> None:
        """Keep what was reported of the cost, whatever becomes of the answer."""
        for event in events:
            if isinstance(event, Counted):
                self.usage = self.usage.most(event.usage)

    def _note(self, event: StreamEvent) -> None:
        """Keep what the relay asks for."""
        if isinstance(event, CONTENT):
            self.committed = True
        if isinstance(event, Finished):
            self._unfinished -= 1
            self.complete = self._unfinished <= 0
        elif isinstance(event, Ended):
            self.complete = self.ended = True
        elif isinstance(event, Failed):
            self.error, self.complete, self.ended = event.error, False, True
