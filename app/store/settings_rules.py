"""The rules for single values of the settings; a refusal never repeats the value."""

import re
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.domain.hosts import is_private, literal
from app.store import log

if TYPE_CHECKING:
    from collections.abc import Iterable

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_ENV_KEY = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_PROFILE_KEY = re.compile(r"profile:[A-Za-z0-9][A-Za-z0-9 ._@/+=,-]{0,127}")
_TARGET = re.compile(rf"{ID_PATTERN}/\S+")
_SCOPE = re.compile(rf"all|provider:{ID_PATTERN}|client:{ID_PATTERN}")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#@*]*", re.IGNORECASE)
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SECRET_WORDS = re.compile(r"auth|key|token|secret|passw|credential|cookie|signature", re.IGNORECASE)
_OUR_HEADERS = frozenset(
    (
        *("host", "content-length", "content-type", "content-encoding", "transfer-encoding", "accept-encoding"),
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"),
    )
)


def refuse(text: str, *at: str | int) -> NoReturn:
    """Refuse a value with `text`, which must not hold it; `at` is the way from the table to the key.

    Raises:
        PydanticCustomError: always.
    """
    raise PydanticCustomError("rule", "{text}", {"text": text, "at": at})


def quoted(names: "Iterable[str]") -> str:
    """`names` as a list for a message."""
    return ", ".join(f'"{name}"' for name in names)


def _zero_means_one(count: int) -> int:
    return max(count, 1)


def _zero_or_a_moment(seconds: float) -> float:
    if 0 < seconds < _SHORTEST_S:
        refuse("must be 0 (off) or at least 0.01")
    return seconds


def split_url(url: str) -> SplitResult:
    """The parts of `url`; one without a usable host, with a password or a wrong port is refused."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\\]", url):
        refuse("must be a URL with a host, such as https://api.example.com/v1")
    if "@" in parts.netloc:
        refuse("must not hold a user name or password: no secrets here")
    return parts


def _check_base_url(url: str) -> str:
    if not url:
        return url
    parts = split_url(url)
    if parts.scheme.lower() not in {"http", "https"}:
        refuse("must begin with https:// (or http:// for this machine and private addresses)")
    if parts.query or parts.fragment:
        refuse("must end with its path: no query and no fragment, they could hold a key")
    if parts.scheme.lower() == "http" and not is_private(parts.hostname or ""):
        refuse("must be https: http is only for this machine (localhost) and private addresses")
    return url


def _check_webhook(text: str) -> str:
    return text if _ENV_KEY.fullmatch(text) else _check_base_url(text)


def _check_proxy(proxy: str) -> str:
    if proxy in {"system", "none"}:
        return proxy
    if not proxy.lower().startswith(("http://", "socks5://")):
        refuse('must be "system", "none", "http://HOST:PORT" or "socks5://HOST:PORT"')
    split_url(proxy)
    return proxy


def _check_key(key: str) -> str:
    if key not in {"keyring", "none", "default"} and not _ENV_KEY.fullmatch(key) and not _PROFILE_KEY.fullmatch(key):
        refuse(
            'must be "keyring", "none", "env:NAME", "default" or "profile:NAME"; '
            "the key itself does not belong here: switchtower keys set ID"
        )
    return key


def _check_id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        refuse("must be 1 to 64 letters, digits, dots, dashes or underscores and begin with a letter or digit")
    return text


def _check_alias(name: str) -> str:
    if not re.fullmatch(r"[^\s\x00-\x1f\x7f]{1,200}", name):
        refuse("must be 1 to 200 characters without spaces")
    return name


def _check_target(target: str) -> str:
    if not _TARGET.fullmatch(target):
        refuse('must be "provider-id/model"')
    return target


def _check_scope(scope: str) -> str:
    if not _SCOPE.fullmatch(scope):
        refuse('must be "all", "provider:ID" or "client:NAME"')
    return scope


def _check_host(host: str) -> str:
    if not (_HOST_NAME.fullmatch(host) or literal(host)):
        refuse("must be a host name or an address, without scheme and port")
    return host


def _check_allowed_host(host: str) -> str:
    name, _, port = host.rpartition(":")
    has_port = _HOST_NAME.fullmatch(name) and re.fullmatch(r"[1-9][0-9]{0,4}", port)
    if not (has_port or _HOST_NAME.fullmatch(host) or literal(host)):
        refuse("must be a host name or an address, with a port or without, and without scheme")
    return host


def _check_origin(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin):
        refuse("must be an origin such as https://example.com; * and null are never let in")
    return origin


def check_header(name: str, value: str) -> None:
    """Refuse a header that carries a secret, that is ours to set or that is not a header.

    Raises:
        PydanticCustomError: with the reason.
    """
    if not _HEADER_NAME.fullmatch(name):
        refuse("is not the name of a header", name)
    if name.lower() in _OUR_HEADERS:
        refuse("is set by the program itself", name)
    if _SECRET_WORDS.search(name) or log.redact(value) != value:
        refuse("no secrets here: a key belongs in the keyring (switchtower keys set ID) or in env:NAME", name)
    if not re.fullmatch(r"[\x20-\x7e]*", value):
        refuse("must be printable ASCII on one line", name)


_SHORTEST_S = 0.01
_DAY_S = 86_400
_MANY = 1_000_000_000

Count = Annotated[int, Field(ge=0, le=_MANY)]
OneOrMore = Annotated[int, Field(ge=0, le=_MANY), AfterValidator(_zero_means_one)]
Seconds = Annotated[float, Field(ge=_SHORTEST_S, le=_DAY_S, allow_inf_nan=False)]
SecondsOrOff = Annotated[float, Field(ge=0, le=_DAY_S, allow_inf_nan=False), AfterValidator(_zero_or_a_moment)]
OpenSeconds = Annotated[float, Field(ge=1, le=_DAY_S, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Percent = Annotated[int, Field(ge=0, le=100)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Rank = Annotated[int, Field(ge=0, le=1000)]
Dollars = Annotated[float, Field(ge=0, le=_MANY, allow_inf_nan=False)]

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
ApiVersion = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,40}$")]
FilePath = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]
BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
Webhook = Annotated[str, AfterValidator(_check_webhook)]
Proxy = Annotated[str, AfterValidator(_check_proxy)]
KeySource = Annotated[str, AfterValidator(_check_key)]
Identifier = Annotated[str, AfterValidator(_check_id)]
AliasName = Annotated[str, AfterValidator(_check_alias)]
Target = Annotated[str, AfterValidator(_check_target)]
Scope = Annotated[str, AfterValidator(_check_scope)]
Host = Annotated[str, AfterValidator(_check_host)]
AllowedHost = Annotated[str, AfterValidator(_check_allowed_host)]
Origin = Annotated[str, AfterValidator(_check_origin)]
