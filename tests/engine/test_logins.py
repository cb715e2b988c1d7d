"""Which credential comes of what the settings and the keyring say."""

import pytest

from app.domain.faults import Fault, FaultKind
from app.domain.secret import Secret
from app.engine import logins
from app.net.aws_login import AwsLogin
from app.net.client import Credential
from app.net.google_login import GoogleLogin
from app.providers.spec import OPENAI, Auth, ProviderSpec
from app.store.settings import Provider
from contract.clouds import ACCESS_KEY, SECRET_KEY

ACCESS = f"{ACCESS_KEY}:{SECRET_KEY}"


def spec(auth: Auth) -> ProviderSpec:
    return ProviderSpec("cloud", "Cloud", OPENAI, "", auth)


def settings(key: str = "keyring") -> Provider:
    return Provider(id="cloud", kind="cloud", key=key)


@pytest.mark.parametrize(
    ("auth", "key", "header"),
    [
        (Auth.BEARER, ACCESS, ("authorization", "Bearer ")),
        (Auth.API_KEY_HEADER, "abc", ("api-key", "")),
        (Auth.AWS, "ABSKQmVkcm9ja0FQSUtleS1", ("authorization", "Bearer ")),
        (Auth.AWS_X_API_KEY, "ABSKQmVkcm9ja0FQSUtleS1", ("x-api-key", "")),
        (Auth.GOOGLE, "AIzaSyExample", ("x-goog-api-key", "")),
        (Auth.GOOGLE, ACCESS, ("x-goog-api-key", "")),
    ],
)
def test_a_key_in_a_header(auth: Auth, key: str, header: tuple[str, str]) -> None:
    assert logins.of_key(spec(auth), settings(), Secret(key)) == Credential(*header, Secret(key))


def test_no_key() -> None:
    assert logins.of_key(spec(Auth.AWS), settings(), None) is None
    assert logins.of_key(spec(Auth.NONE), settings(), Secret("abc")) is None


@pytest.mark.parametrize(
    ("auth", "key", "kind"), [(Auth.AWS, ACCESS, AwsLogin), (Auth.GOOGLE, '{"type":"service_account"}', GoogleLogin)]
)
def test_a_key_that_signs(auth: Auth, key: str, kind: type) -> None:
    login = logins.of_key(spec(auth), settings(), Secret(key))
    assert isinstance(login, kind)
    assert login.secret == Secret(key)


@pytest.mark.parametrize(
    ("auth", "source", "kind"),
    [
        (Auth.AWS, "default", AwsLogin),
        (Auth.AWS, "profile:work", AwsLogin),
        (Auth.AWS_X_API_KEY, "default", AwsLogin),
        (Auth.GOOGLE, "default", GoogleLogin),
        (Auth.GOOGLE, "profile:work", type(None)),
        (Auth.BEARER, "default", type(None)),
    ],
)
def test_the_login_of_the_machine(auth: Auth, source: str, kind: type) -> None:
    assert logins.is_machines(source)
    login = logins.of_machine(spec(auth), settings(source))
    assert isinstance(login, kind)
    assert login is None or login.secret is None


@pytest.mark.parametrize("source", ["keyring", "none", "env:AWS_PROFILE"])
def test_what_is_no_login_of_the_machine(source: str) -> None:
    assert not logins.is_machines(source)


def test_a_refused_login_of_the_machine_is_no_key_that_rests() -> None:
    refused = Fault(FaultKind.AUTH, "Bedrock refused the key: expired.", "Paste a valid key.", "Bedrock")
    told = logins.refused(refused)
    assert (told.kind, told.message) == (FaultKind.NEEDS_KEY, refused.message)
    assert "aws sso login" in told.remedy
    limited = Fault(FaultKind.RATE_LIMITED, "Slowly.")
    assert logins.refused(limited) is limited


@pytest.mark.parametrize(
    ("auth", "source", "said"),
    [
        (Auth.BEARER, "keyring", "`switchtower keys set "),
        (Auth.BEARER, "env:ACME_KEY", "Correct the variable ACME_KEY"),
        (Auth.BEARER, "none", 'set key = "keyring"'),
        (Auth.NONE, "keyring", "It was sent none"),
        (Auth.GOOGLE, "default", "Log in again"),
    ],
)
def test_the_remedy_of_a_refused_key_is_where_it_comes_from(auth: Auth, source: str, said: str) -> None:
    refused = Fault(FaultKind.AUTH, "It refused the key.", "Somehow.", "p")
    assert said in logins.remedied(refused, spec(auth), settings(source)).remedy
    limited = Fault(FaultKind.RATE_LIMITED, "Slowly.")
    assert logins.remedied(limited, spec(auth), settings(source)) is limited
