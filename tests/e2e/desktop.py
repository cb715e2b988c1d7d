"""A private desktop for one test: X server, window manager, D-Bus session, home folder and Secret Service of its own.

Nothing of it is shared with the desktop of whoever runs the tests, and everything ends with it. Screenshots go to the
folder that the environment variable SWITCHTOWER_SHOTS names, when it is set.
"""

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAMS = (
    "Xvfb",
    "openbox",
    "dbus-daemon",
    "xprop",
    "xwininfo",
    "xdotool",
    "trayer",
    "import",
    "gnome-keyring-daemon",
)
PASSWORD = b"a password for this test only"
FOREIGN = re.compile(r"(XDG_|DBUS_|QT_|WAYLAND|SWITCHTOWER_|DISPLAY$|PYTEST|GNOME_)|.*_proxy$", re.IGNORECASE)
# A child of the root window in `xwininfo -tree` that has a class of its own and is more than a point.
_BARE = re.compile(r'^     (0x\w+) "[^"]*": \("\S+" "\S+"\)\s+\d{2,}x\d{2,}', re.MULTILINE)
# No service files are read: only what a test starts itself is on the bus, so nothing can pop up uninvited.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def missing_programs() -> list[str]:
    """What must be installed before a desktop can be made here."""
    return [name for name in PROGRAMS if not shutil.which(name)]


class Desktop:
    """`with Desktop() as desktop:`; `screen=False` leaves a machine with a D-Bus session and nothing to see."""

    def __init__(self, *, screen: bool = True) -> None:
        # Socket paths are limited to about a hundred bytes, which pytest's own folders can exceed.
        self.root = Path(tempfile.mkdtemp(prefix="st-"))
        self.env = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
        self._screen = screen
        self._keyring: subprocess.Popen[bytes] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.close)
            self._make()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> None:
        for name, variable in (("home", "HOME"), ("run", "XDG_RUNTIME_DIR")):
            (self.root / name).mkdir(mode=0o700)
            self.env[variable] = str(self.root / name)
        self.env["LC_ALL"] = "C.UTF-8"
        self._start_bus()
        if self._screen:
            self._start_screen()

    def _start_bus(self) -> None:
        settings = self.root / "bus.conf"
        settings.write_text(BUS.format(folder=self.root / "run"))
        bus = self.spawn(
            "dbus-daemon", f"--config-file={settings}", "--nofork", "--print-address", stdout=subprocess.PIPE
        )
        assert bus.stdout is not None
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()

    def _start_screen(self) -> None:
        reading, writing = os.pipe()
        screen = ("-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
        self.spawn("Xvfb", "-displayfd", str(writing), *screen, pass_fds=(writing,))
        os.close(writing)
        with os.fdopen(reading) as number:  # read to its end: Xvfb dies when it cannot write the whole line
            self.env["DISPLAY"] = f":{number.readline().strip()}"
        self.spawn("openbox")
        eventually(lambda: "window id" in self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"), "a window manager")

    # -- processes

    def spawn(self, *command: str, **how: Any) -> subprocess.Popen[bytes]:
        """Start a program of the desktop, stopped with it; its output is thrown away unless `how` says otherwise."""
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | how
        process = subprocess.Popen(command, env=self.env, start_new_session=True, **quiet)
        self._processes.append(process)
        return process

    def run(self, *command: str) -> str:
        """Run a program of the desktop to its end; return what it wrote."""
        return subprocess.run(command, env=self.env, capture_output=True, check=False, text=True, timeout=20).stdout

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Stop one program."""
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        self._processes.remove(process)

    def close(self) -> None:
        """Stop everything, the last started first, and remove the home folder."""
        for process in reversed(self._processes.copy()):
            self.stop(process)
        shutil.rmtree(self.root, ignore_errors=True)

    # -- the Secret Service

    def unlock_keyring(self) -> None:
        """Start a real Secret Service with an unlocked keyring."""
        self._start_keyring("--unlock", stdin=subprocess.PIPE)
        assert self._keyring is not None
        assert self._keyring.stdin is not None
        self._keyring.stdin.write(PASSWORD)
        self._keyring.stdin.close()
        eventually(lambda: self.owns("org.freedesktop.secrets"), "the Secret Service")
        collection = "/org/freedesktop/secrets/aliases/default"
        locked = ("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", collection)
        locked += ("org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
        eventually(lambda: "boolean false" in self.run(*locked), "an unlocked keyring")

    def lock_keyring(self) -> None:
        """Start the Secret Service again without the password: what is in it cannot be read any more."""
        assert self._keyring is not None
        self.stop(self._keyring)
        self._start_keyring()
        eventually(lambda: self.owns("org.freedesktop.secrets"), "the Secret Service")

    def _start_keyring(self, *arguments: str, **how: Any) -> None:
        command = ("gnome-keyring-daemon", "--foreground", "--components=secrets", *arguments)
        self._keyring = self.spawn(*command, **how)

    def owns(self, name: str) -> bool:
        """Whether somebody on the session bus has this name."""
        ask = ("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/")
        return "boolean true" in self.run(*ask, "org.freedesktop.DBus.NameHasOwner", f"string:{name}")

    # -- what is seen and done on the screen

    def shot(self, name: str) -> None:
        """Take a screenshot when somebody wants to look at it."""
        folder = os.environ.get("SWITCHTOWER_SHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.run("import", "-window", "root", str(Path(folder) / f"{name}.png"))

    def pixels(self, x: int, y: int, width: int, height: int) -> bytes:
        """A part of the screen as raw RGB, to compare."""
        command = ("import", "-window", "root", "-crop", f"{width}x{height}+{x}+{y}", "-depth", "8", "rgb:-")
        return subprocess.run(command, env=self.env, capture_output=True, check=True, timeout=20).stdout

    def windows(self) -> list[str]:
        """The titles of the windows that the window manager shows."""
        listed = self.run("xprop", "-root", "_NET_CLIENT_LIST").partition("#")[2]
        ids: Sequence[str] = [part.strip() for part in listed.split(",") if part.strip()]
        return [self.run("xdotool", "getwindowname", str(int(window, 16))).strip() for window in ids]

    def popups(self) -> list[str]:
        """The open menus, by their window id: what stands on the screen itself, without a frame around it."""
        bare = _BARE.findall(self.run("xwininfo", "-root", "-tree"))
        return [window for window in bare if "IsViewable" in self.run("xwininfo", "-id", window)]

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Click at a point of the screen."""
        self.run("xdotool", "mousemove", str(x), str(y), "click", str(button))

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as X names them."""
        for key in keys:
            self.run("xdotool", "key", key)
