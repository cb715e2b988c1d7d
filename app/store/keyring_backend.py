"""Choose the system's keyring and refuse every other; slow to load, so only the keyring's thread imports it."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import keyring.core
from keyring.backend import KeyringBackend
from keyring.backends import SecretService, Windows, chainer, kwallet, macOS

from app.store.key_names import SERVICE
from app.store.keyring_thread import USE_ENVIRONMENT, KeyringProblem, locked
from app.store.split_keyring import SplitKeyring

if TYPE_CHECKING:
    from app.store.memory_keyring import Backend

if sys.platform == "linux":
    import secretstorage
    from secretstorage import exceptions as secret_service_errors

WINDOWS_ITEM_CHARS = 1280
ALLOWED: tuple[type[KeyringBackend], ...] = (
    SecretService.Keyring,
    kwallet.DBusKeyring,
    macOS.Keyring,
    Windows.WinVaultKeyring,
)
_INSTALL = f"Install and unlock a Secret Service such as gnome-keyring or KWallet, or {USE_ENVIRONMENT}."


class SystemKeyring:
    """The backend in use; every method may block and belongs into the keyring's thread."""

    def __init__(self, backend: "Backend", *, may_prompt: bool) -> None:
        """Use `backend`; without `may_prompt` a locked Secret Service is an error instead of a question."""
        self._backend: Backend = backend
        self._may_prompt = may_prompt
        if isinstance(backend, Windows.WinVaultKeyring):
            backend.persist = "local machine"  # the default roams to other machines of a domain
            self._backend = SplitKeyring(backend, WINDOWS_ITEM_CHARS)

    def is_open(self) -> bool:
        """Whether it can be read without a question to the user, as far as that is known beforehand."""
        if not _uses_secret_service(self._backend):
            return True
        with closing(secretstorage.dbus_init()) as connection:
            return not _is_locked(connection)

    def get(self, user: str) -> str | None:
        """The secret of `user`, or None."""
        self._check()
        return self._backend.get_password(SERVICE, user)

    def set(self, user: str, value: str) -> None:
        """Keep `value` and read it back.

        Raises:
            KeyringProblem: it is too long for this keyring, or was not kept.
        """
        self._check()
        self._backend.set_password(SERVICE, user, value)
        if self._backend.get_password(SERVICE, user) != value:
            raise KeyringProblem("The system keyring did not keep the key.", _INSTALL)

    def delete(self, user: str) -> None:
        """Drop the secret of `user`, if there is one."""
        self._check()
        if self._backend.get_password(SERVICE, user) is not None:
            self._backend.delete_password(SERVICE, user)

    def _check(self) -> None:
        if _uses_secret_service(self._backend):
            _unlock(may_prompt=self._may_prompt)


def open_keyring(*, may_prompt: bool) -> SystemKeyring:
    """The keyring the user configured for Python's `keyring`, or else the system's own.

    Third-party plug-ins are never looked for: merely installed, some would store keys as plain text.

    Raises:
        KeyringProblem: there is none, or it is not on the list of those that protect what they keep.
    """
    backend = _configured() or _system()
    if backend is None:
        raise KeyringProblem("There is no usable system keyring.", _INSTALL)
    return SystemKeyring(backend, may_prompt=may_prompt)


def _configured() -> KeyringBackend | None:
    try:
        backend = keyring.core.load_env() or keyring.core.load_config()
    except (ImportError, AttributeError, ValueError, RuntimeError, TypeError) as error:
        raise KeyringProblem(f"The configured keyring cannot be loaded ({type(error).__name__}).", _INSTALL) from None
    if backend is not None and not _is_allowed(backend):
        name = f"{type(backend).__module__}.{type(backend).__qualname__}"
        raise KeyringProblem(f"The configured keyring {name} does not protect keys and is not used.", _INSTALL)
    return backend


def _is_allowed(backend: KeyringBackend) -> bool:
    if type(backend) is chainer.ChainerBackend:
        return bool(backend.backends) and all(type(each) in ALLOWED for each in backend.backends)
    return type(backend) in ALLOWED


def _system() -> KeyringBackend | None:
    viable = [kind for kind in ALLOWED if kind.viable]
    return max(viable, key=lambda kind: kind.priority)() if viable else None


def _uses_secret_service(backend: "Backend") -> bool:
    chained = backend.backends if isinstance(backend, chainer.ChainerBackend) else (backend,)
    return any(isinstance(each, SecretService.Keyring) for each in chained)


def _unlock(*, may_prompt: bool) -> None:
    """See that the Secret Service is open; keyring does so too, but leaves its connection open when it fails.

    Raises:
        KeyringProblem: it is locked and the user may not be asked or said no, or there is none yet.
    """
    with closing(secretstorage.dbus_init()) as connection:
        if (_stays_locked if may_prompt else _is_locked)(connection):
            raise locked()


def _stays_locked(connection: Any) -> bool:
    """Ask the user; True when the question was waved away."""
    return secretstorage.get_default_collection(connection).unlock()


def _is_locked(connection: Any) -> bool:
    """Look without asking: making the first collection would open a window too."""
    try:
        return secretstorage.Collection(connection).is_locked()
    except secret_service_errors.ItemNotFoundException:
        raise KeyringProblem(
            "The system keyring has no place to keep keys yet.", f"Log in to the desktop once, or {USE_ENVIRONMENT}."
        ) from None
