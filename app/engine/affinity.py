"""Keep a conversation with the provider that answered it last, for that provider has it in its prompt cache."""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice

from app.domain.chat import ApiRequest, Operation

STICKS_S = 3600.0
"""How long a conversation that goes quiet is remembered."""

_MOST = 10_000
_CACHED_BYTES = 4096
"""A prompt shorter than this (1,024 tokens) is cached by no provider, so it may go anywhere."""

_LONGEST_BYTES = 64 * 1024
_MOST_MESSAGES = 8
_MOST_TOKENS = 4000
_LISTS = ("messages", "input", "contents")
_SYSTEMS = ("system", "instructions", "systemInstruction")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_USER = re.compile(rb'"role"\s*:\s*"user"')
_MARK = re.compile(rb',?\s*"cache_control"\s*:\s*(?:\{[^}]*\}|null)')


class Conversation:
    """Which conversation a request belongs to; `established` when leaving its provider would cost a prompt cache."""

    __slots__ = ("established", "key")

    def __init__(self, key: bytes, *, established: bool) -> None:
        """`key` is the same for every turn."""
        self.key = key
        self.established = established


def conversation_of(request: ApiRequest, client: str) -> Conversation | None:
    """Find out from the client's own key, else from the first messages; None when neither is there.

    The body is not parsed: only its first messages up to the first of the user are looked at, at most 64 kB.
    """
    told = hashlib.blake2b(f"{client}\0{request.model}\0".encode("utf-8", "replace"), digest_size=16)
    if request.affinity:
        told.update(b"k" + request.affinity.encode("utf-8", "replace"))
        return Conversation(told.digest(), established=True)
    members = request.members
    name = next((name for name in _LISTS if name in members), "")
    if request.operation is not Operation.CHAT or not name:
        return None
    start, end = members[name][-1]
    if request.body[start : start + 1] != b"[":
        return None
    parts = [request.body[s : min(e, s + _LONGEST_BYTES)] for key in _SYSTEMS for s, e in members.get(key, ())[-1:]]
    stop, more = _first_turn(request.body, start, end)
    parts.append(request.body[start:stop])
    opening = b"".join(parts)
    told.update(b"m" + (_MARK.sub(b"", opening) if b'"cache_control"' in opening else opening))
    return Conversation(told.digest(), established=more or len(opening) >= _CACHED_BYTES)


def _first_turn(body: bytes, start: int, end: int) -> tuple[int, bool]:
    """Where the first message of the user ends in the list that stands there, and whether others follow."""
    last = end - 1
    for number, (begin, stop) in enumerate(_elements(body, start + 1, min(last, start + _LONGEST_BYTES))):
        more = body[stop:last].lstrip()[:1] == b"," if last - stop < _CACHED_BYTES else True
        if number + 1 == _MOST_MESSAGES or _USER.search(body, begin, stop):
            return stop, more
    return min(end, start + _LONGEST_BYTES), False


def _elements(body: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each object of the list begins and ends."""
    depth, begin = 0, at
    for match in islice(_TOKEN.finditer(body, at, end), _MOST_TOKENS):
        mark = body[match.start()]
        if mark in b"{[":
            if not depth:
                begin = match.start()
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if not depth:
                yield begin, match.end()


class Sessions:
    """Who answered each conversation last; bounded, the least recently used is forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._most = most
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many conversations are remembered."""
        return len(self._known)

    def provider_of(self, conversation: Conversation) -> str:
        """The id of the provider it should stay with; empty when it may go anywhere."""
        known = self._known.get(conversation.key)
        if known is None or not conversation.established:
            return ""
        provider_id, until_s = known
        if until_s <= self._clock():
            del self._known[conversation.key]
            return ""
        return provider_id

    def stick(self, conversation: Conversation, provider_id: str) -> None:
        """Remember who answered."""
        self._known[conversation.key] = (provider_id, self._clock() + STICKS_S)
        self._known.move_to_end(conversation.key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
