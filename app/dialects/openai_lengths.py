"""What OpenAI takes only up to a length: longer names of users and ids of calls are shortened, always the same way."""

import hashlib
import zlib

_LONGEST_USER = 64
_MARK = 9
"""The length of what tells two ids with the same beginning apart."""


def user_of(user: str) -> str:
    """Return the name of a user; for one above 64 characters (Claude Code's is) its SHA-256 in hex, which has 64."""
    if len(user) <= _LONGEST_USER:
        return user
    return hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()


def short_id(call_id: str, longest: int) -> str:
    """Return an id of at most `longest` characters, the same for the same id."""
    if len(call_id) <= longest:
        return call_id
    return f"{call_id[: longest - _MARK]}_{zlib.crc32(call_id.encode('utf-8', 'replace')):08x}"
