"""Model lists in Anthropic's shape, page by page: `GET /v1/models`."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from app.dialects import fields
from app.domain.models import ModelInfo

MOST = 1000
"""The longest page, and what one has when the client names no `limit` (Anthropic's own has 20 then)."""

_MOST_DIGITS = 9


def render_models(entries: Iterable[tuple[str, ModelInfo]], asked: Mapping[str, str]) -> bytes:
    """Make a page of (owner, model), each name once; `asked` has `limit`, `after_id` and `before_id` of the client.

    Raises:
        FaultError: INVALID_REQUEST, for a limit that is none and an id that is not in the list.
    """
    models: dict[str, ModelInfo] = {}
    for _, info in entries:
        models.setdefault(info.id, info)
    names = list(models)
    limit = _limit(asked.get("limit", ""))
    if "before_id" in asked:
        end = _place(names, asked, "before_id")
        page, more = names[max(0, end - limit) : end], end > limit
    else:
        start = _place(names, asked, "after_id") + 1 if "after_id" in asked else 0
        page, more = names[start : start + limit], len(names) > start + limit
    return msgspec.json.encode(
        {
            "data": [_entry(models[name]) for name in page],
            "has_more": more,
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


def render_model(info: ModelInfo) -> bytes:
    """Make the object of one model."""
    return msgspec.json.encode(_entry(info))


def _entry(info: ModelInfo) -> dict[str, object]:
    """A date that is not known is the epoch, as Anthropic has it."""
    created = datetime.fromtimestamp(_second(info.created), UTC)
    return {
        "type": "model",
        "id": info.id,
        "display_name": info.id,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "max_input_tokens": info.context_length,
        "max_tokens": info.max_output_tokens,
    }


def _second(created: int | None) -> int:
    return created if created is not None and 0 <= created < _END_OF_DATES else 0


_END_OF_DATES = 253_402_300_800  # the year 10000


def _limit(text: str) -> int:
    if not text:
        return MOST
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS or not int(text):
        fields.refuse("`limit` is not a number above 0.", f"Ask for 1 to {MOST} models.", "limit")
    return min(int(text), MOST)


def _place(names: list[str], asked: Mapping[str, str], param: str) -> int:
    try:
        return names.index(asked[param])
    except ValueError:
        fields.refuse(f"`{param}` names no model of the list.", "Take it from a page's first_id or last_id.", param)
