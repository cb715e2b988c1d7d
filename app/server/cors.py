"""What browsers are told about answers to pages that may read them; never a star, never credentials."""

import re

from app.domain.chat import Answer
from app.server.asgi import Headers

_FIELD_NAMES = re.compile(rb"[A-Za-z0-9, _-]{1,2000}")
_EXPOSED = b"x-request-id, x-should-retry, retry-after, x-switchtower-provider, x-switchtower-model"
_ALWAYS_ALLOWED = b"authorization, content-type"


def cors_headers(origin: bytes) -> Headers:
    """What a browser needs to hand an answer to a page of `origin`."""
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"origin"),
    )


def preflight_answer(origin: bytes, asked: bytes) -> Answer:
    """Allow a page of `origin` to send its request, which still needs the token, with the headers it `asked` for."""
    allowed = asked if _FIELD_NAMES.fullmatch(asked) else _ALWAYS_ALLOWED
    headers = (
        *cors_headers(origin),
        (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"600"),
    )
    return Answer(204, headers)
