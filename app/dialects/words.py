"""Join texts that were apart to one: a blank line between them, except between the pieces of an answer."""

from collections.abc import Iterable

from app.domain.hub import Role

_GAP = "\n\n"


def join(texts: Iterable[str], role: Role = Role.USER) -> str:
    """Return the texts as one; those of the model are pieces of one already, cut for its sources or thoughts."""
    return ("" if role is Role.ASSISTANT else _GAP).join(text for text in texts if text)
