"""Which hosts are this machine and which are near it, by name or literal address; nothing is resolved."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def literal(host: str) -> Address | None:
    """The address that `host` spells (brackets, a zone and IPv4 inside IPv6 allowed), None for a name."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = literal(name)
    return address is not None and address.is_loopback


def is_private(host: str) -> bool:
    """Whether `host` is this machine or a private address, where http without TLS will do."""
    address = literal(host)
    return is_loopback(host) or (address is not None and not address.is_global)
