"""Keep the items of translated Responses answers, for clients that refer to them by id instead of sending them again.

The AI SDK does so unless it is told `store: false`. In memory only, bounded, for each client by itself; what a provider
keeps is none of this module's business.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from app.dialects import json_edit, openai, responses
from app.dialects.translation import Translation
from app.domain.chat import Operation
from app.engine.attempt import Attempt, Call

MOST_ITEMS = 20_000
MOST_BYTES = 16 * 1024 * 1024

_LONGEST_BYTES = MOST_BYTES // 8
_REFERENCE = b'"item_reference"'
_DONE = (b'"response.completed"', b'"response.incomplete"')


class _Item(msgspec.Struct, gc=False):
    type: str = "message"
    id: str = ""


class _Answer(msgspec.Struct, frozen=True, gc=False):
    output: tuple[msgspec.Raw, ...] = ()


class _Event(msgspec.Struct, gc=False):
    response: _Answer = _Answer()


_ITEM = msgspec.json.Decoder(_Item)
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ANSWER = msgspec.json.Decoder(_Answer)
_EVENT = msgspec.json.Decoder(_Event)


class Items:
    """The items of all clients; the one that was kept longest ago goes first."""

    def __init__(self, *, most_items: int = MOST_ITEMS, most_bytes: int = MOST_BYTES) -> None:
        """Keep nothing yet."""
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._size_bytes = 0
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def __len__(self) -> int:
        """How many items are kept."""
        return len(self._kept)

    @staticmethod
    def wants(call: Call, attempt: Attempt) -> bool:
        """Whether the answer's items are to be kept: it is translated, and the client did not say `store: false`."""
        if call.dialect is not responses or not isinstance(attempt.dialect, Translation):
            return False
        return openai.asked(call.request, "store") is not False

    def keep_reply(self, client: str, body: bytes) -> None:
        """Keep the items of a plain answer."""
        try:
            self._keep(client, _ANSWER.decode(body).output)
        except json_edit.BAD_JSON:
            return

    def keep_events(self, client: str, events: bytes) -> None:
        """Keep the items of a stream, whose last event holds all of them; other events are passed over."""
        for line in events.split(b"\n") if any(mark in events for mark in _DONE) else ():
            if line.startswith(b"data:") and any(mark in line[:100] for mark in _DONE):
                try:
                    self._keep(client, _EVENT.decode(line[5:]).response.output)
                except json_edit.BAD_JSON:
                    continue

    def _keep(self, client: str, items: Iterable[msgspec.Raw]) -> None:
        for item in map(bytes, items):
            key = (client, _ITEM.decode(item).id)
            if not key[1] or len(item) > _LONGEST_BYTES:
                continue
            self._size_bytes += len(item) - len(self._kept.pop(key, b""))
            self._kept[key] = item
        while self._size_bytes > self._most_bytes or len(self._kept) > self._most_items:
            self._size_bytes -= len(self._kept.popitem(last=False)[1])

    def resolve(self, call: Call) -> Call:
        """Put the items in the place of references to them; a reference that is not known stays for the provider."""
        request = call.request
        if request.operation is not Operation.RESPONSES or _REFERENCE not in request.body:
            return call
        spans = request.members.get("input")
        if not spans or not self._kept:
            return call
        start, end = spans[-1]
        try:
            items = [bytes(item) for item in _ITEMS.decode(request.body[start:end])]
            found = list(self._found(call.client, items))
        except json_edit.BAD_JSON:
            return call
        if found == items:
            return call
        body = json_edit.splice(request.body, [(start, end, b"[" + b",".join(found) + b"]")])
        again = replace(responses.parse_request(body), affinity=request.affinity, headers=request.headers)
        return replace(call, request=again)

    def _found(self, client: str, items: list[bytes]) -> Iterator[bytes]:
        for item in items:
            told = _ITEM.decode(item) if _REFERENCE in item else _Item()
            yield self._kept.get((client, told.id), item) if told.type == "item_reference" else item
