"""Fixtures of the end-to-end tests: a private desktop, two providers, and a configured place to start from."""

from typing import TYPE_CHECKING

import pytest

from e2e import desktop as desktops
from e2e.scenario import Scenario
from faults.answers import Voice
from faults.upstream import FaultyUpstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def needs_desktop() -> None:
    """Skip a test where the programs of a desktop are not installed; `packaging/dev.py test` installs them."""
    missing = desktops.missing_programs()
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)}")


@pytest.fixture
def desktop() -> "Iterator[desktops.Desktop]":
    """A desktop with an unlocked keyring."""
    needs_desktop()
    with desktops.Desktop() as made:
        made.unlock_keyring()
        yield made


@pytest.fixture
def machine() -> "Iterator[desktops.Desktop]":
    """A machine without a screen, with an unlocked keyring in its D-Bus session."""
    needs_desktop()
    with desktops.Desktop(screen=False) as made:
        made.unlock_keyring()
        yield made


@pytest.fixture
def alpha() -> "Iterator[FaultyUpstream]":
    """The provider that is asked first."""
    with FaultyUpstream(Voice("alpha")) as upstream:
        yield upstream


@pytest.fixture
def beta() -> "Iterator[FaultyUpstream]":
    """The provider that is asked when the first cannot answer."""
    with FaultyUpstream(Voice("beta", prompt_tokens=21, completion_tokens=19)) as upstream:
        yield upstream


@pytest.fixture
def scenario(tmp_path: "Path", alpha: FaultyUpstream, beta: FaultyUpstream) -> Scenario:
    """Both providers, to be configured in a fresh home folder."""
    return Scenario(tmp_path / "home", alpha, beta)
