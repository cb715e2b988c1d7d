"""google-auth's requests over our own connections: from a thread, with faults as its own errors."""

import asyncio
from typing import Any

import pytest
from google.auth.exceptions import TransportError

from app.domain.faults import FaultError, FaultKind
from app.net.google_transport import GoogleTransport

REPLY = b'HTTP/1.1 201 X\r\nMetadata-Flavor: Google\r\ncontent-length: 4\r\n\r\n{"a"'


async def ask(*told: Any, **more: Any) -> Any:
    return await asyncio.to_thread(GoogleTransport(proxy="none").bound(asyncio.get_running_loop()), *told, **more)


async def test_both_methods_with_their_headers(serve: Any, always: Any) -> None:
    server = await serve(always(REPLY))
    url = f"http://127.0.0.1:{server.port}/computeMetadata/v1/?recursive=true"
    got = await ask(url, headers={"Metadata-Flavor": "Google"}, timeout=3, unknown=1)
    assert (got.status, got.headers["metadata-flavor"], got.data) == (201, "Google", b'{"a"')
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    await ask(url=url, method="POST", body=b"a=b", headers=form)
    first, second = (request.decode().lower() for request in server.requests)
    assert first.startswith("get /computemetadata/v1/?recursive=true http/1.1\r\n")
    assert "\r\nmetadata-flavor: google\r\n" in first
    assert second.endswith("\r\n\r\na=b")
    assert second.count("content-type:") == 1
    assert "\r\ncontent-type: application/x-www-form-urlencoded\r\n" in second
    await server.until(lambda: server.open == 0)


@pytest.mark.parametrize(
    ("url", "kind"),
    [("http://127.0.0.1:1/token", FaultKind.UNREACHABLE), ("http://oauth2.example.com/", FaultKind.CONFIG_ERROR)],
)
async def test_a_fault_is_an_error_that_google_auth_knows(url: str, kind: FaultKind) -> None:
    with pytest.raises(TransportError, match="Google's login") as caught:
        await ask(url)
    cause = caught.value.__cause__
    assert isinstance(cause, FaultError)
    assert cause.fault.kind is kind


async def test_a_thread_does_not_wait_for_a_loop_that_answers_nobody() -> None:
    loop = asyncio.new_event_loop()  # it does not run
    try:
        with pytest.raises(TransportError, match="given up"):
            await asyncio.to_thread(GoogleTransport().bound(loop), "http://127.0.0.1:1/token", timeout=0.01)
    finally:
        await asyncio.to_thread(loop.run_until_complete, asyncio.sleep(0.01))  # what was given up is cancelled
        loop.close()
