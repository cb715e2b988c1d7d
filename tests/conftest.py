"""What holds for every test."""

import pytest

from app.store import log


@pytest.fixture(autouse=True)
def _no_secret_is_remembered_from_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_remembered", log._Remembered())
