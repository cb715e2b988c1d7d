"""The body of a request: what it must be declared as, and how much of it is taken."""

import re
from collections.abc import Mapping

from app.domain.faults import Fault, FaultError, FaultKind
from app.server.asgi import Receive

_CHARSET = re.compile(rb'charset="?utf-?8"?')

NOT_JSON = Fault(
    FaultKind.UNSUPPORTED_MEDIA_TYPE,
    "The body must be JSON in UTF-8, not compressed.",
    remedy="Send the header `content-type: application/json`.",
)


NO_FORM = Fault(
    FaultKind.UNSUPPORTED_MEDIA_TYPE,
    "The body must be a form with files, or JSON in UTF-8, not compressed.",
    remedy="Send the header `content-type: multipart/form-data` with the form's boundary.",
)


def is_form(seen: Mapping[bytes, bytes]) -> bool:
    """Whether the body is declared as a form with files, not compressed."""
    if seen.get(b"content-encoding", b"identity") != b"identity":
        return False
    return seen.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"multipart/form-data"


def is_json(seen: Mapping[bytes, bytes]) -> bool:
    """Whether the body is declared as plain JSON; what a web page may send unasked (forms, text) never is."""
    if seen.get(b"content-encoding", b"identity") != b"identity":
        return False
    declared = seen.get(b"content-type", b"")
    if declared == b"application/json":
        return True
    kind, *parameters = [part.strip() for part in declared.lower().split(b";")]
    return kind == b"application/json" and all(_CHARSET.fullmatch(part) for part in parameters if part)


def is_missing(seen: Mapping[bytes, bytes]) -> bool:
    """Whether there is no body at all, which then needs no type."""
    return b"transfer-encoding" not in seen and not int(seen.get(b"content-length", b"0"))


async def read(receive: Receive, limit_bytes: int) -> bytes | None:
    """Put the parts of a body together and count them; None when the client went away before its end.

    Raises:
        FaultError: BODY_TOO_LARGE.
    """
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        check_size(size_bytes, limit_bytes)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def check_size(size_bytes: int, limit_bytes: int) -> None:
    """Compare a declared or counted size with the limit.

    Raises:
        FaultError: BODY_TOO_LARGE.
    """
    if size_bytes > limit_bytes:
        message = f"The body of the request is larger than {limit_bytes / 1024 / 1024:g} MiB."
        raise FaultError(Fault(FaultKind.BODY_TOO_LARGE, message, "Shorten it, or raise server.max_body_mib."))
