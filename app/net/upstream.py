"""What is fixed about one provider's address: where requests go and which headers they carry."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

import app
from app.domain.faults import Fault, FaultError, FaultKind
from app.net.proxy import is_nearby
from app.net.transport import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.domain.secret import Secret
    from app.net.dialer import Origin

_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_PATH = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Credential:
    """A provider's key and the header it goes into, such as `authorization` with the prefix `Bearer `."""

    header: str
    prefix: str
    secret: "Secret"


@dataclass(frozen=True, slots=True)
class Upstream:
    """One provider's checked address: `name` for messages, `path` and `query` of the base URL, its own `headers`."""

    name: str
    origin: "Origin"
    host: bytes
    path: str
    query: str
    headers: dict[str, str]
    credential: Credential | None

    def target(self, path: str) -> str:
        """Join `path` to that of the base URL; each `/..` it begins with goes one step up from there.

        Raises:
            FaultError: CONFIG_ERROR, when it holds spaces or anything else that must be quoted.
        """
        if _PATH.fullmatch(path) is None:
            raise _config_fault(self.name, "a path holds characters that must be quoted", "Quote them.")
        base = self.path
        while path.startswith("/../"):
            base, path = base.rpartition("/")[0], path.removeprefix("/..")
        joined = f"{base}/{path.lstrip('/')}"
        if not self.query:
            return joined
        return f"{joined}{'&' if '?' in path else '?'}{self.query}"

    def url(self, path: str) -> str:
        """Return the whole address of `path`, without a key.

        Raises:
            FaultError: as `target`.
        """
        return f"{self.origin.scheme}://{self.host.decode('ascii')}{self.target(path)}"

    def opening(self, method: str, path: str, headers: "Iterable[tuple[str, str]]") -> bytes:
        """Make the head of a request up to what changes from one to the next; it holds no key.

        `headers` win over those of the provider.

        Raises:
            FaultError: CONFIG_ERROR, when a header or the path cannot be sent.
        """
        lines = [b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (method.encode(), self.target(path).encode(), self.host)]
        lines += [b"%b: %b\r\n" % (name.encode(), value.encode("latin-1")) for name, value in self._merged(headers)]
        return b"".join(lines)

    def ending(self, length: int | None, signed: "Iterable[tuple[str, str]]" = ()) -> bytes:
        """Make the rest of the head: the key, or what was `signed`, and the body's length in bytes (None without one).

        Raises:
            FaultError: NEEDS_KEY, when the key cannot be sent.
        """
        end = b"\r\n" if length is None else b"content-length: %d\r\n\r\n" % length
        for name, value in signed:
            end = b"%b: %b\r\n%b" % (name.encode(), value.encode("latin-1"), end)
        if self.credential is None:
            return end
        return b"%b: %b\r\n%b" % (self.credential.header.lower().encode(), self._key_value().encode(), end)

    def all_headers(self, headers: "Iterable[tuple[str, str]]") -> list[tuple[str, str]]:
        """Return the headers of a request with the key's, without host and length.

        Raises:
            FaultError: as `opening` and `ending`.
        """
        merged = list(self._merged(headers))
        if self.credential is not None:
            merged.append((self.credential.header.lower(), self._key_value()))
        return merged

    def _merged(self, headers: "Iterable[tuple[str, str]]") -> "Iterable[tuple[str, str]]":
        merged = self.headers | check_headers(self.name, headers)
        if self.credential is not None:
            merged.pop(self.credential.header.lower(), None)
        return merged.items()

    def _key_value(self) -> str:
        """The value of the key's header; this is the only place where a key is revealed."""
        credential = self.credential
        assert credential is not None  # noqa: S101 - both callers have looked
        prefix = credential.prefix
        space = " " if prefix and not prefix.endswith(" ") else ""
        return f"{prefix}{space}{self._revealed(credential)}"

    def _revealed(self, credential: Credential) -> str:
        key = credential.secret.reveal()
        if not key or not key.isascii() or not key.isprintable() or key != key.strip():
            raise FaultError(
                Fault(
                    FaultKind.NEEDS_KEY,
                    f"The key of {self.name} is empty or holds characters that cannot be sent.",
                    "Paste the key again: in the window under Health, or with `switchtower keys set`.",
                    self.name,
                )
            )
        return key


def check_headers(name: str, headers: "Iterable[tuple[str, str]]") -> dict[str, str]:
    """Return `headers` with lower case names.

    Raises:
        FaultError: CONFIG_ERROR, for those that this program alone decides and those that no header may hold.
    """
    checked: dict[str, str] = {}
    for key, value in headers:
        lower = key.lower()
        if lower in _OURS or _NAME.fullmatch(key) is None or _VALUE.fullmatch(value) is None:
            raise _config_fault(name, f"the header {lower!r} cannot be set", "Remove it from this provider's headers.")
        checked[lower] = value
    return checked


def parse_upstream(
    name: str, base_url: str, headers: "Iterable[tuple[str, str]]", credential: Credential | None
) -> Upstream:
    """Check a provider's address and headers.

    Raises:
        FaultError: CONFIG_ERROR, with what to change.
    """
    try:
        url = httpx.URL(base_url.strip())
        origin = origin_of(url)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise _config_fault(name, "its base_url is not an http:// or https:// address", "Correct base_url.") from error
    if url.userinfo:
        raise _config_fault(name, "its base_url holds a user or password", "Take it out; the key has its own place.")
    if origin.scheme == "http" and not is_nearby(origin.host):
        raise _config_fault(name, "http:// is for this machine and private addresses only", "Use https://.")
    fixed = {"user-agent": f"switchtower/{app.__version__}", "accept-encoding": "identity"}
    fixed |= check_headers(name, headers)
    path, _, query = url.raw_path.decode("ascii").partition("?")
    return Upstream(name, origin, url.netloc, path.rstrip("/"), query, fixed, credential)


def _config_fault(name: str, why: str, remedy: str) -> FaultError:
    return FaultError(Fault(FaultKind.CONFIG_ERROR, f"{name} cannot be asked: {why}.", remedy, name))
