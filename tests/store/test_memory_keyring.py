"""A keyring that forgets: one instance keeps, the next knows nothing."""

import pytest

from app.store.memory_keyring import MemoryKeyring


def test_it_keeps_what_it_is_given_by_service_and_user() -> None:
    ring = MemoryKeyring()
    ring.set_password("s", "a", "1")
    ring.set_password("s", "b", "2")
    ring.set_password("s", "a", "3")
    assert [ring.get_password("s", user) for user in "abc"] == ["3", "2", None]
    assert ring.get_password("t", "a") is None
    assert MemoryKeyring().get_password("s", "a") is None


def test_it_drops_what_is_there() -> None:
    ring = MemoryKeyring()
    ring.set_password("s", "a", "1")
    ring.delete_password("s", "a")
    assert ring.get_password("s", "a") is None
    with pytest.raises(KeyError):
        ring.delete_password("s", "a")


def test_it_shows_nothing() -> None:
    ring = MemoryKeyring()
    ring.set_password("s", "a", "CANARY")
    assert "CANARY" not in repr(ring)
