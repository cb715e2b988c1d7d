"""Keep the thoughts that models must get back with their calls, for clients whose dialect cannot carry them.

In memory only: a bounded number of answers for a bounded time, and nothing for requests that pass through untranslated.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from app.dialects import anthropic, gemini, openai_chat, responses
from app.dialects.ollama_request import MADE_ID
from app.domain.hub import ChatRequest, Message, Part, Role, ToolCall
from app.domain.hub_reply import Choice, StreamEvent
from app.engine.provider import Provider
from app.engine.thread import Thread
from app.engine.turns import Hearing, Turn, carries, restored, stripped

MOST_TURNS = 4096
MOST_BYTES = 16 * 1024 * 1024
TTL_S = 12 * 3600.0
"""How long an answer is kept after it was last asked for."""

_SIGNING = frozenset({anthropic.NAME, gemini.NAME, responses.NAME})
"""Dialects whose thoughts count only with a signature or a seal; the others take back words."""

_WITH_IDS = frozenset({openai_chat.NAME, anthropic.NAME, responses.NAME})
"""Dialects whose clients send the ids of calls back."""

_COUNTED_BYTES = 400
"""What an answer takes beside its text."""

Key = tuple[str, str]
"""The client, and the id of a call or the digest of an answer and of what was said before it."""


@dataclass(slots=True)
class _Kept:
    turn: Turn
    keys: tuple[Key, ...]
    size_bytes: int
    until_s: float


class Continuity:
    """The store: the answers of all clients and providers, the one that was asked for longest ago goes first."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        most_turns: int = MOST_TURNS,
        most_bytes: int = MOST_BYTES,
        ttl_s: float = TTL_S,
    ) -> None:
        """`clock` gives seconds; an answer that alone exceeds an eighth of `most_bytes` is not kept."""
        self._clock = clock
        self._most_turns = most_turns
        self._most_bytes = most_bytes
        self._ttl_s = ttl_s
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._by_key: dict[Key, int] = {}
        self._next = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def at(self, provider: Provider, model: str, client: str, dialect: str) -> "Recollection | None":
        """What is remembered for one request of `client`, in this `dialect`; None where no thoughts are taken back."""
        if dialect == openai_chat.NAME and not provider.spec.cousin.thoughts:
            return None
        return Recollection(self, _realm(provider, model, dialect), client, dialect)

    def put(self, keys: tuple[Key, ...], turn: Turn) -> None:
        """Keep an answer under all of its keys; what they meant before is forgotten."""
        size_bytes = _COUNTED_BYTES + turn.size
        if not keys or size_bytes > self._most_bytes // 8:
            return
        self._expire()
        for key in keys:
            if (at := self._by_key.get(key)) is not None:
                self._forget(at)
        at, self._next = self._next, self._next + 1
        self._kept[at] = _Kept(turn, keys, size_bytes, self._clock() + self._ttl_s)
        self._by_key |= dict.fromkeys(keys, at)
        self.size_bytes += size_bytes
        while len(self._kept) > self._most_turns or self.size_bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def get(self, key: Key) -> Turn | None:
        """The answer of this key; asking for it keeps it longer."""
        at = self._by_key.get(key)
        if at is None:
            return None
        kept, now_s = self._kept[at], self._clock()
        if kept.until_s <= now_s:
            self._forget(at)
            return None
        kept.until_s = now_s + self._ttl_s
        self._kept.move_to_end(at)
        return kept.turn

    def _expire(self) -> None:
        """Forget what is over; the order is that of the times."""
        now_s = self._clock()
        while self._kept and next(iter(self._kept.values())).until_s <= now_s:
            self._forget(next(iter(self._kept)))

    def _forget(self, at: int) -> None:
        kept = self._kept.pop(at)
        self.size_bytes -= kept.size_bytes
        for key in kept.keys:
            if self._by_key.get(key) == at:
                del self._by_key[key]


def _realm(provider: Provider, model: str, dialect: str) -> str:
    """Who takes a signature for its own: a host, at OpenAI one account of it, at Gemini one model."""
    host = urlsplit(provider.base_url).netloc
    if dialect == gemini.NAME:
        return f"{host} {model}"
    return host if dialect == anthropic.NAME else f"{host} {provider.guard.key}"


class Recollection:
    """What is remembered for one request; fulfils `app.dialects.translation.Memory`."""

    __slots__ = ("_client", "_dialect", "_realm", "_store", "_wordy")

    def __init__(self, store: Continuity, realm: str, client: str, dialect: str) -> None:
        """For a request of `client` to a provider of this `realm`, which speaks `dialect`."""
        self._store = store
        self._realm = realm
        self._client = client
        self._dialect = dialect
        self._wordy = dialect not in _SIGNING

    def recall(self, request: ChatRequest) -> ChatRequest:
        """Give the answers of the past their thoughts back; those of another provider go."""
        if not len(self._store):
            return request
        thread = Thread(request.messages)
        messages = tuple([self._whole(message, at, thread) for at, message in enumerate(request.messages)])
        return replace(request, messages=messages)

    def keep(self, request: ChatRequest, choice: Choice) -> None:
        """Remember a whole answer."""
        self._put(request, choice.parts)

    def listen(self, request: ChatRequest) -> Callable[[Iterable[StreamEvent]], None]:
        """Remember a streamed answer when it is over: half a signature is worse than none."""
        hearing = Hearing()

        def hear(events: Iterable[StreamEvent]) -> None:
            for event in events:
                if hearing.hear(event):
                    self._put(request, hearing.parts())

        return hear

    def _put(self, request: ChatRequest, parts: tuple[Part, ...]) -> None:
        turn = Turn.of(parts, self._realm, wordy=self._wordy)
        if turn is not None:
            answer = Message(Role.ASSISTANT, parts)
            thread = Thread((*request.messages, answer))
            self._store.put(self._keys(answer, len(request.messages), thread, request.origin), turn)

    def _keys(self, message: Message, at: int, thread: Thread, origin: str) -> tuple[Key, ...]:
        """All the keys of an answer; the digest only where the ids of its calls may not come back or tell nothing."""
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        names = [call.id if _tells(call) else f"{call.id} {thread.before(at)}" for call in calls if call.id]
        if not names or origin not in _WITH_IDS or not all(map(_tells, calls)):
            names.append(thread.until(at))
        return tuple((self._client, name) for name in names)

    def _find(self, message: Message, at: int, thread: Thread) -> Turn | None:
        """The answer that a message is: by the ids of its calls, by the conversation where they tell nothing."""
        told = False
        for part in message.parts:
            if isinstance(part, ToolCall) and part.id:
                tells = _tells(part)
                told |= tells
                name = part.id if tells else f"{part.id} {thread.before(at)}"
                if (turn := self._store.get((self._client, name))) is not None:
                    return turn
        return None if told else self._store.get((self._client, thread.until(at)))

    def _whole(self, message: Message, at: int, thread: Thread) -> Message:
        if message.role is not Role.ASSISTANT or not message.parts:
            return message
        turn = self._find(message, at, thread)
        if turn is None:
            return message
        if turn.realm != self._realm:
            return stripped(message, self._dialect)
        return message if carries(message, turn) else restored(message, turn)


_LEAST_ID = 12
_NUMBERED = (MADE_ID, "functions.")


def _tells(call: ToolCall) -> bool:
    """Whether the id of a call is its own all over the world; some servers number the calls of each answer."""
    if len(call.id) < _LEAST_ID or call.id.startswith(_NUMBERED):
        return False
    return (
        call.name not in call.id
        or re.search(rf"(?<![a-zA-Z0-9]){re.escape(call.name)}(?![a-zA-Z0-9])", call.id) is None
    )
