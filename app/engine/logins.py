"""Which credential a provider gets: a key in a header, or a login that is worked out for each request."""

from dataclasses import replace
from functools import partial

from app.domain.faults import Fault, FaultKind
from app.domain.secret import Secret
from app.net.authoriser import Authoriser
from app.net.aws_login import AwsLogin, is_access_key
from app.net.client import Credential
from app.net.google_login import GoogleLogin, is_account
from app.net.google_transport import GoogleTransport
from app.providers.spec import Auth, ProviderSpec
from app.store.settings import Provider as Settings

MACHINE = "default"
"""`key` in the settings: the login that this machine has for the provider's cloud anyway."""

_PROFILE = "profile:"
_VARIABLE = "env:"
_LOG_IN = "Log in again with the tool of that cloud (`aws sso login`, `gcloud auth application-default login`)."
_AWS = (Auth.AWS, Auth.AWS_X_API_KEY)


def is_machines(source: str) -> bool:
    """Whether `key` in the settings means a login of this machine, no key of ours."""
    return source == MACHINE or source.startswith(_PROFILE)


def of_machine(spec: ProviderSpec, settings: Settings) -> Authoriser | None:
    """The login of this machine for a provider of that kind; None where there is no such thing."""
    profile = settings.key.removeprefix(_PROFILE) if settings.key.startswith(_PROFILE) else ""
    if spec.auth in _AWS:
        return AwsLogin(spec.name, None, profile)
    return _google(spec, settings, None) if spec.auth is Auth.GOOGLE and not profile else None


def remedied(fault: Fault, spec: ProviderSpec, settings: Settings) -> Fault:
    """A refused key with the remedy for where it comes from; any other fault as it is."""
    if fault.kind is not FaultKind.AUTH:
        return fault
    source, remedy = (
        settings.key,
        f"Replace its key: in the window under Health, or `switchtower keys set {settings.id}`.",
    )
    if spec.auth is Auth.NONE:
        remedy = "It was sent none: add it as openai-compatible with its address and its key."
    elif source == "none":
        remedy = f'It was sent none: set key = "keyring" in the settings, then `switchtower keys set {settings.id}`.'
    elif source.startswith(_VARIABLE):
        remedy = f"Correct the variable {source.removeprefix(_VARIABLE)} and start Switchtower again."
    elif is_machines(source):
        remedy = _LOG_IN
    return replace(fault, remedy=remedy)


def refused(fault: Fault) -> Fault:
    """What a refused login of this machine means: there is no key of ours that is to rest until it changes."""
    if fault.kind is not FaultKind.AUTH:
        return fault
    return replace(fault, kind=FaultKind.NEEDS_KEY, remedy=_LOG_IN)


def of_key(spec: ProviderSpec, settings: Settings, key: Secret | None) -> Credential | Authoriser | None:
    """What is made of a stored key; None when there is none, or the provider takes none."""
    header = spec.auth.header
    if key is None or header is None:
        return None
    if spec.auth in _AWS and is_access_key(key):
        return AwsLogin(spec.name, key)
    if spec.auth is Auth.GOOGLE and is_account(key):
        return _google(spec, settings, key)
    return Credential(*header, key)


def _google(spec: ProviderSpec, settings: Settings, key: Secret | None) -> GoogleLogin:
    transport = partial(GoogleTransport, proxy=settings.proxy, ca_file=settings.ca_file)
    return GoogleLogin(spec.name, key, transport)
