"""The TLS settings of every outward connection: the operating system's trust store, verification never off."""

import functools
import ssl
import sys
from pathlib import Path

import truststore

from app.domain.faults import Fault, FaultError, FaultKind

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the system's authorities, for an OpenSSL that was built for another place."""


def system_context() -> ssl.SSLContext:
    """Make a context that trusts what the operating system trusts; it may take 30 ms.

    Windows and macOS verify by their own services. Elsewhere the authorities are loaded once, here, because truststore
    would load them again for every connection (20 ms each, on the event loop).
    """
    if sys.platform in ("win32", "darwin"):
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context()
    if ssl.get_default_verify_paths().cafile is None:
        bundle = next((path for path in _BUNDLES if Path(path).is_file()), None)
        if bundle is not None:
            context.load_verify_locations(cafile=bundle)
    return context


@functools.cache
def _shared_system_context() -> ssl.SSLContext:
    context = system_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def context_for(ca_file: str = "") -> ssl.SSLContext:
    """Return the one shared context, or a new one that also trusts the authorities in `ca_file` (PEM).

    Raises:
        FaultError: CONFIG_ERROR, when the file is missing, unreadable or holds no certificate, or its name is none.
    """
    if not ca_file:
        return _shared_system_context()
    context = system_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=str(Path(ca_file).expanduser()))
    except (OSError, RuntimeError, ValueError) as error:  # a RuntimeError: the user behind a ~ is not known
        raise FaultError(
            Fault(
                FaultKind.CONFIG_ERROR,
                f"The certificate file {ca_file} cannot be used: {_reason(error)}.",
                remedy="Set ca_file to a readable file of PEM certificates, or leave it empty.",
            )
        ) from error
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "holds no PEM certificate"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
