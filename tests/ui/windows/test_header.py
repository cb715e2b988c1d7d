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


def test_who_may_connect_without_the_usual_guards_is_labelled(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> None:
    header = Header(bridge)
    qtbot.addWidget(header)
    header.show()
    header.show_snapshot(fake.snapshot())
    assert not header.lan.isVisible()
    assert not header.keyless.isVisible()
    fake.change(lan=True, keyless="http://127.0.0.1:11434/v1")
    header.show_snapshot(fake.snapshot())
    assert header.lan.text() == "Open to the local network"
    assert header.lan.isVisible()
    assert header.keyless.text() == "No token asked for on port 11434"
    assert header.keyless.isVisible()
