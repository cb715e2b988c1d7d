"""Qt without a screen, and the program's own event loop under every coroutine test of this folder."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.ui.application import Application
from app.ui.bridge import Bridge
from app.ui.loop import make_loop
from app.ui.windows import copying
from ui.fake_runtime import FakeRuntime


def _qt_loop() -> Any:
    app = QApplication.instance() or Application(["switchtower-tests"])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    return make_loop(app)


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    return Application


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    del config, item
    return {"qt": _qt_loop}


@pytest.fixture(autouse=True)
def _no_secret_stays_on_the_clipboard() -> Iterator[None]:
    yield
    if QApplication.instance() is not None:
        copying.forget_secret()


@pytest.fixture
def fake() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def bridge(qapp: QApplication, fake: FakeRuntime) -> Iterator[Bridge]:
    """A bridge on the fake runtime."""
    made = Bridge()
    runtime: Any = fake
    made.attach(runtime)
    yield made
    made.detach()
