"""Take reasoning out of text that begins with `<think>`, as local models write it; tags may be cut anywhere."""

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkTags:
    """Splits the text of one answer into thoughts and words; only a tag at its very start counts."""

    __slots__ = ("_behind_tag", "_inside", "_kept", "_over")

    def __init__(self) -> None:
        """Start at the beginning of an answer."""
        self._kept = ""
        self._inside = False
        self._over = False
        self._behind_tag = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Take more text; return pieces, each with whether it is thought; what may be half a tag is kept."""
        if self._over:
            return self._piece(text, thought=False)
        self._kept += text
        if not self._inside and not self._enter():
            return self._leave() if not self._may_open() else []
        at = self._kept.find(_CLOSE)
        if at >= 0:
            thought, words = self._kept[:at], self._kept[at + len(_CLOSE) :]
            pieces = self._piece(thought, thought=True)
            self._over = self._behind_tag = True
            self._kept = ""
            return pieces + self._piece(words, thought=False)
        cut = len(self._kept) - _half(self._kept)
        thought, self._kept = self._kept[:cut], self._kept[cut:]
        return self._piece(thought, thought=True)

    def finish(self) -> list[tuple[bool, str]]:
        """Return what was kept, at the end of the answer."""
        kept, self._kept = self._kept, ""
        return self._piece(kept, thought=self._inside and not self._over)

    def _piece(self, text: str, *, thought: bool) -> list[tuple[bool, str]]:
        """Return the text, if there is any; line breaks just behind a tag belong to it, however late they come."""
        if self._behind_tag:
            text = text.lstrip("\n")
            self._behind_tag = not text
        return [(thought, text)] if text else []

    def _enter(self) -> bool:
        text = self._kept.lstrip()
        if not text.startswith(_OPEN):
            return False
        self._inside = self._behind_tag = True
        self._kept = text[len(_OPEN) :]
        return True

    def _may_open(self) -> bool:
        return _OPEN.startswith(self._kept.lstrip())

    def _leave(self) -> list[tuple[bool, str]]:
        self._over = True
        kept, self._kept = self._kept, ""
        return self._piece(kept, thought=False)


def _half(text: str) -> int:
    """How many characters at the end may be the start of the closing tag."""
    return next((n for n in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:n])), 0)
