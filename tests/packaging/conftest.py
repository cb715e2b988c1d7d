"""The scripts of `packaging/` are not a package: they are loaded from their folder."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from PySide6.QtWidgets import QApplication

FOLDER = str(Path(__file__).parents[2] / "packaging")


@pytest.fixture(scope="session", autouse=True)
def _application() -> "QApplication":
    """Pictures are drawn with the kind of Qt application that the windows' tests need: a process has only one."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from app.ui.application import Application

    known = QApplication.instance()
    return known if isinstance(known, QApplication) else Application(["switchtower-tests"])


@pytest.fixture
def workbench(monkeypatch: pytest.MonkeyPatch) -> "ModuleType":
    """The module behind `packaging/dev.py`."""
    monkeypatch.syspath_prepend(FOLDER)
    import workbench

    return workbench


@pytest.fixture
def system_packages(monkeypatch: pytest.MonkeyPatch) -> "ModuleType":
    """What the system must bring along."""
    monkeypatch.syspath_prepend(FOLDER)
    import system_packages

    return system_packages


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> "Callable[[str], ModuleType]":
    """A script of `packaging/` by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module
