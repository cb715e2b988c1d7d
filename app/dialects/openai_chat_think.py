"""Take reasoning out of text that begins with `<think>`, as local models write it; tags may be cut anywhere."""

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkTags:
    """Splits the text of one answer into thoughts and words; only a tag at its very start counts."""

    __slots__ = ("_inside", "_kept", "_over")

    def __init__(self) -> None:
        """Start at the beginning of an answer."""
        self._kept = ""
        self._inside = False
        self._over = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Take more text; return pieces, each with whether it is thought; what may be half a tag is kept."""
        if self._over:
            return [(False, text)] if text else []
        self._kept += text
        if not self._inside and not self._enter():
            return self._leave() if not self._may_open() else []
        at = self._kept.find(_CLOSE)
        if at >= 0:
            thought, words = self._kept[:at], self._kept[at + len(_CLOSE) :].lstrip("\n")
            self._over, self._kept = True, ""
            return [piece for piece in ((True, thought), (False, words)) if piece[1]]
        cut = len(self._kept) - _half(self._kept)
        thought, self._kept = self._kept[:cut], self._kept[cut:]
        return [(True, thought)] if thought else []

    def finish(self) -> list[tuple[bool, str]]:
        """Return what was kept, at the end of the answer."""
        kept, self._kept = self._kept, ""
        return [(self._inside and not self._over, kept)] if kept else []

    def _enter(self) -> bool:
        text = self._kept.lstrip()
        if not text.startswith(_OPEN):
            return False
        self._inside, self._kept = True, text[len(_OPEN) :].lstrip("\n")
        return True

    def _may_open(self) -> bool:
        return _OPEN.startswith(self._kept.lstrip())

    def _leave(self) -> list[tuple[bool, str]]:
        self._over = True
        kept, self._kept = self._kept, ""
        return [(False, kept)]


def _half(text: str) -> int:
    """How many characters at the end may be the start of the closing tag."""
    return next((n for n in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:n])), 0)
