"""Credentials worked out for each request: what an authoriser sees, what is sent, and what a refusal does."""

import subprocess
import sys
from typing import Any

import httpx
import pytest

from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.secret import Secret
from app.net.authoriser import Headers, Unsigned, modules
from app.net.client import ClientOptions, UpstreamClient


class Stamp:
    """Counts requests in a header."""

    secret: Secret | None = None

    def __init__(self) -> None:
        self.seen: list[Unsigned] = []
        self.refusals = 0
        self.renewable = False

    async def headers(self, request: Unsigned) -> Headers:
        if request.body == b"never":
            raise FaultError(Fault(FaultKind.NEEDS_KEY, "No login."))
        self.seen.append(request)
        return (("Authorization", f"Stamp {len(self.seen)}"), ("x-stamp", "yes"))

    def refused(self) -> bool:
        self.refusals += 1
        renewed, self.renewable = self.renewable, False
        return renewed


@pytest.mark.parametrize("http2", [False, True])
async def test_every_request_is_authorised_anew(
    serve: Any, always: Any, monkeypatch: pytest.MonkeyPatch, http2: bool
) -> None:
    monkeypatch.setattr("app.net.http2.available", lambda: True)  # httpx's own way, with HTTP/1.1
    real = httpx.AsyncHTTPTransport
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", lambda http2, **options: real(http2=False, **options))
    server = await serve(always(b"HTTP/1.1 401 X\r\ncontent-length: 2\r\n\r\n{}"))
    stamp = Stamp()
    options = ClientOptions("Example", server.url, stamp, headers=(("x-own", "1"),), http2=http2, proxy="none")
    client = UpstreamClient(options, {})
    for _ in range(2):
        await (await client.post("/chat", b"{}", stream=False, headers=(("x-more", "2"),))).read()
    await (await client.get("/models")).read()
    with pytest.raises(FaultError, match="No login"):
        await client.post("/chat", b"never", stream=False)
    await client.aclose()
    first, _, third = stamp.seen
    assert (first.method, first.url, first.body) == ("POST", f"{server.url}/chat", b"{}")
    assert {("x-own", "1"), ("x-more", "2"), ("content-type", "application/json")} <= set(first.headers)
    assert (third.method, third.url, third.body) == ("GET", f"{server.url}/models", b"")
    sent = [request.lower() for request in server.requests]
    for number, request in enumerate(sent, 1):
        assert b"\r\nauthorization: stamp %d\r\n" % number in request
        assert request.count(b"authorization:") == request.count(b"x-stamp: yes") == 1
    assert stamp.refusals == len(sent) == 3


async def test_a_credential_that_can_be_renewed_is_tried_again_once(serve: Any, always: Any) -> None:
    server = await serve(always(b"HTTP/1.1 401 X\r\ncontent-length: 2\r\n\r\n{}"))
    stamp = Stamp()
    stamp.renewable = True
    client = UpstreamClient(ClientOptions("Example", server.url, stamp, proxy="none"), {})
    reply = await client.post("/chat", b"{}", stream=False)
    assert (reply.status, await reply.read()) == (401, b"{}")
    await client.aclose()
    assert len(server.requests) == stamp.refusals == 2
    assert b"authorization: Stamp 2" in server.requests[1]


async def test_logging_in_sends_nothing(serve: Any, always: Any) -> None:
    server = await serve(always(b""))
    stamp = Stamp()
    for credential in (stamp, None):
        client = UpstreamClient(ClientOptions("Example", server.url, credential, proxy="none"), {})
        await client.log_in()
        await client.aclose()
    assert (len(stamp.seen), server.connections) == (1, 0)


def test_no_package_of_a_cloud_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, app.runtime; print([m for m in ('botocore', 'google.auth', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_package_names_the_extra() -> None:
    assert modules("Example", "x", "json.decoder")[0].__name__ == "json.decoder"
    with pytest.raises(FaultError) as caught:
        modules("Example", "cloud", "json", "nowhere_at_all.inside")
    assert caught.value.fault.message == "Example cannot be asked: the package nowhere_at_all is not installed."
    assert caught.value.fault.remedy == 'Install it with: pip install "switchtower[cloud]".'
