"""Long secrets in several items; the backend here refuses what is too long, as Windows does."""

import pytest

from app.store.keyring_thread import KeyringProblem
from app.store.memory_keyring import MemoryKeyring
from app.store.split_keyring import MOST_PARTS, SplitKeyring

SERVICE = "switchtower"
MOST = 40


class Narrow(MemoryKeyring):
    """Keeps no more than 40 characters in an item."""

    def set_password(self, service: str, username: str, password: str, /) -> None:
        assert len(password) <= MOST
        super().set_password(service, username, password)

    def items(self) -> list[str]:
        return sorted(user for _, user in self._secrets)


@pytest.fixture
def narrow() -> Narrow:
    return Narrow()


@pytest.fixture
def ring(narrow: Narrow) -> SplitKeyring:
    return SplitKeyring(narrow, MOST)


@pytest.mark.parametrize("length", [1, MOST, MOST + 1, 2 * MOST, 2 * MOST + 1, MOST * MOST_PARTS])
def test_whatever_the_length_it_comes_back_and_goes_whole(narrow: Narrow, ring: SplitKeyring, length: int) -> None:
    secret = ("0123456789abcdef" * 100)[:length]
    ring.set_password(SERVICE, "a@b", secret)
    assert ring.get_password(SERVICE, "a@b") == secret
    assert (narrow.get_password(SERVICE, "a@b") == secret) is (length <= MOST)
    ring.delete_password(SERVICE, "a@b")
    assert narrow.items() == []
    assert ring.get_password(SERVICE, "a@b") is None


def test_a_shorter_one_leaves_no_part_of_the_longer_behind(narrow: Narrow, ring: SplitKeyring) -> None:
    ring.set_password(SERVICE, "a@b", "x" * 200)
    assert narrow.items() == ["a@b", *(f"a@b#{number}" for number in range(1, 6))]
    ring.set_password(SERVICE, "a@b", "y" * 90)
    assert narrow.items() == ["a@b", "a@b#1", "a@b#2", "a@b#3"]
    ring.set_password(SERVICE, "a@b", "short")
    assert narrow.items() == ["a@b"]


def test_a_change_that_was_broken_off_is_no_secret(narrow: Narrow, ring: SplitKeyring) -> None:
    ring.set_password(SERVICE, "a@b", "x" * 90)
    narrow.set_password(SERVICE, "a@b#2", "y" * MOST)
    assert ring.get_password(SERVICE, "a@b") is None
    narrow.delete_password(SERVICE, "a@b#2")
    assert ring.get_password(SERVICE, "a@b") is None
    ring.delete_password(SERVICE, "a@b")
    assert narrow.items() == []


def test_what_is_too_long_for_that_too(narrow: Narrow, ring: SplitKeyring) -> None:
    with pytest.raises(KeyringProblem, match=r"too long: this keyring keeps at most 640 characters"):
        ring.set_password(SERVICE, "a@b", "x" * (MOST * MOST_PARTS + 1))
    assert narrow.items() == []
