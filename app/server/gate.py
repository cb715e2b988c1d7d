"""The whole defence of the server: who is let in, with what, how much of it and how fast.

In order, and before any byte of a body is read: the peer is on this machine; there is one Host and it is ours; the
request does not come from a foreign web page; it carries a local token; and only then is it told whether the path
exists. A body must be JSON, no larger than the settings allow and here in time. The deadline for the request line and
headers and the cap on connections are in `connection.py`, below ASGI.
"""

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.hops import HEADER_BYTES
from app.engine.shared_deadline import SharedDeadline
from app.server.asgi import SHUTTING_DOWN, Headers, Receive, Scope, Send, fault_answer, send_plain
from app.server.body import NO_FORM, NOT_JSON, check_size, is_form, is_json, is_missing, read
from app.server.cors import cors_headers, preflight_answer
from app.server.rules import EDITOR_ORIGIN, CompiledRules, GateRules

if TYPE_CHECKING:
    from app.dialects.dialect import Dialect

__all__ = ["BODY_S", "KEYLESS_CLIENT", "Gate", "GateRules", "Inside", "Visit"]

BODY_S = 30.0
KEYLESS_CLIENT = "keyless"
"""What the ledger calls those who came in without a token."""

_FREE_FAILURES = 20
_FAILURE_DELAY_S = 0.05
_FORGET_FAILURES_S = 60.0
_TOKEN_HEADERS = (b"x-api-key", b"api-key", b"x-goog-api-key")
_BROWSERS_SEND = frozenset((b"origin", b"sec-fetch-site"))
_UNDECLARED = "/api/"
_OF_THE_BODY = (b"content-type", b"content-encoding", b"content-length", b"transfer-encoding")
_PASSED_ON = {
    HEADER_BYTES: "hops",
    b"x-switchtower-session": "session",
    b"anthropic-version": "anthropic_version",
    b"anthropic-beta": "anthropic_beta",
    b"x-goog-api-client": "google_client",
    b"x-stainless-retry-count": "repeats",  # what OpenAI's and Anthropic's SDKs count
}
"""Request headers with what they are called in a `Visit`."""

_WANTED = frozenset(
    (
        *_TOKEN_HEADERS,
        b"authorization",
        b"host",
        *_BROWSERS_SEND,
        *_OF_THE_BODY,
        *_PASSED_ON,
        b"x-request-id",
        b"access-control-request-headers",
    )
)
_SAFE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")

_FORBIDDEN = Fault(
    FaultKind.FORBIDDEN,
    "Only programs on this machine are served, under the names 127.0.0.1 and localhost.",
    remedy="Other host names and web origins must be listed in server.allowed_hosts and server.allowed_origins.",
)
_UNAUTHORIZED = Fault(
    FaultKind.UNAUTHORIZED,
    "The local token is missing or wrong.",
    remedy="Copy it from the tray menu, or print it with `token show`, and use it as the API key.",
)
_TOO_SLOW = Fault(
    FaultKind.REQUEST_TIMEOUT, "The body of the request did not arrive in time.", remedy="Send the request again."
)
_CHALLENGE = ((b"www-authenticate", b"Bearer"),)
_CLOSE = ((b"connection", b"close"),)


@dataclass(slots=True)
class Visit:
    """A request that was let in; `client` is the name of its token, `cors` what its origin must be told.

    `query` is its query string as it came, `anthropic_version` and `anthropic_beta` what only Anthropic's clients
    say, `google_client` what only Google's do. `repeats` is how often an SDK has sent it again by itself.
    """

    method: str
    path: str
    client: str
    request_id: str
    body: bytes = field(default=b"", repr=False)
    cors: Headers = ()
    hops: str = ""
    session: str = ""
    anthropic_version: str = ""
    anthropic_beta: str = ""
    google_client: str = ""
    repeats: str = ""
    query: bytes = field(default=b"", repr=False)

    @property
    def betas(self) -> tuple[tuple[str, str], ...]:
        """The request header that goes along to Anthropic, when the client sent it."""
        return (("anthropic-beta", self.anthropic_beta),) if self.anthropic_beta else ()


class Inside(Protocol):
    """What lies behind the gate."""

    def is_public(self, method: str, path: str) -> bool:
        """Whether anybody on this machine may ask this without a token."""
        ...

    def dialect_of(self, path: str) -> "Dialect":
        """Whose error envelope the clients of `path` understand."""
        ...

    def wants_body(self, method: str, path: str) -> bool:
        """Whether a body belongs to the request.

        Raises:
            FaultError: NOT_FOUND or METHOD_NOT_ALLOWED.
        """
        ...

    def takes_form(self, path: str) -> bool:
        """Whether the body may be a form with files instead of JSON."""
        ...

    async def serve(self, visit: Visit, send: Send) -> None:
        """Answer a request that was let in."""
        ...


class Gate:
    """The ASGI application that the listener serves."""

    def __init__(
        self,
        inside: Inside,
        rules: Callable[[], GateRules],
        *,
        keyless: bool = False,
        clock: Callable[[], float] = time.monotonic,
        body_s: float = BODY_S,
    ) -> None:
        """Guard `inside`. `rules` gives those in force: the same object until they change, for they are compiled.

        `keyless` asks for no token, for clients that cannot send one; whatever a browser sends is refused then.
        """
        self._keyless = keyless
        self._inside = inside
        self._rules = rules
        self._clock = clock
        self._body_s, self._deadline = body_s, SharedDeadline()
        self._key = secrets.token_bytes(32)
        self._compiled = CompiledRules(GateRules({}), self._key)
        self._run = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._failures = 0
        self._last_failure_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in or refuse it."""
        rules, seen = self._rules_in_force(), _wanted(scope["headers"])
        if _is_stranger(scope, seen, rules) or (self._keyless and not _BROWSERS_SEND.isdisjoint(seen)):
            await self._refuse(_FORBIDDEN, send)
            return
        origin, presented = seen.get(b"origin", b""), _presented(scope, seen)
        client = KEYLESS_CLIENT if self._keyless else rules.client_of(presented)
        page = bool(origin) and (client is not None or rules.lists_origin(origin))
        cors = cors_headers(origin) if page else ()
        if page and scope["method"] == "OPTIONS":
            await send_plain(send, preflight_answer(origin, seen.get(b"access-control-request-headers", b"")))
        elif client is not None or ((page or not origin) and self._inside.is_public(scope["method"], scope["path"])):
            visit = Visit(scope["method"], scope["path"], client or "", self._request_id(seen), cors=cors)
            for name, attribute in _PASSED_ON.items():
                if name in seen:
                    setattr(visit, attribute, seen[name].decode("latin-1"))
            visit.query = scope["query_string"]
            await self._admit(visit, seen, receive, send)
        else:
            await self._slow_down(presented)
            await self._refuse(_UNAUTHORIZED, send, (*_CHALLENGE, *cors))

    def _rules_in_force(self) -> CompiledRules:
        rules = self._rules()
        if rules is not self._compiled.source:
            self._compiled = CompiledRules(rules, self._key)
        return self._compiled

    def _request_id(self, seen: dict[bytes, bytes]) -> str:
        """Return the client's own request id when it is safe to repeat, else a new one."""
        theirs = seen.get(b"x-request-id", b"")
        if _SAFE_REQUEST_ID.fullmatch(theirs):
            return theirs.decode("ascii")
        return f"req_{self._run}{next(self._numbers):08x}"

    async def _slow_down(self, presented: list[bytes]) -> None:
        """Count wrong tokens; after the first few each costs the guesser time. Right ones are never delayed."""
        if not presented:
            return
        now = self._clock()
        if now - self._last_failure_s > _FORGET_FAILURES_S:
            self._failures = 0
        self._failures, self._last_failure_s = self._failures + 1, now
        if self._failures > _FREE_FAILURES:
            await asyncio.sleep(_FAILURE_DELAY_S)

    async def _admit(self, visit: Visit, seen: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        """Take the body of a request that may come in, and hand it on when it is whole."""
        try:
            if self._inside.wants_body(visit.method, visit.path):
                body = await self._body(visit, seen, receive)
                if body is None:
                    return
                visit.body = body
        except FaultError as error:
            await self._reject(error.fault, visit, send)
        except TimeoutError:
            await self._reject(_TOO_SLOW, visit, send, more=_CLOSE)
        except asyncio.CancelledError:
            await self._reject(SHUTTING_DOWN, visit, send, more=_CLOSE)
        else:
            await self._inside.serve(visit, send)

    async def _body(self, visit: Visit, seen: dict[bytes, bytes], receive: Receive) -> bytes | None:
        """Return the whole body, or None when the client went away before its end.

        Raises:
            FaultError: UNSUPPORTED_MEDIA_TYPE or BODY_TOO_LARGE.
            TimeoutError: it took too long.
        """
        if not (is_json(seen) or is_missing(seen) or self._may_be_undeclared(visit, seen)):
            takes_form = self._inside.takes_form(visit.path)
            if not (takes_form and is_form(seen)):
                raise FaultError(NO_FORM if takes_form else NOT_JSON)
        limit_bytes = self._compiled.max_body_bytes
        check_size(int(seen.get(b"content-length", b"0")), limit_bytes)
        return await self._deadline.wait(read(receive, limit_bytes), self._body_s)

    def _may_be_undeclared(self, visit: Visit, seen: dict[bytes, bytes]) -> bool:
        """Whether JSON need not be declared: Ollama's clients do not, and no page can send a token in that header."""
        if self._keyless or b"authorization" not in seen or b"content-encoding" in seen:
            return False
        return visit.path.startswith(_UNDECLARED)

    async def _refuse(self, fault: Fault, send: Send, more: Headers = ()) -> None:
        """Turn away a request without a token: the same bytes, in OpenAI's envelope, whatever it asked for."""
        await send_plain(send, fault_answer(fault, self._inside.dialect_of(""), ""), more)

    async def _reject(self, fault: Fault, visit: Visit, send: Send, more: Headers = ()) -> None:
        """Answer a request with a token that cannot be served."""
        answer = fault_answer(fault, self._inside.dialect_of(visit.path), visit.request_id)
        await send_plain(send, answer, (*visit.cors, *more))


def _wanted(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Pick the headers the gate judges. Repeated ones are joined by commas, so that none of them passes for good."""
    seen: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WANTED:
            seen[name] = seen[name] + b"," + value if name in seen else value
    return seen


def _is_stranger(scope: Scope, seen: dict[bytes, bytes], rules: CompiledRules) -> bool:
    """Whether the request is from another machine, means another host, or was made by a foreign web page."""
    peer = scope["client"][0] if scope["client"] else ""
    if not (rules.lan or peer.startswith("127.") or peer == "::1"):
        return True
    if not rules.knows_host(seen.get(b"host", b""), scope["server"][1]):
        return True
    origin = seen.get(b"origin")
    if origin is None:
        return seen.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin")
    return not (rules.lists_origin(origin) or EDITOR_ORIGIN.fullmatch(origin))


def _presented(scope: Scope, seen: dict[bytes, bytes]) -> list[bytes]:
    """Return the tokens that the request carries, wherever the clients of the dialects put them."""
    tokens = [seen[name].strip() for name in _TOKEN_HEADERS if name in seen]
    scheme, _, credentials = seen.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        tokens.append(credentials.strip())
    if b"key=" in scope["query_string"]:
        asked = parse_qsl(scope["query_string"].decode("latin-1"), encoding="latin-1")
        tokens += [value.encode("latin-1") for name, value in asked if name == "key"][:1]
    return [token for token in tokens if token]
