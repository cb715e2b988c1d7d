"""The windows over the real program: real settings, real servers, a real failover; only the keyring is in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.domain.status import HealthState
from app.runtime import Runtime
from app.store.memory_keyring import MemoryKeyring
from app.store.paths import Paths
from app.store.secrets import KeyStore
from app.ui.bridge import Bridge
from app.ui.windows.health import HealthPage
from app.ui.windows.main import MainWindow
from app.ui.windows.usage import UsagePage
from app.ui.windows.welcome import Welcome
from faults.upstream import FaultyUpstream

TOKEN = "sk-local-test-0123456789"
QUESTION = {"model": "test-small", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    environ = {"SWITCHTOWER_HOME": str(tmp_path), "SWITCHTOWER_TOKEN": TOKEN}
    made = Runtime(Paths.from_environ(environ), environ, keys=KeyStore(environ, backend=MemoryKeyring()))
    await made.start(port=0)
    yield made
    await made.stop()


@pytest.fixture
async def window(qtbot: QtBot, runtime: Runtime) -> AsyncIterator[MainWindow]:
    bridge = Bridge()
    made = MainWindow(bridge, lambda: None)
    qtbot.addWidget(made)
    bridge.attach(runtime)
    made.present()
    yield made
    bridge.detach()


async def until(true: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(15):
            while not true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited in vain for {what}")


async def add(window: MainWindow, upstream: FaultyUpstream) -> None:
    """Add a provider as a user does: search, type the address, add, done."""
    window.add_provider()
    welcome = window.findChildren(Welcome)[-1]
    await until(welcome.isVisible, "the dialog")
    welcome.picker.search.setText("openai-compatible")
    welcome.form.url_edit.setText(upstream.base_url)
    welcome.add.click()
    await until(lambda: welcome.steps.currentIndex() == 1, "the last step")
    welcome.done_button.click()


async def ask(runtime: Runtime) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{runtime.snapshot().listening}/chat/completions"
        reply = await client.post(url, json=QUESTION, headers={"authorization": f"Bearer {TOKEN}"})
        return reply.status_code


def states(page: HealthPage) -> list[HealthState]:
    return [row.state for row in page.model.rows]


async def test_two_are_added_one_is_killed_and_usage_counts_both(window: MainWindow, runtime: Runtime) -> None:
    page = window.findChild(HealthPage)
    async with FaultyUpstream("first") as first, FaultyUpstream("second") as second:
        await add(window, first)
        await add(window, second)
        await until(lambda: states(page) == [HealthState.HEALTHY] * 2, "both providers up")
        assert [await ask(runtime) for _ in range(4)] == [200] * 4
        first.kill()
        assert [await ask(runtime) for _ in range(4)] == [200] * 4
        assert first.posts
        assert second.posts
        await until(lambda: HealthState.UNREACHABLE in states(page), "the killed one shown as down")
        page.table.selectRow(states(page).index(HealthState.UNREACHABLE))
        assert page.details.error.toPlainText() != "No error."
        window.present("usage")
        usage = window.findChild(UsagePage)
        await until(lambda: usage.model.total.requests == 8, "all requests in the table")
        assert usage.model.total.input_tokens > 0
        assert usage.model.rowCount() == 3


async def test_a_provider_that_does_not_answer_can_be_added_all_the_same(window: MainWindow, runtime: Runtime) -> None:
    async with FaultyUpstream("gone") as gone:
        gone.kill()
        window.add_provider(first=True)
        welcome = window.findChildren(Welcome)[-1]
        await until(welcome.isVisible, "the dialog")
        welcome.picker.search.setText("openai-compatible")
        welcome.form.url_edit.setText(gone.base_url)
        welcome.add.click()
        await until(lambda: welcome.add.text() == "&Add anyway", "the failed test")
        assert welcome.verdict.text.text()
        welcome.add.click()
        await until(lambda: runtime.snapshot().providers, "the provider")


async def test_switching_off_removing_and_using_only_one(window: MainWindow, runtime: Runtime) -> None:
    page = window.findChild(HealthPage)
    async with FaultyUpstream("first") as first, FaultyUpstream("second") as second:
        await add(window, first)
        await add(window, second)
        await until(lambda: states(page) == [HealthState.HEALTHY] * 2, "both providers up")
        page.table.selectRow(0)
        page.enable.click()
        await until(lambda: states(page)[0] is HealthState.DISABLED, "the first one off")
        assert await ask(runtime) == 200
        assert (len(first.posts), len(second.posts)) == (0, 1)
        page.enable.click()
        await until(lambda: states(page)[0] is not HealthState.DISABLED, "the first one on")
        page.table.selectRow(1)
        page.only.click()
        await until(page.automatic.isVisible, "only the second one")
        assert await ask(runtime) == 200
        assert (len(first.posts), len(second.posts)) == (0, 2)
        page.automatic.click()
        await until(lambda: not page.automatic.isVisible(), "all of them")
        page.test.click()
        await until(lambda: "answered in" in window.banner.news.text.text(), "the result of the test")
        page.remove.click()
        box = page.findChild(QPushButton, "question-yes")
        box.click()
        await until(lambda: len(page.model.rows) == 1, "one provider left")
