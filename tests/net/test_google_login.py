"""Tokens of Google Cloud: got for a really signed claim, kept, renewed in time, and never for a stranger."""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.domain.faults import FaultError, FaultKind
from app.domain.secret import Secret
from app.net import google_login
from app.net.authoriser import Headers, Unsigned
from app.net.google_login import RENEW_BEFORE_S, GoogleLogin
from app.net.google_transport import GoogleTransport
from contract.clouds import ACCOUNT, PERSON, TokenEndpoint

HOST = "us-central1-aiplatform.googleapis.com"
ASKED = Unsigned("POST", f"https://{HOST}/v1/projects/mine/locations/us-central1/x", (), b"{}")


class Clock:
    """Seconds since 1970 as a test wants them."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def token_of(headers: Headers) -> str:
    (name, value), *rest = headers
    assert (name, rest) == ("authorization", [])
    return value.removeprefix("Bearer ")


async def fault_of(login: GoogleLogin, asked: Unsigned = ASKED) -> FaultError:
    with pytest.raises(FaultError) as caught:
        await login.headers(asked)
    return caught.value


async def test_a_service_account_signs_and_gets_a_token_once() -> None:
    async with TokenEndpoint() as endpoint:
        clock = Clock()
        clock.now_s = time.time()
        login = GoogleLogin("Vertex", Secret(endpoint.account()), clock=clock)
        tokens = {token_of(each) for each in await asyncio.gather(*(login.headers(ASKED) for _ in range(20)))}
        assert tokens == set(endpoint.given)
        assert len(endpoint.given) == 1
        assert endpoint.claims[0]["iss"] == ACCOUNT
        assert endpoint.claims[0]["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        assert not login.refused()
        clock.now_s += 11
        assert login.refused()
        assert token_of(await login.headers(ASKED)) == endpoint.given[1]


async def test_a_token_is_renewed_before_its_end_and_used_to_it_when_google_is_away() -> None:
    clock = Clock()
    async with TokenEndpoint() as endpoint:
        login = GoogleLogin("Vertex", Secret(endpoint.account()), clock=clock)
        await login.headers(ASKED)
        clock.now_s = login._end_s - RENEW_BEFORE_S - 1
        await login.headers(ASKED)
        assert len(endpoint.given) == 1
        clock.now_s += 2
        assert token_of(await login.headers(ASKED)) == endpoint.given[1]
        clock.now_s = login._end_s - 100
        endpoint.status = 400
        assert token_of(await login.headers(ASKED)) == endpoint.given[1]
        clock.now_s = login._end_s + 1
        assert (await fault_of(login)).fault.kind is FaultKind.AUTH


async def test_a_refusal_is_told_and_not_asked_for_again_at_once() -> None:
    clock = Clock()
    async with TokenEndpoint(status=400) as endpoint:
        login = GoogleLogin("Vertex", Secret(endpoint.account()), clock=clock)
        for _ in range(3):
            fault = (await fault_of(login)).fault
            assert fault.kind is FaultKind.AUTH
            assert "invalid_grant: Account is disabled." in fault.message
        assert len(endpoint.claims) == 1
        clock.now_s += 11
        endpoint.status = 200
        assert token_of(await login.headers(ASKED)) == endpoint.given[0]


async def test_a_login_that_cannot_be_reached() -> None:
    async with TokenEndpoint() as endpoint:
        account = endpoint.account()
    fault = (await fault_of(GoogleLogin("Vertex", Secret(account)))).fault
    assert fault.kind is FaultKind.UNREACHABLE
    assert "Google's login (127.0.0.1)" in fault.message


@pytest.mark.parametrize(
    "key",
    [
        "AIzaNoJson",
        "{}",
        '{"token_uri": "https://oauth2.googleapis.com/token"}',
        '{"token_uri": 7}',
        '["token_uri"]',
        '{"token_uri": "http://oauth2.example.com/token", "client_email": "a", "private_key": "b"}',
        '{"token_uri": "http://oauth2.googleapis.com/token", "client_email": "a", "private_key": "b"}',
    ],
)
async def test_what_is_no_key_of_a_service_account(key: str) -> None:
    error = await fault_of(GoogleLogin("Vertex", Secret(key)))
    assert error.fault.kind is FaultKind.NEEDS_KEY
    assert "not one of a service account" in error.fault.message
    assert "JSON file" in error.fault.remedy
    assert key not in repr(error.__cause__)


@pytest.mark.parametrize(
    "token_uri",
    [
        "https://oauth2.example.com/token",
        "https://oauth2.googleapis.com.example.com/token",
        "https://oauth2.googleapis.com@example.com/token",
        "https://evilgoogleapis.com/token",
        "https://script.google.com/macros/s/x/exec",
        "http://169.254.169.254/latest",
        "http://192.168.1.1/token",
        "https:///token",
    ],
)
async def test_what_an_account_signs_goes_to_google_alone(token_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def transport() -> GoogleTransport:
        asked = GoogleTransport(proxy="none")
        monkeypatch.setattr(asked, "_send", None)  # whoever sends something fails in another way
        return asked

    async with TokenEndpoint() as endpoint:
        login = GoogleLogin("Vertex", Secret(endpoint.account(token_uri=token_uri)), transport)
        assert (await fault_of(login)).fault.kind is FaultKind.NEEDS_KEY


@pytest.mark.parametrize(
    "url",
    ["https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token", "http://localhost:1/token"],
)
def test_where_google_gives_tokens(url: str) -> None:
    parts = urlsplit(url)
    assert google_login._is_googles(parts.hostname or "", parts.scheme)


async def test_a_broken_private_key_is_not_repeated() -> None:
    async with TokenEndpoint() as endpoint:
        error = await fault_of(GoogleLogin("Vertex", Secret(endpoint.account(private_key="-----BEGIN hunter2"))))
    assert error.fault.kind is FaultKind.NEEDS_KEY
    assert "hunter2" not in f"{error.fault.text}{error.__cause__!r}"


async def test_the_login_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "adc.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    login = GoogleLogin("Vertex", None)
    fault = (await fault_of(login)).fault
    assert fault.kind is FaultKind.NEEDS_KEY
    assert "gcloud auth application-default login" in fault.remedy
    async with TokenEndpoint() as endpoint:
        file.write_text(endpoint.account())
        login.refused()
        assert token_of(await login.headers(ASKED)) == endpoint.given[0]


async def test_a_persons_login_says_which_project_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "adc.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    async with TokenEndpoint() as endpoint:
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", endpoint.url)
        for told, project in ((PERSON, "mine"), (PERSON | {"quota_project_id": "paying"}, "paying")):
            file.write_text(json.dumps(told))
            login = GoogleLogin("Vertex", None)
            token, payer = await login.headers(ASKED)
            assert token == ("authorization", f"Bearer {endpoint.given[-1]}")
            assert payer == ("x-goog-user-project", project)
            own = ASKED._replace(headers=(("x-goog-user-project", "other"),))
            assert await login.headers(own) == (token,)


async def test_the_login_of_the_machine_is_for_google_alone() -> None:
    asked = ASKED._replace(url="https://aiplatform.googleapis.com.evil.example/v1/x")
    fault = (await fault_of(GoogleLogin("Vertex", None), asked)).fault
    assert fault.kind is FaultKind.CONFIG_ERROR
    assert "goes to Google only" in fault.message


async def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    fault = (await fault_of(GoogleLogin("Vertex", Secret("{}")))).fault
    assert fault.kind is FaultKind.CONFIG_ERROR
    assert 'pip install "switchtower[vertex]"' in fault.remedy
