"""The names under which keys and tokens stand in the keyring; a provider's key belongs to a host."""

from urllib.parse import urlsplit

SERVICE = "switchtower"
CLIENT_INDEX = "clients"
DEFAULT_CLIENT = "default"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def key_host(base_url: str) -> str:
    """The host a key belongs to: lower case, with the port when it is not the scheme's own; empty without a host."""
    try:
        parts = urlsplit(base_url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if ":" in host:
        host = f"[{host}]"
    return host if port in (None, _DEFAULT_PORTS.get(parts.scheme.lower())) else f"{host}:{port}"


def provider_users(provider_id: str, host: str) -> tuple[str, ...]:
    """The user names to look a provider's key up under: with its port first, then the host alone.

    A key without a port is for every server on that host, one with a port for that server only.
    """
    name, _, port = host.rpartition(":")
    bare = name if name and port.isdigit() else host
    return tuple(dict.fromkeys((f"{provider_id}@{host}", f"{provider_id}@{bare}")))


def client_user(name: str) -> str:
    """The user name of a client's token."""
    return f"client:{name}"
