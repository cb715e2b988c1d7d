"""Sign requests for AWS (Signature Version 4, by botocore), or send the API key that Bedrock has instead."""

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.domain.faults import Fault, FaultError, FaultKind
from app.net.authoriser import Headers, Unsigned, modules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.domain.secret import Secret

EXTRA = "bedrock"
_LARGE_BYTES = 1024 * 1024  # whose sum takes milliseconds
_ACCESS_KEY = re.compile(r"A[A-Z0-9]{15,127}:[^\s:]{16,}(?::[^\s:]+)?")
_PLACE = re.compile(r"(?:^|\.)(bedrock(?:-[a-z]+)*)\.([a-z]{2,}(?:-[a-z]+)+-\d+)\.")
_SERVICES = {"bedrock-mantle": "bedrock-mantle"}
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def is_access_key(key: "Secret") -> bool:
    """Whether a key is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` behind it or not."""
    return _ACCESS_KEY.fullmatch(key.reveal()) is not None


class AwsLogin:
    """An `Authoriser`: `secret` is an access key as `is_access_key` knows it; None is the login of this machine.

    That login is the one AWS's own tools use: the environment, the profile (`profile` or the default one), single
    sign-on, or the role of the machine.
    """

    def __init__(
        self, name: str, secret: "Secret | None", profile: str = "", environ: "Mapping[str, str]" = os.environ
    ) -> None:
        """Import and read nothing yet; `name` is the provider's, for messages."""
        self.secret = secret
        self._name = name
        self._profile = profile
        self._environ = environ
        self._loading = asyncio.Lock()
        self._signer: Any = None
        self._request: Any = None
        self._credentials: Any = None

    async def headers(self, request: Unsigned) -> Headers:
        """Return authorization and date, and for a login that does not last the session's token.

        Raises:
            FaultError: NEEDS_KEY without a login, CONFIG_ERROR without botocore or a region.
        """
        service, region = self._place(request.url)
        credentials = self._credentials
        if credentials is None:
            async with self._loading:
                credentials = self._credentials = self._credentials or await asyncio.to_thread(self._load)
        if self.secret is None:  # it may have to be renewed, which asks AWS
            credentials = await asyncio.to_thread(self._fresh, credentials)
        signer = self._signer(credentials, service, region)
        if len(request.body) > _LARGE_BYTES:
            return await asyncio.to_thread(self._signed, signer, request)
        return self._signed(signer, request)

    def _signed(self, signer: Any, request: Unsigned) -> Headers:
        """What `signer` adds to a request."""
        kept = {name: value for name, value in request.headers if name.startswith("x-amz-") or name == "content-type"}
        signed = self._request(method=request.method, url=request.url, headers=kept, data=request.body)
        signer.add_auth(signed)
        return tuple((n.lower(), v) for n, v in signed.headers.items() if n.lower() not in kept)

    def refused(self) -> bool:
        """Look for the machine's login anew; AWS refuses with another status than the one that may be tried again."""
        if self.secret is None:
            self._credentials = None
        return False

    def _place(self, url: str) -> tuple[str, str]:
        """The service and the region that an address is in."""
        found = _PLACE.search(urlsplit(url).hostname or "")
        if found is not None:
            return _SERVICES.get(found[1], "bedrock"), found[2]
        region = next((self._environ[name] for name in _REGIONS if self._environ.get(name)), "")
        if not region:
            raise FaultError(
                Fault(
                    FaultKind.CONFIG_ERROR,
                    f"{self._name} cannot be asked: its base_url names no region of AWS.",
                    "Use an address such as https://bedrock-runtime.us-east-1.amazonaws.com, or set AWS_REGION.",
                    self._name,
                )
            )
        return "bedrock", region

    def _load(self) -> Any:
        """Import botocore and find the credentials; in a thread."""
        auth, requests, credentials = modules(
            self._name, EXTRA, "botocore.auth", "botocore.awsrequest", "botocore.credentials"
        )
        self._signer, self._request = auth.SigV4Auth, requests.AWSRequest
        if self.secret is not None:
            return credentials.Credentials(*self.secret.reveal().split(":"))
        (session,) = modules(self._name, EXTRA, "botocore.session")
        try:
            found = session.Session(profile=self._profile or None).get_credentials()
        except self._refusals() as error:
            raise self._no_login(f": {str(error).rstrip('.')}.") from error
        if found is None:
            raise self._no_login(".")
        return found

    def _fresh(self, credentials: Any) -> Any:
        """The credentials as they are good now; in a thread."""
        try:
            return credentials.get_frozen_credentials()
        except self._refusals() as error:
            self.refused()
            raise self._no_login(f": {str(error).rstrip('.')}.") from error

    def _refusals(self) -> tuple[type[Exception], ...]:
        """What botocore raises without a login: AWS's refusal is none of its own errors, nor is a program not found."""
        (errors,) = modules(self._name, EXTRA, "botocore.exceptions")
        return errors.BotoCoreError, errors.ClientError, RuntimeError, ValueError, OSError

    def _no_login(self, why: str) -> FaultError:
        profile = f" --profile {self._profile}" if self._profile else ""
        return FaultError(
            Fault(
                FaultKind.NEEDS_KEY,
                f"{self._name} finds no login for AWS on this machine{why}",
                f"Log in with `aws sso login{profile}` or `aws configure{profile}`, or store a key here.",
                self._name,
            )
        )
