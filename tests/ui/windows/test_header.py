"""The top of the window."""

from pytestqt.qtbot import QtBot

from app.ui.bridge import Bridge
from app.ui.windows.header import Header
from ui.fake_runtime import FakeRuntime


def test_the_demo_is_labelled(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> None:
    header = Header(bridge)
    qtbot.addWidget(header)
    header.show()
    header.show_snapshot(fake.snapshot())
    assert not header.demo.isVisible()
    fake.change(demo=True)
    header.show_snapshot(fake.snapshot())
    assert header.demo.isVisible()
    assert header.demo.text() == "Demo: invented providers"


def test_the_address_follows_the_server(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> None:
    header = Header(bridge)
    qtbot.addWidget(header)
    fake.change(listening="http://127.0.0.1:9000/v1")
    bridge.refresh()
    header.show_snapshot(fake.snapshot())
    assert header.access.address.text() == "http://127.0.0.1:9000/v1"
