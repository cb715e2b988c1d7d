"""The scripts of `packaging/` are not a package: they are loaded from their folder."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = str(Path(__file__).parents[2] / "packaging")


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
