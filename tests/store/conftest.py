"""What the tests of the store share: an ordinary user, a private session with a real Secret Service."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

_NOBODY = 65534
_PASSWORD = b"a password for one test"
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={folder}</listen>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder of an ordinary user whose identity the test has, for root may read and write everything."""
    folder = Path(tempfile.mkdtemp(prefix="st-"))
    if os.geteuid() != 0:
        yield folder
    else:
        os.chown(folder, _NOBODY, _NOBODY)
        os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)
    shutil.rmtree(folder, ignore_errors=True)


class SecretServiceSession:
    """A D-Bus session of its own with gnome-keyring in it; nothing can be activated, so nothing can pop up."""

    def __init__(self, root: Path) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        (root / "run").mkdir(mode=0o700)
        (root / "bus.conf").write_text(_BUS.format(folder=root / "run"))
        self.env = {"PATH": os.environ["PATH"], "HOME": str(root), "XDG_RUNTIME_DIR": str(root / "run"), "LC_ALL": "C"}
        bus = self._start("dbus-daemon", f"--config-file={root}/bus.conf", "--nofork", "--print-address")
        assert bus.stdout is not None
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()

    def start_keyring(self, *, unlock: bool = True) -> None:
        """Start gnome-keyring; without `unlock` nobody has logged in yet and no collection exists."""
        options = ["--unlock"] if unlock else []
        daemon = self._start("gnome-keyring-daemon", "--foreground", *options, "--components=secrets")
        assert daemon.stdin is not None
        daemon.stdin.write(_PASSWORD if unlock else b"")
        daemon.stdin.close()
        deadline = time.monotonic() + 10
        while "true" not in self._owner():
            assert time.monotonic() < deadline, "no Secret Service"
            time.sleep(0.05)

    def lock(self) -> None:
        import secretstorage

        with closing(secretstorage.dbus_init()) as connection:
            secretstorage.get_default_collection(connection).lock()

    def close(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(10)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def _owner(self) -> str:
        bus = "org.freedesktop.DBus"
        command = ["dbus-send", "--session", "--print-reply", f"--dest={bus}", "/", f"{bus}.NameHasOwner"]
        return subprocess.run(
            [*command, "string:org.freedesktop.secrets"], env=self.env, capture_output=True, text=True, check=False
        ).stdout

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)
        return process


@pytest.fixture
def empty_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretServiceSession]:
    """A private D-Bus session without a keyring; this process talks to it."""
    for program in ("dbus-daemon", "dbus-send", "gnome-keyring-daemon"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian packages: dbus gnome-keyring)")
    root = Path(tempfile.mkdtemp(prefix="st-"))  # short: a socket's path has at most 107 bytes
    session = SecretServiceSession(root)
    for name, value in session.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    yield session
    session.close()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def secret_service(empty_session: SecretServiceSession) -> SecretServiceSession:
    """A private D-Bus session with an unlocked keyring."""
    empty_session.start_keyring()
    return empty_session
