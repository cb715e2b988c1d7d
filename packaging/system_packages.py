"""What the operating system must bring along, how to see that it lacks it, and how to get it."""

import importlib.util
import os
import shutil
import subprocess
import sys

VENV = {"apt-get": ("python3-venv",), "dnf": ("python3",), "pacman": ("python",)}
QT = {
    "apt-get": (
        "libgl1", "libegl1", "libxkbcommon0", "libglib2.0-0", "libfreetype6", "libfontconfig1", "libdbus-1-3",
        "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-image0", "libxcb-render-util0", "libxcb-shape0",
        "libxcb-xkb1", "libxkbcommon-x11-0", "fonts-dejavu-core",
    ),
    "dnf": (
        "libglvnd-glx", "libglvnd-egl", "libxkbcommon-x11", "glib2", "freetype", "fontconfig", "dbus-libs",
        "xcb-util-cursor", "xcb-util-wm", "xcb-util-keysyms", "xcb-util-image", "xcb-util-renderutil",
    ),
    "pacman": (
        "libglvnd", "libxkbcommon-x11", "glib2", "freetype2", "fontconfig", "dbus", "xcb-util-cursor", "xcb-util-wm",
        "xcb-util-keysyms", "xcb-util-image", "xcb-util-renderutil",
    ),
}  # fmt: skip
TESTS = {
    "apt-get": (
        "xvfb", "openbox", "dbus", "x11-utils", "xdotool", "trayer", "imagemagick", "gnome-keyring",
        "fonts-dejavu-core", "curl",
    ),
}  # fmt: skip
TEST_TOOLS = (
    "Xvfb", "openbox", "dbus-daemon", "dbus-send", "xprop", "xdotool", "trayer", "import", "gnome-keyring-daemon",
    "curl",
)  # fmt: skip
INSTALL = {
    "apt-get": ("apt-get", "install", "-y", "--no-install-recommends"),
    "dnf": ("dnf", "install", "-y"),
    "pacman": ("pacman", "-S", "--needed", "--noconfirm"),
}
# Load what the program loads; the platform plugin is opened by Qt only later, so it is opened here by hand.
QT_PROBE = """
import ctypes, pathlib, PySide6
try:
    from PySide6 import QtCore, QtDBus, QtGui, QtNetwork, QtSvg, QtWidgets
    for plugin in pathlib.Path(PySide6.__file__).parent.glob("Qt/plugins/platforms/libqxcb.so"):
        ctypes.CDLL(str(plugin))
except (ImportError, OSError) as error:
    raise SystemExit(str(error).split(":")[0])
"""


def has_venv():
    """Whether this Python can make virtual environments (Debian splits that off)."""
    return importlib.util.find_spec("ensurepip") is not None


def missing_qt_library(python):
    """The name of a system library that Qt lacks in the environment of `python`, or ""; asked on Linux only."""
    if not sys.platform.startswith("linux"):
        return ""
    probe = subprocess.run([python, "-c", QT_PROBE], check=False, capture_output=True, text=True)
    return (probe.stderr.strip().splitlines() or ["unknown"])[-1] if probe.returncode else ""


def missing_test_tools():
    """The programs of the desktop tests that are not installed; none are asked for outside Linux."""
    if not sys.platform.startswith("linux"):
        return []
    return [name for name in TEST_TOOLS if not shutil.which(name)]


def manager(packages):
    """The package manager of this machine for which `packages` has names, or ""."""
    return next((name for name in INSTALL if name in packages and shutil.which(name)), "")


def advice(packages, name):
    """The one line to type."""
    if not name:
        return "Install what these Debian packages hold: " + " ".join(packages["apt-get"])
    return "Type: sudo " + " ".join((*INSTALL[name], *packages[name]))


def provide(packages, reason, error):
    """Install system packages when that is ours to do (root on a machine with apt), else say the line to type.

    Raises:
        error: they are missing and stay so; with `error` None the line is printed and the caller goes on.
    """
    name = manager(packages)
    if name == "apt-get" and os.geteuid() == 0:
        print(f"{reason} Installing {' '.join(packages[name])} …", flush=True)
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        quiet = {"env": environ, "stdout": subprocess.DEVNULL}
        subprocess.call(["apt-get", "update", "-qq"], **quiet)
        if subprocess.call([*INSTALL[name], "-qq", *packages[name]], **quiet) == 0:
            importlib.invalidate_caches()
            return
    line = f"{reason} {advice(packages, name)}"
    if error:
        raise error(line)
    print(line, flush=True)


if __name__ == "__main__":  # what a hosted build on Debian or Ubuntu installs first
    print(*QT["apt-get"], *TESTS["apt-get"], sep="\n")
