"""Make what is handed out for Linux: tarball, .deb, .rpm, Arch package, AppImage, checksums."""

import hashlib
import lzma
import os
import platform
import subprocess
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import bundle
import debian_archive
import linux_appimage
import linux_libraries
import linux_stage
import workbench

HERE = linux_stage.HERE
FORMATS = ("deb", "rpm", "archlinux")
GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
MAINTAINER = "The Switchtower authors <maintainers@switchtower.invalid>"
"""Who the packages say made them, unless SWITCHTOWER_MAINTAINER says otherwise."""


def machine():
    """The processor, as Linux names it."""
    return platform.machine()


def make(arguments):
    """Build the bundle and every package into the folder named in `arguments`, else dist/.

    Raises:
        bundle.BuildError: a step failed.
    """
    destination = Path(arguments[0] if arguments else bundle.ROOT / "dist").resolve()
    frozen = bundle.build(destination)
    made = [tarball(frozen, destination), *packages(frozen, destination, bundle.version())]
    debian_archive.recompress(next(path for path in made if path.suffix == ".deb"))
    made += linux_appimage.make(frozen, destination)
    checksums(made, destination)
    for path in made:
        print(f"{path.stat().st_size / 1_000_000:7.1f} MB  {path.name}")
    print(f"Ready: {destination}")


def packages(frozen, destination, version, formats=FORMATS):
    """The .deb, the .rpm and the Arch package of a bundle, or those of `formats`.

    Raises:
        bundle.BuildError: a library has no known package, or nfpm failed.
    """
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="switchtower-stage-") as folder:
        stage, config = Path(folder) / "stage", Path(folder) / "nfpm.yaml"
        linux_stage.lay_out(frozen, stage, version)
        config.write_text(nfpm_config(frozen, stage, version), encoding="utf-8")
        return [package(kind, config, destination) for kind in formats]


def nfpm_config(frozen, stage, version):
    """The text of nfpm.yaml with everything filled in."""
    try:
        needs = linux_libraries.dependencies(frozen)
    except LookupError as error:
        raise bundle.BuildError(f"The packages cannot say what they need: {error}") from None
    values = {
        "ARCH": GO_NAMES.get(machine(), machine()),
        "VERSION": version,
        "MAINTAINER": os.environ.get("SWITCHTOWER_MAINTAINER", MAINTAINER),
        "TIME": datetime.fromtimestamp(bundle.commit_time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "STAGE": str(stage),
        **{kind.upper(): ", ".join(f'"{name}"' for name in names) for kind, names in needs.items()},
    }
    text = (HERE / "nfpm.yaml").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def package(kind, config, destination):
    """Run nfpm for one format; return the file."""
    before = {path: path.stat().st_mtime_ns for path in destination.iterdir()}
    command = [workbench.BIN / "nfpm", "package", "--packager", kind, "--config", config, "--target", destination]
    done = subprocess.run(
        [str(part) for part in command], check=False, env=bundle.environ(), capture_output=True, text=True
    )
    if done.returncode:
        raise bundle.BuildError(f"nfpm could not make the {kind} package: {(done.stderr or done.stdout).strip()}")
    return next(path for path in destination.iterdir() if before.get(path) != path.stat().st_mtime_ns)


def tarball(frozen, destination):
    """The bundle with the desktop's data beside it, for any distribution; unpack it where you like."""
    name = f"switchtower-{bundle.version()}-linux-{machine()}"
    target = destination / f"{name}.tar.xz"
    with tempfile.TemporaryDirectory(prefix="switchtower-tar-") as folder:
        share = Path(folder) / "share"
        linux_stage.desktop_data(share, bundle.version())
        bundle.settle(share)
        with lzma.open(target, "wb", preset=9) as file, tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(frozen, name, filter=owned_by_root, recursive=False)
            for top, inside in ((frozen, name), (share, f"{name}/share")):
                for path in sorted(top.rglob("*")):
                    place = f"{inside}/{path.relative_to(top).as_posix()}"
                    archive.add(path, place, filter=owned_by_root, recursive=False)
    return target


def owned_by_root(entry):
    """Take the builder's name and the links' own times out of an entry of a tarball."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = bundle.commit_time()
    return entry


def checksums(made, destination):
    """Write SHA256SUMS, as `sha256sum --check` reads it."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made)]
    (destination / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
