"""Signatures, checked as AWS does: worked out anew from the request that arrived."""

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.domain.faults import FaultError, FaultKind
from app.domain.secret import Secret
from app.net.authoriser import Unsigned
from app.net.aws_login import AwsLogin, is_access_key
from app.net.client import ClientOptions, UpstreamClient
from contract.clouds import ACCESS_KEY, SECRET_KEY, signed_by

KEY = Secret(f"{ACCESS_KEY}:{SECRET_KEY}")
URL = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a%3A0/invoke"
ASKED = Unsigned("POST", URL, (("accept", "*/*"), ("content-type", "application/json")), b'{"a": 1}')


async def checked(login: AwsLogin, asked: Unsigned = ASKED, secret: str = SECRET_KEY) -> tuple[str, str, str]:
    sent = dict(asked.headers) | {"host": asked.url.split("/")[2]} | dict(await login.headers(asked))
    return signed_by(asked.method, asked.url, sent, asked.body, secret)


@pytest.mark.parametrize(
    ("host", "region", "service"),
    [
        ("bedrock-runtime.eu-west-1.amazonaws.com", "eu-west-1", "bedrock"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "bedrock"),
        ("vpce-0a1-b2.bedrock-runtime.us-east-1.vpce.amazonaws.com", "us-east-1", "bedrock"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1", "bedrock"),
        ("bedrock-mantle.us-west-2.api.aws", "us-west-2", "bedrock-mantle"),
        ("gateway.example.com", "sa-east-1", "bedrock"),
    ],
)
async def test_region_and_service_are_in_the_address(host: str, region: str, service: str) -> None:
    login = AwsLogin("Bedrock", KEY, environ={"AWS_DEFAULT_REGION": "sa-east-1"})
    asked = ASKED._replace(url=f"https://{host}/v1/x?a=b&c=%20")
    assert await checked(login, asked) == (ACCESS_KEY, region, service)


async def test_an_address_without_a_region() -> None:
    with pytest.raises(FaultError) as caught:
        await AwsLogin("Bedrock", KEY, environ={}).headers(ASKED._replace(url="https://gateway.example.com/x"))
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR
    assert "names no region" in caught.value.fault.text


async def test_a_large_body_is_signed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    login = AwsLogin("Bedrock", KEY)
    threads: list[bool] = []
    sign = login._signed
    main = threading.current_thread()
    monkeypatch.setattr(
        login, "_signed", lambda *told: (threads.append(threading.current_thread() is main), sign(*told))[1]
    )
    for size in (10, 2 * 1024 * 1024):
        assert await checked(login, ASKED._replace(body=b"x" * size)) == (ACCESS_KEY, "eu-west-1", "bedrock")
    assert threads == [True, False]


async def test_the_token_of_a_session_is_sent_and_signed() -> None:
    login = AwsLogin("Bedrock", Secret(f"ASIAIOSFODNN7EXAMPLE:{SECRET_KEY}:token/+="))
    assert (await checked(login))[0] == "ASIAIOSFODNN7EXAMPLE"
    assert ("x-amz-security-token", "token/+=") in await login.headers(ASKED)


async def test_headers_of_amazon_are_signed_too() -> None:
    asked = ASKED._replace(headers=(*ASKED.headers, ("x-amz-thing", "1")))
    assert await checked(AwsLogin("Bedrock", KEY), asked) == (ACCESS_KEY, "eu-west-1", "bedrock")


async def test_what_arrives_over_a_connection_is_what_was_signed(serve: Any, always: Any) -> None:
    server = await serve(always(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"))
    login = AwsLogin("Bedrock", KEY, environ={"AWS_REGION": "us-east-1"})
    client = UpstreamClient(ClientOptions("Bedrock", f"http://127.0.0.1:{server.port}/base", login), {})
    await (await client.post("/model/a%3A0/invoke?x=1", b'{"m": "\xc3\xa9"}', stream=False)).read()
    await (await client.get("/models")).read()
    await client.aclose()
    for arrived in server.requests:
        head, _, body = arrived.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        method, target, _ = line.split()
        url = f"http://{headers['host']}{target}"
        assert signed_by(method, url, headers, body) == (ACCESS_KEY, "us-east-1", "bedrock")
    assert len(server.requests) == 2


async def test_the_login_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    login, work = AwsLogin("Bedrock", None), AwsLogin("Bedrock", None, "work")
    for each, why in ((login, "finds no login for AWS"), (work, "The config profile (work) could not be found")):
        with pytest.raises(FaultError) as caught:
            await each.headers(ASKED)
        assert caught.value.fault.kind is FaultKind.NEEDS_KEY
        assert why in caught.value.fault.text
    assert "aws sso login --profile work" in caught.value.fault.remedy
    section = "[{}]\naws_access_key_id={}\naws_secret_access_key={}\n"
    file.write_text(section.format("default", ACCESS_KEY, "one") + section.format("work", ACCESS_KEY[::-1], "two"))
    assert (await checked(login, secret="one"))[0] == ACCESS_KEY
    assert (await checked(work, secret="two"))[0] == ACCESS_KEY[::-1]
    file.write_text(section.format("default", ACCESS_KEY, "new"))
    assert (await checked(login, secret="one"))[0] == ACCESS_KEY
    login.refused()
    assert (await checked(login, secret="new"))[0] == ACCESS_KEY


DENIED = {"Error": {"Code": "AccessDenied", "Message": "User is not authorized to perform: sts:AssumeRole"}}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ClientError(DENIED, "AssumeRole"), "not authorized to perform: sts:AssumeRole"),
        (RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."), "still expired"),
        (FileNotFoundError(2, "No such file or directory", "login-program"), "login-program"),
        (ValueError("Unsupported host"), "Unsupported host"),
    ],
)
async def test_a_role_that_aws_refuses_and_what_else_botocore_lets_out(
    error: Exception, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied() -> None:
        raise error

    login = AwsLogin("Bedrock", None, "work")
    monkeypatch.setattr(login, "_load", lambda: SimpleNamespace(get_frozen_credentials=denied))
    with pytest.raises(FaultError) as caught:
        await login.headers(ASKED)
    assert caught.value.fault.kind is FaultKind.NEEDS_KEY
    assert why in caught.value.fault.message
    assert login._credentials is None


async def test_a_program_for_the_login_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text("[profile work]\ncredential_process = /nowhere/login-program\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    with pytest.raises(FaultError) as caught:
        await AwsLogin("Bedrock", None, "work").headers(ASKED)
    assert caught.value.fault.kind is FaultKind.NEEDS_KEY
    assert "login-program" in caught.value.fault.message


async def test_many_at_once_load_one_login(monkeypatch: pytest.MonkeyPatch) -> None:
    login = AwsLogin("Bedrock", KEY)
    loads: list[int] = []
    load = login._load
    monkeypatch.setattr(login, "_load", lambda: (loads.append(1), load())[1])
    await asyncio.gather(*(login.headers(ASKED) for _ in range(20)))
    assert len(loads) == 1


async def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(FaultError) as caught:
        await AwsLogin("Bedrock", KEY).headers(ASKED)
    assert caught.value.fault.kind is FaultKind.CONFIG_ERROR
    assert "the package botocore is not installed" in caught.value.fault.message
    assert 'pip install "switchtower[bedrock]"' in caught.value.fault.remedy


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (f"{ACCESS_KEY}:{SECRET_KEY}", True),
        (f"{ACCESS_KEY}:{SECRET_KEY}:session", True),
        ("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxlLWF0LTEyMzQ1Njc4OTAxMjo=", False),
        ("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb24=", False),
        (ACCESS_KEY, False),
        (f"sk-something:{SECRET_KEY}", False),
    ],
)
def test_two_sorts_of_keys(key: str, is_one: bool) -> None:
    assert is_access_key(Secret(key)) is is_one
