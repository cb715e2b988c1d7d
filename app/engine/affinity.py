"""Keep a conversation with the provider that answered it last, for that provider has it in its prompt cache."""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from app.domain.chat import ApiRequest, Operation

STICKS_S = 3600.0
"""How long a conversation that goes quiet is remembered."""

_MOST = 10_000
_CACHED_BYTES = 4096
"""A prompt shorter than this (1,024 tokens) is cached by no provider, so it may go anywhere."""

_LOOKED_AT_BYTES = 2048
_KEPT_BYTES = 1024
_MOST_MESSAGES = 8
_MOST_TOKENS = 4000
_TALKS = (Operation.CHAT, Operation.RESPONSES)
_LISTS = ("messages", "input", "contents")
_SYSTEMS = ("system", "instructions", "systemInstruction")
_TOKEN = re.compile(rb'([{}\[\]])|"(?:[^"\\]{0,200}+")?')
_OPENING = b"{["
_QUOTE = 0x22
_MARKED = b'"cache_control"'
_BACKSLASH = 0x5C
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
    """Find out from the client's own key, else from the first messages; None when neither can be found.

    The body is not parsed: only the beginning and the end of its first messages are looked at, up to the user's first.
    """
    told = hashlib.blake2b(f"{client}\0{request.model}\0".encode("utf-8", "replace"), digest_size=16)
    if request.affinity:
        told.update(b"k" + request.affinity.encode("utf-8", "replace"))
        return Conversation(told.digest(), established=True)
    members = request.members
    name = next((name for name in _LISTS if name in members), "")
    if request.operation not in _TALKS or not name:
        return None
    start, end = members[name][-1]
    if request.body[start : start + 1] != b"[":
        return None
    places = [span for key in _SYSTEMS for span in members.get(key, ())[-1:]]
    found, more = _opening(request.body, start + 1, end - 1)
    if not found:
        return None
    places += found
    for begin, stop in places:
        told.update(_essence(request.body, begin, stop))
    long = sum(stop - begin for begin, stop in places) >= _CACHED_BYTES
    return Conversation(told.digest(), established=more or long)


def _essence(body: bytes, begin: int, stop: int) -> bytes:
    """What tells one message from another: its beginning and its end, without marks that move from turn to turn."""
    if stop - begin <= 2 * _LOOKED_AT_BYTES:
        pieces = [body[begin:stop]]
    else:
        pieces = [body[begin : begin + _LOOKED_AT_BYTES], body[stop - _LOOKED_AT_BYTES : stop]]
    if body.find(_MARKED, begin, stop) != -1:
        pieces = [_MARK.sub(b"", piece) for piece in pieces]
    whole = b"m".join(pieces)
    return b"m" + whole[:_KEPT_BYTES] + whole[-_KEPT_BYTES:]


def _opening(body: bytes, at: int, end: int) -> tuple[list[tuple[int, int]], bool]:
    """The messages up to the first of the user in the list that stands there, and whether others follow."""
    found: list[tuple[int, int]] = []
    for begin, stop in _elements(body, at, end):
        found.append((begin, stop))
        role = _USER.search(body, begin, min(stop, begin + _KEPT_BYTES)) or _USER.search(
            body, max(begin, stop - _KEPT_BYTES), stop
        )
        if role or len(found) == _MOST_MESSAGES:
            return found, body.find(b"{", stop, end) != -1
    return found, False


def _elements(body: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each object of the list begins and ends."""
    depth, begin = 0, at
    for spot in _brackets(body, at, end):
        if body[spot] in _OPENING:
            begin = begin if depth else spot
            depth += 1
        else:
            depth -= 1
            if not depth:
                yield begin, spot + 1


def _brackets(body: bytes, at: int, end: int) -> Iterator[int]:
    """Where brackets stand that are not in strings; long strings are skipped without looking at every byte."""
    for _ in range(_MOST_TOKENS):
        match = _TOKEN.search(body, at, end)
        if match is None:
            return
        at = match.end()
        if match.lastindex:
            yield at - 1
        elif body[at - 1] != _QUOTE or at - match.start() == 1:
            at = _string_end(body, at, end)


def _string_end(body: bytes, at: int, end: int) -> int:
    """Where the string ends that began before `at`; `end` when it has too many escaped quotes to be worth it."""
    for _ in range(_MOST_TOKENS):
        quote = body.find(b'"', at, end)
        if quote == -1:
            return end
        at = quote + 1
        back = quote - 1
        while body[back] == _BACKSLASH:
            back -= 1
        if (quote - back) % 2:
            return at
    return end


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
