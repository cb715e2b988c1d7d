"""Which proxy an outward connection takes, and the tunnel through it."""

import ipaddress
import sys
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from app.domain.hosts import is_loopback, is_private, literal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

_TYPES = {
    "http": (ProxyType.HTTP, 8080),
    "socks": (ProxyType.SOCKS5, 1080),
    "socks5": (ProxyType.SOCKS5, 1080),
    "socks5h": (ProxyType.SOCKS5, 1080),
    "socks4": (ProxyType.SOCKS4, 1080),
}
_LOCAL_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa", ".localdomain")


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """Where a proxy listens and what it speaks; `str` shows neither user nor password."""

    type: ProxyType
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"


def parse_proxy(url: str, source: str = "the proxy") -> ProxyAddress:
    """Read a proxy's URL (`http://`, `socks5://`, `socks4://`; without a scheme it is `http://`).

    Raises:
        ValueError: it is none of these; the text names `source` and the scheme only, because a URL may hold a password.
    """
    parts, port = _split(url, source)
    known = _TYPES.get(parts.scheme.lower())
    if known is None:
        raise ValueError(f"{source} cannot be {parts.scheme}://, only http://, socks5:// or socks4://")
    if not parts.hostname:
        raise ValueError(f"{source} has no host name")
    kind, usual_port = known
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if username is not None and password is None:
        password = ""
    return ProxyAddress(kind, parts.hostname, port or usual_port, username, password)


def _split(url: str, source: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL and its port; behind the host there is nothing that a user and a password end with.

    Raises:
        ValueError: it cannot be read; what Python says of it would repeat a part of the password.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if "@" not in f"{parts.path}{parts.query}{parts.fragment}":
            return parts, parts.port
    except ValueError:
        pass
    raise ValueError(
        f"{source} cannot be read as an address: check its port, and write / as %2F, ? as %3F, # as %23, [ as %5B "
        "and ] as %5D in its user and password"
    )


def is_ours(host: str) -> bool:
    """Whether `host` is this machine, the address that means every interface included."""
    address = literal(host)
    return is_loopback(host) or (address is not None and address.is_unspecified)


def is_nearby(host: str) -> bool:
    """Whether `host` is this machine or one of its own networks: a private literal address or a local name."""
    name = host.strip("[]").rstrip(".").lower()
    if literal(name) is not None:
        return is_private(name)
    return is_loopback(name) or "." not in name or name.endswith(_LOCAL_ENDINGS)


def choose(setting: str, scheme: str, host: str, environ: "Mapping[str, str]") -> ProxyAddress | None:
    """Choose the proxy for a connection to `host`; None is a direct one.

    `setting` is `system`, `none` or a proxy's URL. No proxy is ever used for this machine, and the system's not for
    private addresses either. The system's is looked up afresh, so that a change counts from the next connection on.

    Raises:
        ValueError: the proxy's address cannot be used.
    """
    if setting == "none" or is_ours(host):
        return None
    if setting not in ("system", ""):
        return parse_proxy(setting, "the setting proxy")
    if is_nearby(host):
        return None
    found = _from_environ(scheme, host, environ)
    url, source = (_from_system(scheme, host), "the system's proxy") if found is None else found
    return parse_proxy(url, source) if url else None


def _from_environ(scheme: str, host: str, environ: "Mapping[str, str]") -> tuple[str, str] | None:
    """Return the proxy of the environment ("" is a direct connection) and its variable, None when there is neither."""

    def get(name: str) -> tuple[str, str] | None:
        names = (each for each in (name, name.upper()) if environ.get(each, "").strip())
        return next(((environ[each].strip(), each) for each in names), None)

    excepted = get("no_proxy") or ("", "")
    if any(_excepts(entry, host.lower()) for entry in excepted[0].split(",")):
        return "", excepted[1]
    return get(f"{scheme}_proxy") or get("all_proxy")


def _excepts(entry: str, host: str) -> bool:
    """Whether one entry of NO_PROXY names `host`: `*`, a domain with everything below it, an address or a network."""
    entry = entry.strip().lower()
    address = literal(host)
    if address is not None and "/" in entry:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    if entry.count(":") == 1:  # a port; more colons are an IPv6 address
        entry = entry.partition(":")[0]
    entry = entry.strip("[]").removeprefix("*.").removeprefix(".")
    return entry == "*" or (bool(entry) and (host == entry or host.endswith(f".{entry}")))


def _from_system(scheme: str, host: str) -> str:
    """Return the proxy of the Windows registry or of macOS's network settings, "" for a direct connection."""
    names = {
        "win32": ("getproxies_registry", "proxy_bypass_registry"),
        "darwin": ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"),
    }.get(sys.platform)
    if names is None:
        return ""
    proxies: Callable[[], dict[str, str]] = getattr(urllib.request, names[0])
    bypass: Callable[[str], bool] = getattr(urllib.request, names[1])
    found = proxies()
    url = found.get(scheme) or found.get("socks") or ""
    return "" if not url or bypass(host) else url


async def open_tunnel(proxy: ProxyAddress, host: str, port: int, timeout_s: float) -> "socket.socket":
    """Open a socket to `host` through `proxy`, which also resolves the name (CONNECT or SOCKS).

    Raises:
        httpx.ProxyError: the proxy cannot be reached, refuses, or does not speak its protocol.
        TimeoutError: it took longer than `timeout_s` seconds.
    """
    agent = Proxy(proxy.type, proxy.host, proxy.port, proxy.username, proxy.password, rdns=True)
    try:
        return await agent.connect(host, port, timeout=timeout_s)
    except TimeoutError:
        raise
    except (ProxyError, OSError, ValueError) as error:
        raise httpx.ProxyError(f"The proxy {proxy} failed: {error}") from error
