"""Make the AppDir and, where the runtime of AppImage is present, the AppImage from it."""

import os
import shutil
import subprocess
from pathlib import Path

import bundle
import icon_images
import linux_stage

RUNTIME = "APPIMAGE_RUNTIME"
"""The environment variable that names the runtime file; nothing is downloaded here."""
HOW = f"Get runtime-x86_64 (or -aarch64) of AppImage's type2-runtime, check it, and set {RUNTIME} to where it is."


def make(frozen, destination):
    """The AppDir, tested, and the AppImage in a list; without the runtime the list is empty and the reason is printed.

    Raises:
        bundle.BuildError: AppRun does not start the program, or mksquashfs failed.
    """
    appdir = lay_out(frozen, destination / "Switchtower.AppDir")
    bundle.self_test(appdir / "AppRun")
    runtime = os.environ.get(RUNTIME, "")
    if not Path(runtime).is_file():
        print(f"Left out: the AppImage, for its runtime is not here. {HOW}", flush=True)
        return []
    if not shutil.which("mksquashfs"):
        print("Left out: the AppImage, for mksquashfs is not here. Type: sudo apt-get install -y squashfs-tools")
        return []
    return [pack(appdir, Path(runtime), destination)]


def lay_out(frozen, appdir):
    """Fill the AppDir; return it."""
    shutil.rmtree(appdir, ignore_errors=True)
    shutil.copytree(frozen, appdir / linux_stage.PREFIX, symlinks=True)
    linux_stage.desktop_data(appdir / "usr" / "share", bundle.version())
    shutil.copy(linux_stage.HERE / "switchtower.desktop", appdir)
    shutil.copy(linux_stage.HERE / "AppRun", appdir)
    svg = bundle.ROOT / "resources" / "icons" / "switchtower.svg"
    shutil.copy(svg, appdir)
    linux_stage.put(appdir / ".DirIcon", icon_images.png(svg, 256))
    bundle.settle(appdir)
    return appdir


def pack(appdir, runtime, destination):
    """Put the runtime before a squashfs of the AppDir; return the AppImage."""
    image = destination / f"Switchtower-{bundle.version()}-{os.uname().machine}.AppImage"
    squashed = image.with_suffix(".squashfs")
    squashed.unlink(missing_ok=True)
    command = ["mksquashfs", str(appdir), str(squashed), "-root-owned", "-noappend", "-comp", "zstd", "-quiet"]
    if subprocess.call([*command, "-no-progress"], env=bundle.environ()):
        raise bundle.BuildError("mksquashfs failed; its message stands above.")
    image.write_bytes(runtime.read_bytes() + squashed.read_bytes())
    image.chmod(0o755)
    squashed.unlink()
    return image
