"""When keys and tokens are read again: with a real key store over a keyring in memory, and a clock that is given."""

from pathlib import Path

import pytest

from app.engine.bus import Bus
from app.engine.fleet import Fleet
from app.engine.key_watch import LONGEST_S, RETRY_S, KeyWatch
from app.engine.tasks import TaskOwner
from app.providers.registry import Registry
from app.store.key_stamp import KeyStamp
from app.store.keyring_backend import SystemKeyring
from app.store.memory_keyring import MemoryKeyring
from app.store.secrets import KeyringProblem, KeyStore
from app.store.settings import Settings

TOKEN = "a-token-of-the-environment"
SETTINGS = Settings.model_validate(
    {
        "providers": [
            {"id": "kept", "kind": "openai-compatible", "base_url": "https://llm.example.com/v1"},
            {"id": "late", "kind": "openai-compatible", "base_url": "https://other.example.com/v1"},
            {"id": "variable", "kind": "openai", "key": "env:BROKEN_KEY"},
        ]
    }
)


class ClosableKeyring(MemoryKeyring):
    """Fails for everybody but those who are open."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: tuple[str, ...] = ()
        self.asked: list[str] = []

    def get_password(self, service: str, username: str, /) -> str | None:
        self.asked.append(username)
        if username.startswith(self.closed):
            raise RuntimeError("closed")
        return super().get_password(service, username)


class Rig(TaskOwner):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.ring = ClosableKeyring()
        for user in ("kept@llm.example.com", "late@other.example.com"):
            self.ring.set_password("switchtower", user, f"sk-{user}")
        self.keys = KeyStore({"SWITCHTOWER_TOKEN": TOKEN, "BROKEN_KEY": "two\nlines"}, backend=self.ring)
        self.fleet = Fleet(Registry.load(lambda: ()), self.keys, Bus(), self.spawn)
        self.stamp = folder / "stamp"
        self.now_s = 1000.0
        self.rereads = 0
        self.watch = KeyWatch(self.keys, KeyStamp(self.stamp), self.fleet, self.reread, lambda: self.now_s)

    async def reread(self) -> None:
        self.rereads += 1
        await self.start()

    async def start(self) -> None:
        await self.keys.local_tokens()
        await self.fleet.apply(SETTINGS)

    async def look(self, seconds: float) -> None:
        """Look once a second for so long."""
        for _ in range(int(seconds)):
            self.now_s += 1
            await self.watch.look()

    def problems(self) -> list[str]:
        return [p.id for p in self.fleet.providers if p.problem is not None]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_while_nothing_is_missing_nothing_is_asked(rig: Rig) -> None:
    await rig.start()
    asked = len(rig.ring.asked)
    await rig.look(100)
    assert len(rig.ring.asked) == asked
    assert rig.problems() == ["variable"], "a variable stays as it is, so that it is no reason to ask again"


async def test_a_key_that_could_not_be_read_is_read_later_and_nobody_else_is_built_anew(rig: Rig) -> None:
    rig.ring.closed = ("late@",)
    await rig.start()
    assert rig.problems() == ["late", "variable"]
    before = rig.fleet.providers
    rig.ring.closed = ()
    await rig.look(RETRY_S - 1)
    assert rig.rereads == 0
    await rig.look(2)
    assert (rig.rereads, rig.problems()) == (1, ["variable"])
    assert [one is other for one, other in zip(before, rig.fleet.providers, strict=True)] == [True, False, True]


async def test_named_clients_beside_a_fixed_token_are_read_later(rig: Rig) -> None:
    rig.ring.closed = ("client",)
    await rig.start()
    assert rig.keys.problem
    assert await rig.keys.provider_key("kept", "llm.example.com", "keyring")
    assert rig.keys.problem, "that another item can be read changes nothing"
    rig.ring.closed = ()
    await rig.look(RETRY_S + 1)
    assert (rig.rereads, rig.keys.problem) == (1, "")


async def test_a_provider_that_is_removed_is_not_waited_for(rig: Rig) -> None:
    rig.ring.closed = ("late@",)
    await rig.start()
    assert rig.fleet.lacks_keys
    await rig.fleet.apply(Settings())
    assert not rig.fleet.lacks_keys


async def test_each_failure_doubles_the_time_and_a_success_forgets_that(rig: Rig) -> None:
    rig.ring.closed = ("late@",)
    await rig.start()
    await rig.look(1 + RETRY_S + 1 + 2 * RETRY_S)
    assert rig.rereads == 2
    await rig.look(20 * LONGEST_S)
    assert 20 <= rig.rereads <= 28
    rig.ring.closed = ()
    await rig.look(LONGEST_S + 1)
    rig.ring.closed = ("late@",)
    rig.fleet.forget_keys("late")
    rig.keys.forget()
    await rig.fleet.apply(SETTINGS)
    before = rig.rereads
    await rig.look(RETRY_S + 1)
    assert rig.rereads == before + 1


async def test_a_closed_keyring_is_only_looked_at(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.ring.closed = ("client", "late@", "kept@")
    await rig.start()
    asked = len(rig.ring.asked)
    looks: list[bool] = []

    def is_open(_: SystemKeyring) -> bool:
        looks.append(True)
        if len(looks) == 1:
            raise KeyringProblem("The system keyring has no place to keep keys yet.", "Log in.")
        return False

    monkeypatch.setattr(SystemKeyring, "is_open", is_open)
    await rig.look(10 * (RETRY_S + 1))
    assert (len(looks), rig.rereads, len(rig.ring.asked)) == (10, 0, asked)


async def test_what_another_process_changed_is_read_at_once(rig: Rig) -> None:
    await rig.start()
    rig.ring.set_password("switchtower", "kept@llm.example.com", "sk-new")
    KeyStamp(rig.stamp).touch()
    await rig.look(1)
    assert rig.rereads == 1
    key = await rig.keys.provider_key("kept", "llm.example.com", "keyring")
    assert key is not None
    assert key.reveal() == "sk-new"
