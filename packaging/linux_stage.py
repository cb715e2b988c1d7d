"""Lay out the files of a Linux package as they will be installed: the bundle, the command, the desktop's data."""

import gzip
import shutil
from datetime import UTC, datetime
from pathlib import Path

import bundle
import icon_images

ROOT = bundle.ROOT
HERE = ROOT / "packaging" / "linux"
SYSTEMD_UNIT = ROOT / "packaging" / "systemd" / "switchtower.service"
PREFIX = "opt/switchtower"
APP_ID = "io.github.switchtower.Switchtower"
ICON_SIZES_PX = (16, 22, 24, 32, 48, 64, 96, 128, 256, 512)


def lay_out(frozen, stage, version):
    """Fill the empty folder `stage` from the bundle `frozen`."""
    shutil.copytree(frozen, stage / PREFIX, symlinks=True)
    command = stage / "usr" / "bin" / "switchtower"
    command.parent.mkdir(parents=True)
    command.symlink_to(f"/{PREFIX}/switchtower")
    desktop_data(stage / "usr" / "share", version)
    put(stage / "usr/lib/systemd/user/switchtower.service", SYSTEMD_UNIT.read_bytes())
    bundle.settle(stage)


def desktop_data(share, version):
    """What desktops look for below /usr/share, and the documents every package has."""
    put(share / "applications" / "switchtower.desktop", (HERE / "switchtower.desktop").read_bytes())
    put(share / "metainfo" / f"{APP_ID}.metainfo.xml", metainfo(version).encode())
    for name, data in icons().items():
        put(share / "icons" / "hicolor" / name, data)
    documents = share / "doc" / "switchtower"
    put(documents / "copyright", (ROOT / "LICENSE").read_bytes())
    put(documents / "changelog.gz", gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), mtime=0))


def put(path, data):
    """Write a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def metainfo(version):
    """AppStream's description of this version."""
    text = (HERE / "switchtower.metainfo.xml").read_text(encoding="utf-8")
    day = datetime.fromtimestamp(bundle.commit_time(), UTC).date().isoformat()
    return text.replace("@VERSION@", version).replace("@DATE@", day)


def icons():
    """Each icon of the hicolor theme, by its place in it."""
    svg = ROOT / "resources" / "icons" / "switchtower.svg"
    drawn = {f"{px}x{px}/apps/switchtower.png": icon_images.png(svg, px) for px in ICON_SIZES_PX}
    return {**drawn, "scalable/apps/switchtower.svg": Path(svg).read_bytes()}
