"""Make a key of what was pasted or read, or say why it is none."""

import json
import re

from app.domain.secret import Secret
from app.store.keyring_thread import KeyringProblem

_VISIBLE = re.compile(r"[\x20-\x7e]+")


def clean_key(text: str) -> Secret:
    """The key in `text`, without white space around it; one that is a JSON file is brought into one line.

    Raises:
        KeyringProblem: it is empty, or holds something no key holds.
    """
    key = _in_one_line(text.strip())
    if not key:
        raise KeyringProblem("The key is empty.", "Paste the whole key.")
    if not _VISIBLE.fullmatch(key):
        problem = "line breaks or other control characters" if key.isascii() else "characters that are not ASCII"
        raise KeyringProblem(f"The key holds {problem}.", "Copy it again, whole and not shortened by the page.")
    return Secret(key)


def _in_one_line(key: str) -> str:
    """A service account's key is a file of many lines."""
    if not key.startswith("{"):
        return key
    try:
        return json.dumps(json.loads(key), separators=(",", ":"))
    except ValueError:
        return key
