"""What the tests of the Responses dialect share: requests, recordings, and a reader of its events with checks."""

import json
from typing import Any

from app.dialects import responses
from app.domain.hub import ChatRequest
from dialects.translating import sse_events


def responses_request(**more: Any) -> ChatRequest:
    """A Responses client's request."""
    return responses.read_request(json.dumps({"model": "m", "input": "Hi", **more}).encode())


def checked_items(stream: bytes) -> list[dict[str, Any]]:
    """The items of a stream as they were when done; fails on gaps, on what stays open and on deltas to what is not."""
    events = sse_events(stream)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    opened: dict[int, dict[str, Any]] = {}
    said: dict[int, str] = {}
    done: dict[int, dict[str, Any]] = {}
    for event in events:
        kind, at = event["type"], event.get("output_index")
        if kind == "response.output_item.added":
            assert at == len(opened)
            opened[at], said[at] = event["item"], ""
        elif kind == "response.output_item.done":
            assert event["item"]["id"] == opened[at]["id"]
            assert at not in done
            done[at] = event["item"]
            assert words_of(event["item"]) == said[at]
        elif at is not None:
            assert event["item_id"] == opened[at]["id"]
            assert at not in done
            said[at] += event.get("delta", "")
    assert sorted(done) == sorted(opened) == list(range(len(opened)))
    items = [done[at] for at in sorted(done)]
    assert events[-1]["type"] in ("response.completed", "response.incomplete")
    assert events[-1]["response"]["output"] == items
    return items


def words_of(item: dict[str, Any]) -> str:
    """All words of an item: of a message, a thought, or a call's arguments."""
    parts = [*item.get("content", []), *item.get("summary", [])]
    words = "".join(part.get("text", part.get("refusal", "")) for part in parts)
    return words + item.get("arguments", "") + item.get("input", "")
