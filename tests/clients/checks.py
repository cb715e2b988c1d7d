"""What several providers check alike: names, base64, schemas."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ORDINARY = str.maketrans("-_", "+/")
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def words(*lines: str) -> frozenset[str]:
    """The words of these lines."""
    return frozenset(word for line in lines for word in line.split())


def unknown(given: dict[str, Any], known: Iterable[str], at: str) -> Iterator[str]:
    """Fields that nobody knows."""
    for name in set(given) - set(known):
        yield f"{at}{name}: unknown field"


def picture(data: Any, media_type: Any, at: str, *, forgiving: bool = False) -> Iterator[str]:
    """A picture in base64, in one of its two alphabets when the provider is `forgiving`."""
    if media_type not in PICTURES:
        yield f"{at}: media type {media_type!r}"
    try:
        base64.b64decode(data.translate(_ORDINARY) if forgiving else data, validate=True)
    except (binascii.Error, AttributeError, TypeError, ValueError):
        yield f"{at}: no base64"


def schema(value: Any, at: str) -> Iterator[str]:
    """Parameters of a function: an object's schema."""
    if not isinstance(value, dict) or value.get("type") != "object":
        yield f"{at}: no schema of an object"


def forced(choice: Any, tools: list[str], word: str) -> str:
    """The tool that must be called: the one that the choice names, or the first when it is `word`."""
    if isinstance(choice, str):
        return tools[0] if choice == word else ""
    choice = choice or {}
    if choice.get("type") == word:
        return tools[0]
    name: str = choice.get("name") or (choice.get("function") or {}).get("name") or ""
    return name


def texts(content: Any, kinds: Iterable[str] = ("text",)) -> str:
    """The words of a content that is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or () if part.get("type", "text") in kinds)
