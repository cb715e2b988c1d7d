"""What a quirk gets and gives back, and how it is found."""

from dataclasses import replace

import pytest

from app.domain.chat import Operation
from app.providers import quirks
from app.providers.catalog import CATALOG
from app.providers.outgoing import Outgoing
from app.providers.registry import Registry


def test_a_request_without_headers_of_its_own() -> None:
    assert Outgoing(Operation.CHAT, "m", stream=False, path="/x", body=b"{}").headers == ()


def test_every_quirk_of_the_catalog_is_there() -> None:
    assert quirks.load(None) is None
    assert all(callable(quirks.load(spec.quirks)) for spec in CATALOG if spec.quirks)


def test_a_row_with_a_quirk_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="'openai': quirks: there is no module 'nowhere'"):
        Registry([replace(CATALOG[0], quirks="nowhere")])
