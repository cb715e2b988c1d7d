"""Keys and tokens: kept in a real keyring, bound to their host, read once, and clear errors without a keyring."""

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.secret import Secret
from app.store import log
from app.store.secrets import BadTokenError, KeyringProblem, KeyStore, MemoryKeyring, clean_key
from tests.store.conftest import SecretServiceSession

TOKEN = "a-token-of-the-environment"


class CountingKeyring(MemoryKeyring):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []

    def get_password(self, service: str, username: str, /) -> str | None:
        self.calls.append(("get", f"{service}/{username}"))
        return super().get_password(service, username)


class RaisingKeyring(MemoryKeyring):
    """Fails at everything, with a secret in its error."""

    def get_password(self, service: str, username: str, /) -> str | None:
        raise RuntimeError("CANARY")

    def set_password(self, service: str, username: str, password: str, /) -> None:
        raise RuntimeError(password)


class HangingKeyring(MemoryKeyring):
    """Never answers until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def get_password(self, service: str, username: str, /) -> str | None:
        self.released.wait()
        return super().get_password(service, username)


@pytest.fixture
def hanging() -> Iterator[HangingKeyring]:
    ring = HangingKeyring()
    yield ring
    ring.released.set()


@pytest.fixture
def ring() -> CountingKeyring:
    return CountingKeyring()


@pytest.fixture
def store(ring: CountingKeyring) -> KeyStore:
    return KeyStore({}, backend=ring)


# -- provider keys


async def test_a_key_is_kept_for_one_host_and_no_other(store: KeyStore, ring: CountingKeyring) -> None:
    assert await store.set_provider_key("openai", "api.openai.com", Secret("sk-1")) == ""
    assert await store.provider_key("openai", "api.openai.com", "keyring") == Secret("sk-1")
    assert await store.provider_key("openai", "evil.example", "keyring") is None
    assert await store.provider_key("other", "api.openai.com", "keyring") is None
    assert ring.get_password("switchtower", "openai@api.openai.com") == "sk-1"


async def test_a_key_with_a_port_is_for_that_server_and_one_without_for_all_of_its_host(
    store: KeyStore, ring: CountingKeyring
) -> None:
    await store.set_provider_key("a", "127.0.0.1:81", Secret("key-of-81"))
    assert await store.provider_key("a", "127.0.0.1:82", "keyring") is None
    assert await store.provider_key("a", "127.0.0.1", "keyring") is None
    ring.set_password("switchtower", "a@127.0.0.1", "key-of-all")
    assert await store.provider_key("a", "127.0.0.1:82", "keyring") == Secret("key-of-all")
    assert await store.provider_key("a", "127.0.0.1:81", "keyring") == Secret("key-of-81")
    await store.delete_provider_key("a", "127.0.0.1:81")
    assert await store.provider_key("a", "127.0.0.1:81", "keyring") is None


async def test_a_key_is_read_once_until_it_changes(store: KeyStore, ring: CountingKeyring) -> None:
    ring.set_password("switchtower", "a@b", "one")
    for _ in range(3):
        assert await store.provider_key("a", "b", "keyring") == Secret("one")
    assert ring.calls == [("get", "switchtower/a@b")]
    await store.set_provider_key("a", "b", Secret("two"))
    assert await store.provider_key("a", "b", "keyring") == Secret("two")
    ring.set_password("switchtower", "a@b", "three, by another process")
    assert await store.provider_key("a", "b", "keyring") == Secret("two")
    store.forget()
    assert await store.provider_key("a", "b", "keyring") == Secret("three, by another process")
    await store.delete_provider_key("a", "b")
    await store.delete_provider_key("a", "b")
    assert await store.provider_key("a", "b", "keyring") is None


async def test_a_missing_key_is_looked_for_again(store: KeyStore, ring: CountingKeyring) -> None:
    assert await store.provider_key("a", "b", "keyring") is None
    ring.set_password("switchtower", "a@b", "given meanwhile")
    assert await store.provider_key("a", "b", "keyring") == Secret("given meanwhile")


async def test_other_sources_never_ask_the_keyring(ring: CountingKeyring) -> None:
    store = KeyStore({"KEY": " sk-env \n", "EMPTY": " ", "BROKEN": "CANARY\nx"}, backend=ring)
    assert await store.provider_key("a", "b", "none") is None
    assert await store.provider_key("a", "b", "env:KEY") == Secret("sk-env")
    assert await store.provider_key("a", "b", "env:EMPTY") is None
    assert await store.provider_key("a", "b", "env:MISSING") is None
    with pytest.raises(KeyringProblem, match=r"^BROKEN: The key holds line breaks") as caught:
        await store.provider_key("a", "b", "env:BROKEN")
    assert "CANARY" not in str(caught.value)
    assert ring.calls == []


async def test_white_space_around_a_key_is_removed_with_a_notice(store: KeyStore) -> None:
    notice = await store.set_provider_key("a", "b", Secret("  sk-1\n"))
    assert notice == "White space around the key was removed."
    assert await store.provider_key("a", "b", "keyring") == Secret("sk-1")


@pytest.mark.parametrize(
    "text", ["k", "k" * 1280, "k" * 1281, "k" * 5000, "with space", "sk-!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"]
)
async def test_keys_come_back_as_they_were(store: KeyStore, text: str) -> None:
    await store.set_provider_key("a", "b", Secret(text))
    store.forget()
    assert await store.provider_key("a", "b", "keyring") == Secret(text)


@pytest.mark.parametrize(
    "text", ["", "  \n", "CANARY\nb", "CANARY\tb", "CANARY\x00", "CANARY\x7f", "CANARY…f3a1", "CANARY-ü"]
)
async def test_what_is_no_key_is_refused_without_being_shown(store: KeyStore, ring: CountingKeyring, text: str) -> None:
    with pytest.raises(KeyringProblem, match=r"^The key (is empty|holds)") as caught:
        await store.set_provider_key("a", "b", Secret(text))
    assert "CANARY" not in str(caught.value)
    assert ring.get_password("switchtower", "a@b") is None
    with pytest.raises(KeyringProblem):
        clean_key(text)


async def test_every_secret_that_passes_is_hidden_in_the_log(ring: CountingKeyring) -> None:
    store = KeyStore({"VARIABLE": "word-from-variable"}, backend=ring)
    ring.set_password("switchtower", "a@b", "word-from-keyring")
    await store.provider_key("a", "b", "keyring")
    await store.provider_key("a", "b", "env:VARIABLE")
    await store.set_provider_key("c", "d", Secret("word-from-the-user"))
    text = "word-from-variable word-from-keyring word-from-the-user"
    assert "word" not in log.redact(text)


# -- local tokens


async def test_the_first_start_makes_the_default_token_and_the_next_finds_it(ring: CountingKeyring) -> None:
    tokens = await KeyStore({}, backend=ring).local_tokens()
    assert list(tokens) == ["default"]
    value = tokens["default"].reveal()
    assert re.fullmatch(r"sk-local-[A-Za-z0-9_-]{43}", value), "256 bits"
    assert ring.get_password("switchtower", "client:default") == value
    again = KeyStore({}, backend=ring)
    assert await again.local_tokens() == tokens
    assert await again.client_token("default") == tokens["default"]


async def test_named_clients_come_and_go(store: KeyStore, ring: CountingKeyring) -> None:
    default = (await store.local_tokens())["default"]
    ide, agent = await store.add_client("my-ide"), await store.add_client("agent")
    assert await store.clients() == ("default", "my-ide", "agent")
    assert await store.local_tokens() == {"default": default, "my-ide": ide, "agent": agent}
    assert ring.get_password("switchtower", "client:my-ide") == ide.reveal()
    assert len({default, ide, agent}) == 3
    await store.revoke_client("my-ide")
    assert await store.client_token("my-ide") is None
    assert await store.local_tokens() == {"default": default, "agent": agent}
    assert ring.get_password("switchtower", "client:my-ide") is None
    assert ide.reveal() not in (ring.get_password("switchtower", "clients") or "")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("agent", "There is a client of this name already."),
        ("default", "There is a client of this name already."),
        *((name, "This cannot be the name of a client.") for name in ("", "a b", "a/b", "-a", "x" * 65, "ü", "a\n")),
    ],
)
async def test_names_that_cannot_be_added(store: KeyStore, name: str, problem: str) -> None:
    await store.add_client("agent")
    with pytest.raises(KeyringProblem, match=re.escape(problem)):
        await store.add_client(name)
    assert await store.clients() == ("default", "agent")


@pytest.mark.parametrize("name", ["default", "nobody"])
async def test_names_that_cannot_be_revoked(store: KeyStore, name: str) -> None:
    await store.local_tokens()
    with pytest.raises(KeyringProblem, match=r"cannot be revoked|no client of this name"):
        await store.revoke_client(name)
    assert await store.client_token("default")


async def test_clients_added_at_once_are_all_kept(store: KeyStore) -> None:
    names = [f"client-{number}" for number in range(10)]
    await asyncio.gather(*(store.add_client(name) for name in names))
    assert await store.clients() == ("default", *names)


@pytest.mark.parametrize("index", ["", "not json", "{}", "3", '[1, null, "known"]'])
async def test_a_damaged_list_of_clients_does_no_harm(store: KeyStore, ring: CountingKeyring, index: str) -> None:
    ring.set_password("switchtower", "clients", index)
    ring.set_password("switchtower", "client:known", "sk-local-known-token")
    assert set(await store.local_tokens()) == {"default", "known"} & {"default", *re.findall("known", index)}


async def test_rotating_replaces_the_default_token(store: KeyStore, ring: CountingKeyring) -> None:
    old = (await store.local_tokens())["default"]
    new = await store.rotate_token()
    assert new != old
    assert (await store.local_tokens())["default"] == await store.client_token("default") == new
    assert ring.get_password("switchtower", "client:default") == new.reveal()


async def test_the_token_of_the_environment_takes_the_place_of_the_stored_one(ring: CountingKeyring) -> None:
    stored = (await KeyStore({}, backend=ring).local_tokens())["default"]
    store = KeyStore({"SWITCHTOWER_TOKEN": TOKEN}, backend=ring)
    named = await store.add_client("agent")
    assert await store.local_tokens() == {"default": Secret(TOKEN), "agent": named}
    assert await store.client_token("default") == Secret(TOKEN)
    with pytest.raises(KeyringProblem, match="comes from SWITCHTOWER_TOKEN"):
        await store.rotate_token()
    assert ring.get_password("switchtower", "client:default") == stored.reveal()


async def test_the_token_of_the_environment_makes_none_in_the_keyring(ring: CountingKeyring) -> None:
    await KeyStore({"SWITCHTOWER_TOKEN": TOKEN}, backend=ring).local_tokens()
    assert ring.get_password("switchtower", "client:default") is None


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("CANARY", "shorter than 20 characters"),
        ("CANARY-90123456789", "shorter than 20 characters"),
        ("CANARY with some spaces", "holds spaces"),
        ("CANARY-0123456789-ünicode", "not ASCII"),
        ("CANARY-0123456789-line\n", "holds spaces"),
    ],
)
async def test_a_bad_token_of_the_environment_is_told_and_nothing_replaces_it(
    ring: CountingKeyring, token: str, problem: str
) -> None:
    store = KeyStore({"SWITCHTOWER_TOKEN": token}, backend=ring)
    for ask in (store.local_tokens(), store.client_token("default")):
        with pytest.raises(BadTokenError, match=problem) as caught:
            await ask
        assert "CANARY" not in str(caught.value)
    assert ring.calls == []


async def test_twenty_characters_are_enough(ring: CountingKeyring) -> None:
    store = KeyStore({"SWITCHTOWER_TOKEN": "x" * 20}, backend=ring)
    assert (await store.local_tokens())["default"] == Secret("x" * 20)


# -- keyrings that fail


async def test_a_raising_keyring_is_one_clear_line(ring: CountingKeyring) -> None:
    store = KeyStore({"KEY": "sk-env"}, backend=RaisingKeyring())
    for ask in (
        store.provider_key("a", "b", "keyring"),
        store.set_provider_key("a", "b", Secret("k")),
        store.delete_provider_key("a", "b"),
        store.local_tokens(),
        store.add_client("x"),
        store.clients(),
    ):
        with pytest.raises(
            KeyringProblem, match=r"^The system keyring failed \(RuntimeError\)\. Try again, or use"
        ) as caught:
            await ask
        assert "CANARY" not in str(caught.value)
    assert store.problem.startswith("The system keyring failed")
    assert await store.provider_key("a", "b", "env:KEY") == Secret("sk-env")


async def test_with_a_token_of_the_environment_a_failing_keyring_is_only_noted() -> None:
    store = KeyStore({"SWITCHTOWER_TOKEN": TOKEN}, backend=RaisingKeyring())
    assert await store.local_tokens() == {"default": Secret(TOKEN)}
    assert store.problem.startswith("The system keyring failed")


async def test_what_keeps_the_tokens_from_being_read_is_known_until_they_are(ring: CountingKeyring) -> None:
    store = KeyStore({"SWITCHTOWER_TOKEN": TOKEN}, backend=ring)
    agent = await store.add_client("agent")
    ring.get_password = RaisingKeyring().get_password  # type: ignore[method-assign]
    assert await store.local_tokens() == {"default": Secret(TOKEN)}
    del ring.get_password
    await store.set_provider_key("a", "b", Secret("k"))
    assert store.problem.startswith("The system keyring failed")
    assert await store.can_be_read()
    assert await store.local_tokens() == {"default": Secret(TOKEN), "agent": agent}
    assert store.problem == ""


async def test_a_hanging_keyring_is_given_up_then_told_at_once_then_works_again(hanging: HangingKeyring) -> None:
    store = KeyStore({"KEY": "sk-env"}, timeout_s=0.05, backend=hanging)
    with pytest.raises(KeyringProblem, match="does not answer"):
        await store.provider_key("a", "b", "keyring")
    assert not await store.can_be_read()
    for _ in range(200):
        with pytest.raises(KeyringProblem, match="does not answer"):
            await store.set_provider_key("a", "b", Secret("never kept"))
    assert await store.provider_key("a", "b", "env:KEY") == Secret("sk-env")
    hanging.released.set()
    for _ in range(1000):
        try:
            assert await store.provider_key("a", "b", "keyring") is None
            break
        except KeyringProblem:
            await asyncio.sleep(0.005)
    assert store.problem == ""
    assert await store.local_tokens()


# -- the system's own keyring


async def test_a_real_secret_service(secret_service: SecretServiceSession) -> None:
    store = KeyStore(os.environ)
    await store.set_provider_key("openai", "api.openai.com", Secret("sk-real-" + "x" * 5000))
    tokens = await store.local_tokens()
    agent = await store.add_client("agent")
    fresh = KeyStore(os.environ)
    assert await fresh.provider_key("openai", "api.openai.com", "keyring") == Secret("sk-real-" + "x" * 5000)
    assert await fresh.local_tokens() == tokens | {"agent": agent}
    assert fresh.problem == ""


async def test_a_locked_secret_service_is_told_and_what_was_read_stays(secret_service: SecretServiceSession) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    store = KeyStore(environ)
    await store.set_provider_key("a", "b", Secret("sk-1"))
    assert await store.can_be_read()
    secret_service.lock()
    for display in ({}, {"DISPLAY": ":0"}):  # neither asks for the password
        assert not await KeyStore(environ | display).can_be_read()
    assert await store.provider_key("a", "b", "keyring") == Secret("sk-1")
    for ask in (
        store.provider_key("c", "d", "keyring"),
        store.local_tokens(),
        store.set_provider_key("a", "b", Secret("2")),
    ):
        with pytest.raises(KeyringProblem, match=r"^The system keyring is locked\. Unlock it .*SWITCHTOWER_TOKEN"):
            await ask
    with_token = KeyStore(environ | {"SWITCHTOWER_TOKEN": TOKEN})
    assert await with_token.local_tokens() == {"default": Secret(TOKEN)}


@pytest.mark.parametrize("name", ["fail", "null"])
async def test_keyrings_that_protect_nothing_are_not_used(
    name: str, empty_session: SecretServiceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"keyring.backends.{name}.Keyring")
    with pytest.raises(KeyringProblem, match=rf"{name}\.Keyring does not protect keys.*SWITCHTOWER_TOKEN"):
        await KeyStore(os.environ).local_tokens()
    assert await KeyStore({"SWITCHTOWER_TOKEN": TOKEN}).local_tokens() == {"default": Secret(TOKEN)}


_START = """
import asyncio, sys
from app.store.secrets import KeyStore
loaded = [name for name in sys.modules if name.split(".")[0] in ("keyring", "secretstorage", "jeepney")]
assert not loaded, loaded
async def main():
    print(list(await KeyStore({"SWITCHTOWER_TOKEN": "x" * 20}).local_tokens()))
asyncio.run(main())
"""


def test_keyring_is_not_loaded_before_it_is_asked(empty_session: SecretServiceSession, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _START], cwd=root, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.stdout, done.stderr) == ("['default']\n", "")


async def test_on_a_desktop_a_locked_keyring_may_ask_and_never_waits_for_ever(
    secret_service: SecretServiceSession,
) -> None:
    secret_service.lock()
    store = KeyStore(dict(os.environ) | {"DISPLAY": ":7"}, timeout_s=1)
    with pytest.raises(KeyringProblem, match=r"^The system keyring (is locked|does not answer)"):
        await store.local_tokens()
