"""What a complete program is made of besides its own modules, for the self-test: each part with who needs it."""

import importlib
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Modules that belong together; `extra` brings them where they need not be there, `systems` are those that have it.

    A system is what `sys.platform` calls it; without any it is everywhere.
    """

    name: str
    modules: tuple[str, ...]
    extra: str = ""
    systems: tuple[str, ...] = ()


PARTS: tuple[Part, ...] = (
    Part("keyring of Linux", ("keyring.backends.SecretService", "secretstorage.dhcrypto"), systems=("linux",)),
    Part("keyring of macOS", ("keyring.backends.macOS.api",), systems=("darwin",)),
    Part("keyring of Windows", ("keyring.backends.Windows", "win32ctypes.pywin32.win32cred"), systems=("win32",)),
    Part("server protocol", ("httptools", "uvicorn.protocols.http.httptools_impl")),
    Part("fast loop", ("uvloop",), systems=("linux", "darwin")),
    Part("fast loop", ("winloop",), systems=("win32",)),
    Part("system's trust store and proxies", ("truststore", "python_socks.async_.asyncio")),
    Part("prices", ("genai_prices.data", "genai_prices.data_snapshot")),
    Part("usage database", ("sqlite3",)),
    Part(
        "login at AWS",
        ("botocore.auth", "botocore.awsrequest", "botocore.credentials", "botocore.exceptions", "botocore.session"),
        extra="bedrock",
    ),
    Part(
        "login at Google Cloud",
        ("google.auth", "google.auth.exceptions", "google.oauth2.service_account"),
        extra="vertex",
    ),
    Part("tokenizer", ("tiktoken", "tiktoken.load", "tiktoken_ext.openai_public"), extra="tokens"),
)


def here(platform: str = sys.platform) -> list[Part]:
    """The parts that a program on this system has."""
    return [part for part in PARTS if not part.systems or platform in part.systems]


def is_complete(part: Part, *, built: bool) -> bool:
    """Import a part; False when it is an extra that is not installed, which a build never lacks.

    Raises:
        ImportError: it cannot be loaded.
    """
    try:
        for name in part.modules:
            importlib.import_module(name)
    except ModuleNotFoundError:
        if built or not part.extra:
            raise
        return False
    return True
