#!/usr/bin/env python3
"""Try the .deb in a clean Debian: `sudo python3 packaging/check_deb.py` installs, uses, upgrades and purges it.

The new package is taken from dist/ (`python3 build_linux.py` makes it), an older one is built from the same source
under another version. The clean system is made by debootstrap; nothing of this machine is in it or changed by it.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import bundle
import system_packages
import workbench

ROOT = bundle.ROOT
OLD_VERSION = "0.0.1"
USER = "somebody"
TOOLS = ("xvfb", "x11-utils", "dbus", "gnome-keyring", "curl")
NEEDED = {"apt-get": ("debootstrap", "debian-archive-keyring", "util-linux")}
UPGRADE_LIMIT_S = 120
BUILD_OLD = """
import sys; sys.path.insert(0, "packaging")
from pathlib import Path
import bundle, linux_packages
frozen = bundle.freeze(Path("dist")); bundle.trim(frozen); bundle.settle(frozen)
linux_packages.packages(frozen, Path(sys.argv[1]), bundle.version(), ("deb",))
"""
LOADABLE = """
export LD_LIBRARY_PATH=/opt/switchtower/_internal
find /opt/switchtower -type f \\( -name '*.so*' -o -perm -100 \\) -exec ldd {} + 2>/dev/null \\
  | grep 'not found' | sort -u
"""


class CheckError(Exception):
    """The package does not do what it should; the text says what."""


class System:
    """A clean system in a folder; commands in it see their own processes and mounts, which end with them."""

    def __init__(self, folder):
        """Use what is in `folder`."""
        self.folder = folder

    def command(self, *words, user=""):
        """The command line that runs `words` inside, as root or as the user."""
        isolated = ("unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={self.folder}/proc")
        becoming = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups") if user else ()
        return [*isolated, "chroot", str(self.folder), *becoming, *words]

    def environ(self, **more):
        """What commands inside find in their environment."""
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        path = "/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **proxies, **more}

    def run(self, *words, user="", **more):
        """Run a command inside; return what it printed.

        Raises:
            CheckError: its exit code is not 0.
        """
        told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(self.command(*words, user=user), check=False, env=self.environ(**more), **told)
        if done.returncode:
            raise CheckError(f"`{' '.join(words)}` failed inside:\n{done.stdout}")
        return done.stdout

    def install(self, *packages):
        """Install packages or files, and what they depend on, but nothing they only recommend."""
        self.run("apt-get", "install", "-y", "-q", "--no-install-recommends", *packages)

    def has(self, place):
        """Whether there is such a file inside."""
        return os.path.lexists(self.folder / place.lstrip("/"))


def say(line):
    """Tell where the check is."""
    print(line, flush=True)


def old_package(folder):
    """Build the .deb of an older version from the same source; return it."""
    copy = folder / "source"
    asked = [*bundle.GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, check=False, capture_output=True, text=True)
    if listed.returncode:
        raise CheckError(f"git cannot list the source: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(workbench.VENV)
    module = copy / "app" / "__init__.py"
    module.write_text(module.read_text().replace(f'"{bundle.version()}"', f'"{OLD_VERSION}"'))
    environ = bundle.environ()
    made = folder / "old"
    if subprocess.call([str(workbench.PYTHON), "-c", BUILD_OLD, str(made)], cwd=copy, env=environ):
        raise CheckError("the older version cannot be built; the message stands above")
    return next(made.glob("*.deb"))


def new_package():
    """The .deb in dist/."""
    found = sorted((ROOT / "dist").glob(f"switchtower_{bundle.version()}-*.deb"))
    if not found:
        raise CheckError(f"there is no .deb of version {bundle.version()} in dist/. Type: python3 build_linux.py")
    return found[-1]


def clean_system(base, suite, folder):
    """A copy of the minimal Debian in `base`, which is made when it is not there yet."""
    if not (base / "etc" / "debian_version").exists():
        say(f"Making a minimal Debian ({suite}) …")
        if subprocess.call(["debootstrap", "--variant=minbase", suite, str(base)], stdout=subprocess.DEVNULL):
            raise CheckError("debootstrap failed; its message stands above")
    root = folder / "system"
    subprocess.run(["cp", "-a", str(base), str(root)], check=True)
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    return System(root)


def free_port():
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def check_install(system, deb):
    """Install into the bare system: every library is found, the program tests itself without a screen."""
    say("Installing the older version into the clean system …")
    system.install(deb)
    if missing := system.run("sh", "-c", LOADABLE + "true").strip():
        raise CheckError(f"libraries are missing after the installation:\n{missing}")
    system.run("useradd", "--create-home", USER)
    for line in system.run("switchtower", "--self-test", user=USER, HOME=f"/home/{USER}").splitlines():
        say(f"  {line}")
    system.install(*TOOLS)


def check_upgrade(system, deb):
    """Use the older version, install the newer one while it runs, use that."""
    session = {"HOME": f"/home/{USER}", "PORT": free_port(), "DEMO_PORT": free_port()}
    script = ("sh", "/check_session.sh")
    home = system.folder / "home" / USER
    say("The older version:")
    first = system.command(*script, "first", OLD_VERSION, user=USER)
    running = subprocess.Popen(first, env=system.environ(**session))
    try:
        until = time.monotonic() + UPGRADE_LIMIT_S
        while not (home / "answering").exists():
            if running.poll() is not None or time.monotonic() > until:
                raise CheckError("the older version does not work; the message stands above")
            time.sleep(0.1)
        system.install(deb)
        (home / "go-on").touch()
        if running.wait(UPGRADE_LIMIT_S):
            raise CheckError("the older version did not go on; the message stands above")
    finally:
        if running.poll() is None:
            running.kill()
    say("The newer version, installed over it:")
    again = system.command(*script, "upgraded", bundle.version(), user=USER)
    if subprocess.call(again, env=system.environ(**session)):
        raise CheckError("the newer version does not work; the message stands above")


def check_purge(system):
    """Purge it: nothing of the package is left, the user's own files are."""
    system.run("apt-get", "purge", "-y", "-q", "switchtower")
    listed = system.run("sh", "-c", "dpkg --list switchtower 2>/dev/null | grep '^[hi]' || true").strip()
    left = [place for place in ("/opt/switchtower", "/usr/bin/switchtower") if system.has(place)]
    if left or listed:
        raise CheckError(f"left after the purge: {' '.join(left)} {listed}")
    if not system.has(f"/home/{USER}/.config/switchtower/config.toml"):
        raise CheckError("the purge took the settings of a user along")
    say("Purged: nothing of the package is left, the settings of the user are.")


def check(options):
    """The whole check."""
    missing = [tool for tool in ("debootstrap", "unshare", "setpriv", "chroot") if not shutil.which(tool)]
    if missing:
        system_packages.provide(NEEDED, f"The check needs {', '.join(missing)}.", CheckError)
    if os.geteuid():
        raise CheckError("a clean system can be made by root only. Type: sudo python3 packaging/check_deb.py")
    new = new_package()
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="switchtower-check-"))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        say(f"Building version {OLD_VERSION} of the same source …")
        old = old_package(folder)
        system = clean_system(options.base, options.suite, folder)
        for source, name in ((old, "old.deb"), (new, "new.deb"), (ROOT / "packaging/linux/check_session.sh", "")):
            shutil.copy(source, system.folder / (name or source.name))
        system.run("apt-get", "update", "-q")
        check_install(system, "/old.deb")
        check_upgrade(system, "/new.deb")
        check_purge(system)
    say(f"{new.name} passed.")


def main(arguments):
    """Run the check; return the exit code."""
    parser = argparse.ArgumentParser(prog="packaging/check_deb.py", description="Try the .deb in a clean Debian.")
    parser.add_argument("--suite", default="bookworm", help="the Debian release (bookworm)")
    parser.add_argument(
        "--base", type=Path, default=ROOT / "build" / "debian", help="where the minimal system is kept (build/debian)"
    )
    try:
        check(parser.parse_args(arguments))
    except (CheckError, bundle.BuildError) as error:
        print(f"check: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
