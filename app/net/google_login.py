"""Log in at Google Cloud by google-auth: a service account's key, or the login this machine has; tokens are kept."""

import asyncio
import json
import re
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.secret import Secret
from app.net.authoriser import Headers, Unsigned, modules
from app.net.google_transport import GoogleTransport
from app.net.proxy import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable


EXTRA = "vertex"
RENEW_BEFORE_S = 300.0
"""A token is renewed so long before its end."""

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_AGAIN_S = 10.0
_PROJECT = re.compile(r"/projects/([^/]+)/")
_MOST_CHARS = 300
"""What is told of an error's words; they may be a whole page."""
_LOGINS = re.compile(r"oauth2\.([a-z0-9-]+\.)*googleapis\.com|www\.googleapis\.com|accounts\.google\.com")
_PAYER = "x-goog-user-project"
_USER = "google.oauth2.credentials"
_NO_KEY = "Store the whole JSON file of a service account's key, or use the login of this machine."


def _is_googles(host: str, scheme: str) -> bool:
    """Whether a claim that is signed with an account's key may go there: Google takes it from anybody who has it."""
    return (scheme == "https" and _LOGINS.fullmatch(host) is not None) or is_ours(host)


def is_account(key: Secret) -> bool:
    """Whether a key looks like the JSON file of an account, not like an API key."""
    return key.reveal().startswith("{")


class GoogleLogin:
    """An `Authoriser`: `secret` is the JSON of a service account's key; None is the login of this machine.

    That login is Google's application default credentials: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, what
    `gcloud auth application-default login` left, or the account of the machine.
    """

    def __init__(
        self,
        name: str,
        secret: Secret | None,
        transport: "Callable[[], GoogleTransport]" = GoogleTransport,
        clock: "Callable[[], float]" = time.time,
    ) -> None:
        """Import and ask nothing yet; `name` is the provider's, `transport` asks Google, `clock` is since 1970."""
        self.secret = secret
        self._name = name
        self._transport = transport
        self._clock = clock
        self._renewing = asyncio.Lock()
        self._credentials: Any = None
        self._token = Secret("")
        self._renew_s = self._end_s = 0.0
        self._got_s = -_AGAIN_S
        self._failed: FaultError | None = None  # for the next few seconds

    async def headers(self, request: Unsigned) -> Headers:
        """Return the token, and the project that pays where the login is a person's.

        Raises:
            FaultError: NEEDS_KEY or AUTH without a login, CONFIG_ERROR without google-auth or for another host.
        """
        self._check(request.url)
        if self._clock() >= self._renew_s:
            async with self._renewing:
                if self._clock() >= self._renew_s:
                    await self._renew()
        if self._failed is not None:
            raise FaultError(self._failed.fault)
        token = ("authorization", f"Bearer {self._token.reveal()}")
        project = "" if any(name == _PAYER for name, _ in request.headers) else self._payer(request.url)
        return (token, (_PAYER, project)) if project else (token,)

    def refused(self) -> bool:
        """Get a new token, unless this one is quite new; the machine's login is looked for anew."""
        if self._clock() < self._got_s + _AGAIN_S:
            return False
        self._renew_s = self._end_s = 0.0
        self._failed = None
        if self.secret is None:
            self._credentials = None
        return True

    def _check(self, url: str) -> None:
        """The login of this machine is for Google alone: nobody else's address may draw it to itself."""
        host = urlsplit(url).hostname or ""
        if self.secret is None and not (host.endswith(".googleapis.com") or is_ours(host)):
            raise FaultError(
                Fault(
                    FaultKind.CONFIG_ERROR,
                    f"{self._name} cannot be asked: this machine's login goes to Google only, not to {host}.",
                    "Correct base_url, or store a key for that host.",
                    self._name,
                )
            )

    def _payer(self, url: str) -> str:
        """The project whose quota a person's login uses; a service account has its own."""
        paying: str | None = getattr(self._credentials, "quota_project_id", None)
        if paying or type(self._credentials).__module__ != _USER:
            return paying or ""
        found = _PROJECT.search(url)
        return found[1] if found else ""

    async def _renew(self) -> None:
        """Get a token; the old one will do as long as it is good when Google cannot be reached.

        Raises:
            FaultError: there is none; nobody asks again for some seconds.
        """
        ask = self._transport().bound(asyncio.get_running_loop())
        try:
            self._token, self._end_s = await asyncio.to_thread(self._fetch, ask)
        except FaultError as error:
            self._renew_s = self._clock() + _AGAIN_S
            if self._renew_s < self._end_s:
                return
            self._failed = error
            raise
        self._failed = None
        self._got_s = self._clock()
        self._renew_s = self._end_s - RENEW_BEFORE_S

    def _fetch(self, ask: "Callable[..., Any]") -> tuple[Secret, float]:
        """A new token and its end in seconds since 1970; in a thread."""
        auth, errors = modules(self._name, EXTRA, "google.auth", "google.auth.exceptions")
        try:
            if self._credentials is None:
                self._credentials = self._given() if self.secret else auth.default(_SCOPES, request=ask)[0]
            self._credentials.refresh(ask)
        except errors.TransportError as error:
            raise self._unreachable(error) from error
        except errors.DefaultCredentialsError as error:
            raise self._fault(FaultKind.NEEDS_KEY, "finds no login for Google Cloud on this machine.") from error
        except errors.GoogleAuthError as error:
            kind = FaultKind.AUTH if self.secret else FaultKind.NEEDS_KEY
            said = str(error.args[0])[:_MOST_CHARS] if error.args else type(error).__name__
            raise self._fault(kind, f"was refused by Google's login: {said.rstrip('.')}.") from error
        token, end = Secret(str(self._credentials.token)), self._credentials.expiry
        return token, end.replace(tzinfo=UTC).timestamp() if end else self._clock() + RENEW_BEFORE_S + _AGAIN_S

    def _given(self) -> Any:
        """The credentials of the stored key.

        Raises:
            FaultError: NEEDS_KEY, when it is no key of a service account, or its tokens come from a strange place.
        """
        assert self.secret is not None  # noqa: S101 - the caller has looked
        (accounts,) = modules(self._name, EXTRA, "google.oauth2.service_account")
        try:
            told = json.loads(self.secret.reveal())
            parts = urlsplit(told["token_uri"])
            if _is_googles(parts.hostname or "", parts.scheme):
                return accounts.Credentials.from_service_account_info(told, scopes=_SCOPES)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # what it holds is not repeated, not even as a cause
        raise self._fault(FaultKind.NEEDS_KEY, "has a key that is not one of a service account.")

    def _unreachable(self, error: Exception) -> FaultError:
        """The fault behind a login that could not be asked for."""
        cause = error.__cause__
        if isinstance(cause, FaultError):
            return cause
        return self._fault(FaultKind.UNREACHABLE, "cannot reach Google's login.")

    def _fault(self, kind: FaultKind, what: str) -> FaultError:
        remedy = _NO_KEY if self.secret else "Run `gcloud auth application-default login`, or store a key here."
        if kind is FaultKind.UNREACHABLE:
            remedy = "Check the network and the proxy."
        return FaultError(Fault(kind, f"{self._name} {what}", remedy, self._name))
