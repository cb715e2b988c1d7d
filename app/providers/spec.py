"""What a row of the provider table says, and the check that a row makes sense."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from app.dialects.openai_chat_quirks import PLAIN, Quirks
from app.domain.chat import PASSED_THROUGH, ApiRequest, Operation
from app.domain.hosts import is_private

OPENAI = "openai"
ANTHROPIC = "anthropic"
COHERE = "cohere"
GEMINI = "gemini"
OLLAMA = "ollama"
RESPONSES = "responses"
NO_CHAT = ("*codex*", "*-pro", "*-pro-20*", "*deep-research*", "computer-use*")
"""Names of models of OpenAI that have no chat: they answer in Responses only."""

DIALECTS = frozenset({OPENAI, ANTHROPIC, COHERE, GEMINI, OLLAMA, RESPONSES})
"""The wire formats a row may name."""


TEXT = frozenset(Operation) - PASSED_THROUGH - {Operation.RESPONSES}
"""What a row offers that says nothing else."""


class Auth(StrEnum):
    """How a provider wants its key; AWS and Google take an API key in a header, or what a login makes of another."""

    BEARER = "bearer"
    API_KEY_HEADER = "api_key_header"
    X_API_KEY = "x_api_key"
    X_GOOG_API_KEY = "x_goog_api_key"
    AWS = "aws"
    AWS_X_API_KEY = "aws_x_api_key"
    GOOGLE = "google"
    NONE = "none"

    @property
    def logs_in(self) -> bool:
        """Whether it is a cloud whose login this machine may have anyway."""
        return self in (Auth.AWS, Auth.AWS_X_API_KEY, Auth.GOOGLE)

    @property
    def header(self) -> tuple[str, str] | None:
        """The request header and what stands before the key in it; None when no key is sent."""
        return _AUTH_HEADERS[self]


_AUTH_HEADERS = {
    Auth.BEARER: ("authorization", "Bearer "),
    Auth.API_KEY_HEADER: ("api-key", ""),
    Auth.X_API_KEY: ("x-api-key", ""),
    Auth.X_GOOG_API_KEY: ("x-goog-api-key", ""),
    Auth.AWS: ("authorization", "Bearer "),
    Auth.AWS_X_API_KEY: ("x-api-key", ""),
    Auth.GOOGLE: ("x-goog-api-key", ""),
    Auth.NONE: None,
}


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """One kind of provider.

    `id` is what settings call `kind`. `base_url` is what the provider's own SDK takes, without a trailing slash; empty
    means that the user must give one. `models_path` is appended to it. `static_models` are the model names of a
    provider that lists none. `local` servers run on the user's machine. `docs` and `key_url` are pages for people.
    `quirks` names a module of `app.providers.quirks`. `headers` go with every request and hold no secret. `paths` are
    pairs of an operation and the template of its path where that is not the dialect's own: `chat`, `chat:stream` for
    streams only, `count` for counting tokens, `*` for all others; `{model}` in it is the model's name, `{path}` the
    dialect's own path, `{api_version}` what the user or else `api_version` says. `address` shows, to whoever must give
    one, what a base URL looks like; the words in capitals are the user's own and `about` explains them.
    `responses_tools` are the kinds of tools that its Responses API takes (empty: any), and `responses_only` patterns of
    the names of models that answer nowhere else. `cousin` says where its OpenAI chat differs.
    """

    id: str
    name: str
    dialect: str
    base_url: str
    auth: Auth
    lists_models: bool = True
    models_path: str = "/models"
    static_models: tuple[str, ...] = ()
    local: bool = False
    docs: str = ""
    key_url: str = ""
    operations: frozenset[Operation] = TEXT
    quirks: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cousin: Quirks = PLAIN
    paths: tuple[tuple[str, str], ...] = ()
    api_version: str = ""
    address: str = ""
    about: str = ""
    responses_tools: frozenset[str] = frozenset()
    responses_only: tuple[str, ...] = ()

    def takes_responses(self, request: ApiRequest) -> bool:
        """Whether a Responses client's request can be answered by the provider's own Responses API."""
        if Operation.RESPONSES not in self.operations:
            return False
        known = self.responses_tools
        return not known or request.operation is Operation.RESPONSES or request.tools <= known

    def dialect_of(self, model: str) -> str:
        """The dialect in which a model is asked: the row's, but for the few that answer in Responses only."""
        return RESPONSES if self.responses_only and _matches(model, self.responses_only) else self.dialect

    def offers(self, operation: Operation) -> bool:
        """Whether it does this; whoever is talked to in another dialect than OpenAI's completes a text in a turn."""
        if operation is Operation.COMPLETIONS and self.dialect != OPENAI:
            return Operation.CHAT in self.operations
        return operation in self.operations

    def root_of(self, base_url: str) -> str:
        """`base_url` as this row takes it: what the paths of a dialect begin with does no harm at its end.

        Where the path of `address` is left out, or its end is, it is put there.
        """
        root = base_url.rstrip("/").removesuffix(_VERSIONS.get(self.dialect, "/"))
        known = urlsplit(self.address).path
        given = urlsplit(root).path
        missing = known.startswith(f"{given}/") and not _OWN_WORD.search(known)
        return root + known.removeprefix(given) if missing else root

    def own_words_in(self, base_url: str) -> tuple[str, ...]:
        """The words of `address` that the user was to replace and did not."""
        return tuple(word for word in _OWN_WORD.findall(self.address) if word in base_url)

    def paths_with(self, api_version: str) -> dict[str, str]:
        """`paths` by their place, with that version in them, or the row's own when it is empty.

        A row of OpenAI's dialect without paths has one when a version is asked for.
        """
        version = api_version or self.api_version
        if api_version and not self.paths and self.dialect == OPENAI:
            return {"*": f"{{path}}?api-version={version}"}
        return {place: path.replace("{api_version}", version) for place, path in self.paths}

    def called(self, provider_id: str) -> str:
        """What to call a provider: its kind, and its id where the kind alone would not tell it from another."""
        if provider_id == self.id:
            return self.name
        return provider_id if self.needs_base_url and not self.address else f"{self.name} ({provider_id})"

    @property
    def needs_base_url(self) -> bool:
        """Whether the user has to say where the provider is."""
        return not self.base_url

    @property
    def needs_key(self) -> bool:
        """Whether a key is sent at all."""
        return self.auth is not Auth.NONE

    @property
    def host(self) -> str:
        """The host of the base URL, with its port when one is given; empty without a base URL."""
        return urlsplit(self.base_url).netloc


@lru_cache(1024)
def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


_OWN_WORD = re.compile(r"\b[A-Z]{4,}\b")
_VERSIONS = {ANTHROPIC: "/v1", COHERE: "/v2", GEMINI: "/v1beta", OLLAMA: "/api"}

_TYPES: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "name": str,
    "dialect": str,
    "base_url": str,
    "auth": Auth,
    "lists_models": bool,
    "models_path": str,
    "static_models": tuple,
    "local": bool,
    "docs": str,
    "key_url": str,
    "operations": frozenset,
    "quirks": (str, type(None)),
    "headers": tuple,
    "cousin": Quirks,
    "paths": tuple,
    "api_version": str,
    "address": str,
    "about": str,
    "responses_tools": frozenset,
    "responses_only": tuple,
}
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_PATH = re.compile(r"/[!-~]+")
_MODULE = re.compile(r"[a-z][a-z0-9_]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[!-~]+")
_KEY_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"})
_LONGEST_NAME = 60
_LONGEST_LINE = 200


def check(spec: ProviderSpec) -> None:
    """Make sure that the row can be used.

    Raises:
        ValueError: it cannot; the message is `row: field: what is wrong`.
    """
    for field, kind in _TYPES.items():
        if not isinstance(getattr(spec, field), kind):
            raise ValueError(f"{spec.id!r}: {field}: {getattr(spec, field)!r} has the wrong type")
    for field, holds, wrong in _RULES:
        if not holds(spec):
            raise ValueError(f"{spec.id!r}: {field}: {wrong} ({getattr(spec, field)!r})")


def _good_name(spec: ProviderSpec) -> bool:
    return 0 < len(spec.name) <= _LONGEST_NAME and spec.name.isprintable() and spec.name == spec.name.strip()


def _good_base_url(spec: ProviderSpec) -> bool:
    if spec.needs_base_url:
        return True
    parts = _split(spec.base_url)
    if parts is None or spec.base_url.endswith("/"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_private(parts.hostname or ""))


def _split(url: str) -> SplitResult | None:
    """The parts of a plain web address: no blanks, user, query or fragment; None when it is anything else."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    plain = _VISIBLE.fullmatch(url) and parts.hostname and "@" not in parts.netloc
    return parts if plain and not parts.query and not parts.fragment else None


def _is_page(url: str) -> bool:
    return not url or ((parts := _split(url)) is not None and parts.scheme == "https")


def _good_models(spec: ProviderSpec) -> bool:
    names = spec.static_models
    sound = all(isinstance(name, str) and _VISIBLE.fullmatch(name) for name in names)
    return sound and len(set(names)) == len(names) and bool(names) is not spec.lists_models


def _good_headers(spec: ProviderSpec) -> bool:
    return all(
        isinstance(name, str)
        and _HEADER_NAME.fullmatch(name)
        and name.lower() not in _KEY_HEADERS
        and isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        for name, value in spec.headers
    )


def _good_paths(spec: ProviderSpec) -> bool:
    places = {f"{operation}{kind}" for operation in Operation for kind in ("", ":stream")} | {"*", "count"}
    return all(place in places and _PATH.fullmatch(path) for place, path in spec.paths)


_RULES: tuple[tuple[str, Callable[[ProviderSpec], object], str], ...] = (
    ("id", lambda s: _ID.fullmatch(s.id), "only lower-case letters, digits and inner hyphens, at most 32"),
    ("name", _good_name, "must be 1 to 60 printable characters"),
    ("dialect", lambda s: s.dialect in DIALECTS, f"must be one of {', '.join(sorted(DIALECTS))}"),
    (
        "base_url",
        _good_base_url,
        "must be https (http to this machine or a private address), without a slash at its end",
    ),
    ("models_path", lambda s: _PATH.fullmatch(s.models_path), "must begin with a slash and have no blanks"),
    ("static_models", _good_models, "needed when the provider lists no models, and only then; each name once"),
    (
        "address",
        lambda s: not s.address or (_is_page(s.address) and s.needs_base_url and not s.address.endswith("/")),
        "must be a plain https address without a slash at its end, for a row without a base URL",
    ),
    ("about", lambda s: s.about.isprintable() and len(s.about) <= _LONGEST_LINE, "must be one line of text"),
    ("docs", lambda s: _is_page(s.docs), "must be a plain https address"),
    ("key_url", lambda s: _is_page(s.key_url), "must be a plain https address"),
    ("operations", lambda s: s.operations and s.operations <= frozenset(Operation), "must name operations"),
    ("quirks", lambda s: s.quirks is None or _MODULE.fullmatch(s.quirks), "must name a module of quirks/"),
    ("headers", _good_headers, "must be pairs of a header name and text, and no key"),
    ("paths", _good_paths, "must be pairs of an operation and a path that begins with a slash and has no blanks"),
)
