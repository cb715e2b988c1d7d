"""The health page."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.status import BreakerState, HealthState
from app.store.settings_errors import SettingsError
from app.ui.bridge import Bridge
from app.ui.windows.health import HealthPage, headline
from app.ui.windows.key import KeyDialog
from ui.fake_runtime import FakeRuntime, provider


@pytest.fixture
def added() -> list[int]:
    return []


@pytest.fixture
def page(qtbot: QtBot, bridge: Bridge, added: list[int]) -> HealthPage:
    made = HealthPage(bridge, lambda: added.append(1))
    qtbot.addWidget(made)
    made.resize(900, 600)
    return made


def selected(page: HealthPage) -> str:
    return page.selected.id if page.selected is not None else ""


def select(page: HealthPage, provider_id: str) -> None:
    page.table.selectRow(page.model.find(provider_id))


def test_the_first_provider_is_selected_and_shown(page: HealthPage) -> None:
    assert selected(page) == "alpha"
    assert page.details.name.text() == "alpha · Up"
    assert page.headline.text() == "2 of 2 providers up"


def test_the_selection_stays_with_the_provider(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    select(page, "beta")
    fake.change(providers=(provider("new"), *fake.state.providers))
    bridge.refresh()
    assert selected(page) == "beta"
    fake.change(providers=tuple(reversed(fake.state.providers)))
    bridge.refresh()
    assert selected(page) == "beta"
    fake.change(providers=tuple(p for p in fake.state.providers if p.id != "beta"))
    bridge.refresh()
    assert selected(page) in ("alpha", "new")


def test_a_provider_that_goes_down_shows_its_error(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change_provider("alpha", state=HealthState.UNREACHABLE, detail="alpha is <b>gone</b>. Wait.", failures=3)
    bridge.refresh()
    assert page.details.error.toPlainText() == "alpha is <b>gone</b>. Wait."
    assert page.headline.text() == "1 of 2 providers up"


def test_without_providers_there_is_a_way_on(
    page: HealthPage, bridge: Bridge, fake: FakeRuntime, added: list[int]
) -> None:
    fake.change(providers=())
    bridge.refresh()
    page.show()
    button = page.findChild(QPushButton, "add-first-provider")
    assert button.isVisible()
    assert not page.table.isVisible()
    button.click()
    page.add.click()
    assert added == [1, 1]


def test_before_the_program_has_started(qtbot: QtBot) -> None:
    page = HealthPage(Bridge(), lambda: None)
    qtbot.addWidget(page)
    page.show()
    assert not page.table.isVisible()
    assert page.selected is None
    for do in (page._toggle, page._use_only, page._test, page._ask_trial, page._replace_key, page._ask_remove):
        do()


async def test_switching_off_and_on(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    page.enable.click()
    await fake.settle()
    assert fake.calls[-1] == ("enable_provider", "alpha", False)
    assert page.enable.text() == "&Enable"
    assert not page.test.isEnabled()
    assert not page.only.isEnabled()
    assert headline(fake.snapshot()) == "1 of 1 provider up · 1 off"
    page.enable.click()
    await fake.settle()
    assert fake.calls[-1] == ("enable_provider", "alpha", True)


async def test_a_provider_that_is_left_alone_can_be_tried_now(
    page: HealthPage, bridge: Bridge, fake: FakeRuntime
) -> None:
    assert page.test.text() == "&Test"
    fake.change_provider("alpha", breaker=BreakerState.OPEN)
    bridge.refresh()
    assert page.test.text() == "&Try now"
    page.test.click()
    await fake.settle()
    assert fake.calls[-1] == ("try_now", "alpha")
    assert page.test.text() == "&Test"


def test_offline_is_one_state(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change(offline=True)
    bridge.refresh()
    assert page.headline.text() == "No provider can be reached"


async def test_using_only_one(page: HealthPage, fake: FakeRuntime) -> None:
    page.show()
    assert not page.automatic.isVisible()
    select(page, "beta")
    page.only.click()
    await fake.settle()
    assert fake.calls[-1] == ("force_provider", "beta")
    assert not page.only.isEnabled()
    assert page.automatic.isVisible()
    assert page.headline.text() == "2 of 2 providers up · only beta is asked"
    page.automatic.click()
    await fake.settle()
    assert fake.calls[-1] == ("force_provider", "")
    assert not page.automatic.isVisible()


async def test_a_test_is_told(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    said: list[tuple[str, str, bool]] = []
    bridge.notice_here.connect(lambda *news: said.append(news))
    page.test.click()
    assert page.test.text() == "Testing…"
    assert not page.test.isEnabled()
    select(page, "beta")
    assert page.test.isEnabled()
    await fake.settle()
    assert said == [("alpha answered in 212 ms", "", False)]
    fake.change_provider("beta", state=HealthState.UNREACHABLE, detail="Gone. Wait.")
    bridge.refresh()
    page.test.click()
    await fake.settle()
    assert said[-1] == ("beta: Down", "Gone. Wait.", True)
    fake.change_provider("beta", state=HealthState.UNKNOWN, detail="")
    bridge.refresh()
    page.test.click()
    await fake.settle()
    title, text, bad = said[-1]
    assert (title, bad) == ("beta: Not tried yet", False)
    assert "nothing that could be asked for free" in text
    assert page.message.text().replace("&", "") in text
    assert page.test.text() == "&Test"


async def test_a_command_that_fails_is_told(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    failed: list[str] = []
    bridge.failed.connect(failed.append)
    fake.error = SettingsError("config.toml cannot be written: the disk is full.")
    page.enable.click()
    await fake.settle()
    assert failed == ["Switch alpha off: config.toml cannot be written: the disk is full."]
    assert page.enable.text() == "&Disable"


async def test_removing_asks_first(qtbot: QtBot, page: HealthPage, fake: FakeRuntime) -> None:
    page.remove.click()
    box = page.findChild(QMessageBox, "question")
    assert "alpha" in box.text()
    assert fake.calls == []
    with qtbot.waitSignal(box.finished):
        box.findChild(QPushButton, "question-yes").click()
    await fake.settle()
    assert fake.calls[-1] == ("remove_provider", "alpha")
    assert selected(page) == "beta"


async def test_a_message_is_sent_when_its_cost_was_agreed_to(
    qtbot: QtBot, page: HealthPage, bridge: Bridge, fake: FakeRuntime
) -> None:
    said: list[tuple[str, str, bool]] = []
    bridge.notice_here.connect(lambda *news: said.append(news))
    page.message.click()
    box = page.findChild(QMessageBox, "question")
    assert "It costs" in box.text()
    assert "small" in box.text()
    with qtbot.waitSignal(box.finished):
        box.findChild(QPushButton, "question-no").click()
    assert fake.calls == []
    page._send_trial("alpha", "small")
    assert not page.message.isEnabled()
    await fake.settle()
    assert fake.calls == [("send_trial", "alpha", "small")]
    assert said == [("alpha/small answered in 321 ms", "“Hello!” · 9 tokens in, 3 out", False)]
    assert page.message.isEnabled()
    fake.trial_problem = "OpenAI refused the key. Replace it."
    page._send_trial("alpha", "small")
    await fake.settle()
    assert said[-1] == ("alpha/small did not answer", "OpenAI refused the key. Replace it.", True)


def test_no_message_without_the_name_of_a_model(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    said: list[tuple[str, str, bool]] = []
    bridge.notice_here.connect(lambda *news: said.append(news))
    fake.trial_models.clear()
    page.message.click()
    assert said == [
        ("The models of alpha are not known", "Press Test first: a message needs the name of one of its models.", True)
    ]
    assert page.findChild(QMessageBox, "question") is None


def test_replacing_a_key_opens_a_dialog(page: HealthPage) -> None:
    page.key.click()
    dialog = page.findChild(KeyDialog)
    assert dialog.windowTitle() == "Key of alpha"
    dialog.reject()


def test_health_is_watched_closely_only_while_it_is_seen(page: HealthPage, bridge: Bridge, fake: FakeRuntime) -> None:
    page.show()
    bridge.refresh()
    page.hide()
    bridge.refresh()
    assert fake.calls == [("watch_closely", True), ("watch_closely", False)]


def test_a_page_seen_before_the_start_is_watched_from_the_start(qtbot: QtBot, fake: FakeRuntime) -> None:
    bridge = Bridge()
    page = HealthPage(bridge, lambda: None)
    qtbot.addWidget(page)
    page.show()
    bridge.attach(fake)  # type: ignore[arg-type]
    assert fake.calls == [("watch_closely", True)]
    bridge.detach()


def test_everything_is_reached_by_keyboard(page: HealthPage) -> None:
    buttons = [b for b in page.findChildren(QPushButton) if b.objectName() != "add-first-provider"]
    assert all(button.objectName() for button in buttons)
    letters = [text[text.index("&") + 1].lower() for text in (button.text() for button in buttons)]
    assert len(letters) == len(set(letters))
    assert all(button.focusPolicy() & Qt.FocusPolicy.TabFocus for button in buttons)


def test_headlines() -> None:
    off = provider("a", HealthState.DISABLED, enabled=False)
    assert headline(FakeRuntime((off,)).snapshot()) == "No provider is on · 1 off"
    untried = provider("b", HealthState.UNKNOWN)
    assert headline(FakeRuntime((untried,)).snapshot()) == "0 of 1 provider up · 1 not tried yet"
    assert headline(FakeRuntime((untried, off, provider("c"))).snapshot()) == (
        "1 of 2 providers up · 1 not tried yet · 1 off"
    )
