"""Alerts over HTTP to a real server on loopback."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from app.domain.events import AlertKind, AlertRaised, ProvidersChanged
from app.engine.webhook import Webhook
from app.store.settings import Alerts

ALERT = AlertRaised(AlertKind.BUDGET_NEAR, "all", "The budget is 80% spent.")
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


class Receiver:
    def __init__(self, status: int = 204) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.status = status
        self.url = ""
        self.release = asyncio.Event()
        self.release.set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        self.requests.append((head.splitlines()[0], json.loads(await reader.readexactly(length))))
        await self.release.wait()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/T0?x=1"
    yield receiver
    server.close()


async def send(url: str, *events: object, environ: dict[str, str] | None = None) -> None:
    async with asyncio.TaskGroup() as group:
        webhook = Webhook(
            lambda: Alerts(webhook=url), environ or {}, lambda _, work: group.create_task(work), lambda: AT
        )
        for event in events:
            webhook.hear(event)  # type: ignore[arg-type]


async def test_an_alert_is_posted(receiver: Receiver) -> None:
    await send("env:HOOK", ProvidersChanged(), ALERT, environ={"HOOK": receiver.url})
    assert receiver.requests == [
        (
            "POST /hooks/T0?x=1 HTTP/1.1",
            {
                "event": "alert", "kind": "budget_near", "subject": "all", "text": "The budget is 80% spent.",
                "at": "2026-11-24T10:00:00Z",
            },
        )
    ]  # fmt: skip


async def test_without_an_address_it_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    await send("", ALERT)
    await send("env:NOT_SET", ALERT)
    assert [record.message for record in caplog.records] == [
        "alert kind=budget_near subject=all: The budget is 80% spent."
    ] * 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/hook",
        "http://example.com/hook",
        "nonsense",
        "https://",
        "https://[bad",
        "ftp://127.0.0.1/hook",
    ],
)
async def test_what_goes_wrong_is_logged_without_the_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await send("env:HOOK", ALERT, environ={"HOOK": url})
    assert "alert not sent to the webhook: " in caplog.text
    assert "hook" not in caplog.text.replace("webhook", "").replace("hook.py", "")


async def test_a_refusal_is_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.status = 410
    await send("env:HOOK", ALERT, environ={"HOOK": receiver.url})
    assert "status 410" in caplog.text


async def test_many_at_once_are_sent_few_at_a_time(receiver: Receiver) -> None:
    receiver.release.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(send("env:HOOK", *[ALERT] * 30, environ={"HOOK": receiver.url}))
        while len(receiver.requests) < 5:
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        assert len(receiver.requests) == 5
        receiver.release.set()
    assert len(receiver.requests) == 30


async def test_what_is_too_much_is_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    await send("env:HOOK", *[ALERT] * 107, environ={"HOOK": receiver.url})
    assert len(receiver.requests) == 105
    assert sum("100 wait for it already" in record.message for record in caplog.records) == 2


async def test_a_password_in_the_address_is_called_what_it_is(caplog: pytest.LogCaptureFixture) -> None:
    await send("env:HOOK", ALERT, environ={"HOOK": "https://user:pa55word9@127.0.0.1:9/x"})
    assert "alert not sent to the webhook: its address holds a user or password" in caplog.text
    assert "base_url" not in caplog.text
    assert "pa55word9" not in caplog.text
