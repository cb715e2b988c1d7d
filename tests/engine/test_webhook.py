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

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        self.requests.append((head.splitlines()[0], json.loads(await reader.readexactly(length))))
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


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hook", "http://example.com/hook", "nonsense", "https://"])
async def test_what_goes_wrong_is_logged_without_the_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await send("env:HOOK", ALERT, environ={"HOOK": url})
    assert "alert not sent" in caplog.text
    assert "hook" not in caplog.text.replace("webhook", "").replace("hook.py", "")


async def test_a_refusal_is_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.status = 410
    await send("env:HOOK", ALERT, environ={"HOOK": receiver.url})
    assert "status 410" in caplog.text


async def test_few_are_under_way_at_once(receiver: Receiver) -> None:
    await send("env:HOOK", *[ALERT] * 30, environ={"HOOK": receiver.url})
    assert len(receiver.requests) == 5
