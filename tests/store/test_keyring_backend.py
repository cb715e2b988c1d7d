"""Which keyring is used: the real Secret Service, never one that does not protect keys, never a surprise prompt."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from keyring.backends import SecretService, chainer

from app.store import keyring_backend
from app.store.key_names import SERVICE
from app.store.keyring_backend import SystemKeyring, open_keyring
from app.store.keyring_thread import KeyringProblem
from app.store.memory_keyring import MemoryKeyring
from tests.store.conftest import SecretServiceSession

PLAIN = """
import json
from pathlib import Path
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 99
    file = Path(__file__).with_name("plain.json")
    def get_password(self, service, username):
        return json.loads(self.file.read_text()).get(username) if self.file.exists() else None
    def set_password(self, service, username, password):
        self.file.write_text(json.dumps({username: password}))
    def delete_password(self, service, username):
        self.file.unlink()

class Posing(__import__("keyring.backends.SecretService", fromlist=["x"]).Keyring):
    priority = 99
"""


@pytest.fixture
def plain_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module with a keyring that keeps keys as plain text, as `keyrings.alt` has one."""
    (tmp_path / "plain_text_keyring.py").write_text(PLAIN)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def refused(**options: Any) -> str:
    with pytest.raises(KeyringProblem) as caught:
        open_keyring(may_prompt=False, **options)
    text = str(caught.value)
    assert 'key = "env:NAME"' in text
    assert "SWITCHTOWER_TOKEN" in text
    return text


# -- the real Secret Service


def test_keys_are_kept_read_back_replaced_and_dropped(secret_service: SecretServiceSession) -> None:
    ring = open_keyring(may_prompt=False)
    assert ring.get("openai@api.openai.com") is None
    ring.set("openai@api.openai.com", "first")
    ring.set("openai@api.openai.com", "second " + "x" * 5000)
    ring.set("openai@other.example", "third")
    assert ring.get("openai@api.openai.com") == "second " + "x" * 5000
    ring.delete("openai@api.openai.com")
    ring.delete("openai@api.openai.com")
    assert ring.get("openai@api.openai.com") is None
    assert open_keyring(may_prompt=False).get("openai@other.example") == "third"


def test_the_items_have_the_names_of_the_contract(secret_service: SecretServiceSession) -> None:
    open_keyring(may_prompt=False).set("openai@api.openai.com", "k")
    assert SecretService.Keyring().get_password("switchtower", "openai@api.openai.com") == "k"


def test_a_locked_keyring_is_an_error_and_asks_nobody(secret_service: SecretServiceSession) -> None:
    ring = open_keyring(may_prompt=False)
    ring.set("a@b", "k")
    secret_service.lock()
    for use in (lambda: ring.get("a@b"), lambda: ring.set("a@b", "k2"), lambda: ring.delete("a@b")):
        with pytest.raises(KeyringProblem, match=r"^The system keyring is locked\. Unlock it"):
            use()


def test_a_keyring_not_made_yet_is_an_error_and_asks_nobody(empty_session: SecretServiceSession) -> None:
    empty_session.start_keyring(unlock=False)
    for use in (lambda ring: ring.get("a@b"), lambda ring: ring.set("a@b", "k")):
        with pytest.raises(KeyringProblem, match=r"has no place to keep keys yet\. Log in to the desktop once"):
            use(open_keyring(may_prompt=False))


def test_no_secret_service_is_told_and_found_as_soon_as_it_is_there(empty_session: SecretServiceSession) -> None:
    assert refused().startswith("There is no usable system keyring. Install and unlock a Secret Service")
    empty_session.start_keyring()
    open_keyring(may_prompt=False).set("a@b", "k")


def test_a_plain_text_keyring_that_is_merely_loaded_is_not_chosen(
    secret_service: SecretServiceSession, plain_module: Path
) -> None:
    importlib.import_module("plain_text_keyring")
    open_keyring(may_prompt=False).set("a@b", "k")
    assert SecretService.Keyring().get_password(SERVICE, "a@b") == "k"
    assert not (plain_module / "plain.json").exists()


# -- configured ones


@pytest.mark.parametrize(
    "name",
    [
        "keyring.backends.fail.Keyring",
        "keyring.backends.null.Keyring",
        "plain_text_keyring.Keyring",
        "plain_text_keyring.Posing",
    ],
)
def test_a_configured_keyring_that_protects_nothing_is_refused(
    name: str, plain_module: Path, empty_session: SecretServiceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    assert refused().startswith(f"The configured keyring {name} does not protect keys and is not used.")
    assert not (plain_module / "plain.json").exists()


@pytest.mark.parametrize("name", ["no_such_module.Keyring", "keyring.backends.fail.Missing", "nonsense", ""])
def test_a_configured_keyring_that_cannot_be_loaded_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    assert refused().startswith("The configured keyring cannot be loaded (")


def test_a_configured_secret_service_is_used(
    secret_service: SecretServiceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.SecretService.Keyring")
    open_keyring(may_prompt=False).set("a@b", "k")


def test_a_chain_is_as_good_as_its_weakest_link(
    secret_service: SecretServiceSession, plain_module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.chainer.ChainerBackend")
    plain = importlib.import_module("plain_text_keyring").Keyring()
    real = SecretService.Keyring()
    for links, usable in (([real], True), ([real, plain], False), ([], False)):
        monkeypatch.setattr(chainer.ChainerBackend, "backends", links)
        if usable:
            secret_service.lock()
            with pytest.raises(KeyringProblem, match="locked"):
                open_keyring(may_prompt=False).get("a@b")
        else:
            assert "ChainerBackend does not protect keys" in refused()


# -- what a backend may do wrong


def test_a_backend_that_keeps_nothing_is_found_out() -> None:
    class Forgetful(MemoryKeyring):
        def get_password(self, service: str, username: str, /) -> str | None:
            return None

    with pytest.raises(KeyringProblem, match="did not keep the key"):
        SystemKeyring(Forgetful(), may_prompt=False).set("a@b", "k")


# -- Windows, with its credential store played by a dictionary


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The credentials of a Windows that has just enough for keyring's backend: reading, writing, its two errors."""
    store: dict[str, dict[str, Any]] = {}

    class WindowsError(Exception):
        def __init__(self, winerror: int, funcname: str) -> None:
            super().__init__(winerror)
            self.winerror, self.funcname = winerror, funcname

    def read(Type: int, TargetName: str) -> dict[str, Any]:  # noqa: N803 - the API's own spelling
        if TargetName not in store:
            raise WindowsError(1168, "CredRead")
        return store[TargetName]

    def write(credential: dict[str, Any], _: int) -> None:
        blob = credential["CredentialBlob"].encode("utf-16-le")
        if len(blob) > 2560:
            raise WindowsError(1783, "CredWrite")
        store[credential["TargetName"]] = credential | {"CredentialBlob": b"\xff\xfe" + blob}

    win32cred = types.SimpleNamespace(CRED_TYPE_GENERIC=1, CRED_PERSIST_LOCAL_MACHINE=2, CRED_PERSIST_ENTERPRISE=3)
    win32cred.CredRead, win32cred.CredWrite = read, write
    win32cred.CredDelete = lambda Type, TargetName: store.pop(TargetName)  # noqa: N803
    monkeypatch.setattr(keyring_backend.Windows, "win32cred", win32cred, raising=False)
    pywintypes = types.SimpleNamespace(error=WindowsError)
    monkeypatch.setattr(keyring_backend.Windows, "pywintypes", pywintypes, raising=False)
    return store


def test_on_windows_keys_stay_on_the_machine(windows: dict[str, dict[str, Any]]) -> None:
    ring = SystemKeyring(keyring_backend.Windows.WinVaultKeyring(), may_prompt=True)
    ring.set("a@x", "one")
    ring.set("b@x", "two")
    assert (ring.get("a@x"), ring.get("b@x")) == ("one", "two")
    assert {credential["Persist"] for credential in windows.values()} == {2}
    ring.delete("a@x")
    assert ring.get("a@x") is None


@pytest.mark.parametrize("length", [1, 1280, 1281, 5000, 20_480])
def test_on_windows_longer_keys_stand_in_several_items(windows: dict[str, dict[str, Any]], length: int) -> None:
    ring = SystemKeyring(keyring_backend.Windows.WinVaultKeyring(), may_prompt=True)
    key = "".join(chr(ord("a") + at % 26) for at in range(length))
    ring.set("a@x", key)
    assert ring.get("a@x") == key
    assert all(len(item["CredentialBlob"]) <= 2560 + 2 for item in windows.values())  # and a mark of the stand-in's
    ring.delete("a@x")
    assert windows == {}


def test_on_windows_much_longer_keys_are_refused_with_the_reason(windows: dict[str, dict[str, Any]]) -> None:
    ring = SystemKeyring(keyring_backend.Windows.WinVaultKeyring(), may_prompt=True)
    with pytest.raises(KeyringProblem, match=r"keeps at most 20,480 characters\. Use key = \"env:NAME\""):
        ring.set("a@x", "k" * 20_481)
    assert windows == {}


def test_the_list_of_allowed_backends_is_short() -> None:
    names = [f"{kind.__module__}.{kind.__name__}" for kind in keyring_backend.ALLOWED]
    assert names == [
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    ]
    assert sys.modules["keyring.core"]
