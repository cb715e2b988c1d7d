"""Which proxy an outward connection takes, and the tunnel through it."""

import ipaddress
import sys
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

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


def parse_proxy(url: str) -> ProxyAddress:
    """Read a proxy's URL (`http://`, `socks5://`, `socks4://`; without a scheme it is `http://`).

    Raises:
        ValueError: it is none of these; the text names the scheme only, because a URL may hold a password.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    known = _TYPES.get(parts.scheme.lower())
    if known is None:
        raise ValueError(f"a proxy cannot be {parts.scheme}://, only http://, socks5:// or socks4://")
    if not parts.hostname:
        raise ValueError("the proxy has no host name")
    kind, port = known
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if username is not None and password is None:
        password = ""
    return ProxyAddress(kind, parts.hostname, parts.port or port, username, password)


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
        return parse_proxy(setting)
    if is_nearby(host):
        return None
    url = _from_environ(scheme, host, environ)
    if url is None:
        url = _from_system(scheme, host)
    return parse_proxy(url) if url else None


def _from_environ(scheme: str, host: str, environ: "Mapping[str, str]") -> str | None:
    """Return the proxy of the environment, "" for a direct connection, None when the environment says nothing."""

    def get(name: str) -> str:
        return (environ.get(name) or environ.get(name.upper()) or "").strip()

    if any(_excepts(entry, host.lower()) for entry in get("no_proxy").split(",")):
        return ""
    return get(f"{scheme}_proxy") or get("all_proxy") or None


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
