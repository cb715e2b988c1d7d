"""The selected provider in full."""

from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from app.domain.status import HealthState
from app.ui.windows.details import NO_ERROR, Details, facts
from ui.fake_runtime import provider

EVIL = "OpenAI refused it: <img src='http://127.0.0.1:9/x.png'>. Paste a new key."


@pytest.fixture
def details(qtbot: QtBot) -> Details:
    made = Details()
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_whole_error_is_there_as_plain_text(details: Details) -> None:
    details.show_provider(provider("work", HealthState.NEEDS_KEY, detail=EVIL))
    assert details.error.toPlainText() == EVIL
    assert details.name.text() == "work · Needs a key"
    assert details.error.isReadOnly()
    assert details.error.tabChangesFocus()


def test_a_selection_in_the_error_survives_the_next_snapshot(details: Details) -> None:
    details.show_provider(provider("work", detail=EVIL))
    details.error.selectAll()
    details.show_provider(provider("work", detail=EVIL, requests=7))
    assert details.error.textCursor().selectedText() == EVIL


def test_no_error_and_no_provider(details: Details) -> None:
    details.show_provider(provider("work"))
    assert details.error.toPlainText() == NO_ERROR
    details.show_provider(None)
    assert not details.isVisible()
    details.show_provider(provider("work"))
    assert details.isVisible()


def test_what_is_known_besides() -> None:
    assert facts(provider("work")) == "openai-compatible · priority 1 · models unknown · 0 tokens in, 0 out"
    at = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    known = facts(provider("work", models=1, in_flight=2, input_tokens=4000, checked_at=at, cooling_until=at))
    clock = f"{at.astimezone():%H:%M:%S}"
    assert "1 model · 2 requests under way · 4,000 tokens in, 0 out" in known
    assert "— tokens in, — out" in facts(provider("work", requests=2, failures=1, unknown_usage=1))
    assert "≥ 9 tokens in" in facts(provider("work", requests=2, unknown_usage=1, input_tokens=9))
    assert known.endswith(f"last heard of at {clock} · left alone until {clock}")
