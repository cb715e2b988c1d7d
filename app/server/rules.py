"""Who may come in, as the settings say it and as it is compared with what comes over the wire."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest

from app.domain.secret import Secret

MIN_TOKEN_CHARS = 20
EDITOR_ORIGIN = re.compile(rb"(?:vscode-webview|vscode-file|app|tauri|file)://[A-Za-z0-9._:-]{0,200}")
"""Origins that no web page can have; they are let in with a token."""

_OUR_NAMES = (b"127.0.0.1", b"localhost", b"[::1]")


@dataclass(frozen=True, slots=True)
class GateRules:
    """What the settings say about who may come in; never changed, but replaced by another one.

    `hosts` are names besides our own (with any port, or with the port that is written), `origins` web origins let in
    with a token, `tokens` the local tokens by the name of their client. `lan` lets other machines in.

    Raises:
        ValueError: a token is too short to be one.
    """

    tokens: Mapping[str, Secret]
    hosts: Iterable[str] = ()
    origins: Iterable[str] = ()
    lan: bool = False
    max_body_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse tokens that can be guessed."""
        for name, token in self.tokens.items():
            if len(token.reveal()) < MIN_TOKEN_CHARS:
                raise ValueError(f"The local token of {name} is shorter than {MIN_TOKEN_CHARS} characters.")


class CompiledRules:
    """The rules in the form that is compared with what comes over the wire."""

    def __init__(self, rules: GateRules, key: bytes) -> None:
        """Hash the tokens with `key`, random for each process."""
        self.source = rules
        self.lan = rules.lan
        self.max_body_bytes = rules.max_body_bytes
        self._key = key
        self._clients = tuple((name, self._digest(token.reveal().encode())) for name, token in rules.tokens.items())
        self._hosts = frozenset(_bracketed(name) for name in _wire_names(rules.hosts))
        self._origins = frozenset(_wire_names(rules.origins)) - {b"null"}

    def _digest(self, token: bytes) -> bytes:
        return blake2b(token, key=self._key, digest_size=32).digest()

    def client_of(self, presented: list[bytes]) -> str | None:
        """Return whose token is among `presented`; the time taken says nothing about how nearly right one was."""
        found = None
        for token in presented:
            digest = self._digest(token)
            for name, known in self._clients:
                if compare_digest(digest, known):
                    found = name
        return found

    def knows_host(self, host: bytes, port: int) -> bool:
        """Whether a client that calls us `host` means us: a name with our port, with none, or one from the settings."""
        host = host.lower()
        if host in _OUR_NAMES or host in self._hosts:
            return True
        name, _, digits = host.rpartition(b":")
        return (name in _OUR_NAMES and digits == b"%d" % port) or (name in self._hosts and digits.isdigit())

    def lists_origin(self, origin: bytes) -> bool:
        """Whether the settings let pages of `origin` in."""
        return origin.lower() in self._origins


def _wire_names(names: Iterable[str]) -> Iterable[bytes]:
    """Names and origins from the settings as they come over the wire; an empty one would match what is missing."""
    return (name.strip().rstrip("/").lower().encode() for name in names if name.strip())


def _bracketed(host: bytes) -> bytes:
    """A name or address as `Host` has it: an IPv6 address, the only one with two colons, in brackets."""
    return b"[%b]" % host if host.count(b":") > 1 and not host.startswith(b"[") else host
