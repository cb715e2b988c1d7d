"""What the bundle asks of a Linux system: libraries it loads but does not bring, and the packages that hold them."""

import re
import subprocess

PACKAGES = {  # soname: package of Debian and its children, package of Arch
    "ld-linux-aarch64.so.1": ("libc6", "glibc"),
    "ld-linux-x86-64.so.2": ("libc6", "glibc"),
    "libbrotlicommon.so.1": ("libbrotli1", "brotli"),
    "libbrotlidec.so.1": ("libbrotli1", "brotli"),
    "libbsd.so.0": ("libbsd0", "libbsd"),
    "libc.so.6": ("libc6", "glibc"),
    "libcap.so.2": ("libcap2", "libcap"),
    "libcom_err.so.2": ("libcom-err2", "e2fsprogs"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus"),
    "libdl.so.2": ("libc6", "glibc"),
    "libEGL.so.1": ("libegl1", "libglvnd"),
    "libexpat.so.1": ("libexpat1", "expat"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype2"),
    "libgcc_s.so.1": ("libgcc-s1", "gcc-libs"),
    "libgcrypt.so.20": ("libgcrypt20", "libgcrypt"),
    "libGL.so.1": ("libgl1", "libglvnd"),
    "libgpg-error.so.0": ("libgpg-error0", "libgpg-error"),
    "libgssapi_krb5.so.2": ("libgssapi-krb5-2", "krb5"),
    "libk5crypto.so.3": ("libk5crypto3", "krb5"),
    "libkeyutils.so.1": ("libkeyutils1", "keyutils"),
    "libkrb5.so.3": ("libkrb5-3", "krb5"),
    "libkrb5support.so.0": ("libkrb5support0", "krb5"),
    "liblz4.so.1": ("liblz4-1", "lz4"),
    "libm.so.6": ("libc6", "glibc"),
    "libmd.so.0": ("libmd0", "libmd"),
    "libpng16.so.16": ("libpng16-16", "libpng"),
    "libpthread.so.0": ("libc6", "glibc"),
    "libresolv.so.2": ("libc6", "glibc"),
    "librt.so.1": ("libc6", "glibc"),
    "libstdc++.so.6": ("libstdc++6", "gcc-libs"),
    "libsystemd.so.0": ("libsystemd0", "systemd-libs"),
    "libuuid.so.1": ("libuuid1", "util-linux-libs"),
    "libwayland-client.so.0": ("libwayland-client0", "wayland"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "wayland"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libx11"),
    "libX11.so.6": ("libx11-6", "libx11"),
    "libXau.so.6": ("libxau6", "libxau"),
    "libxcb-glx.so.0": ("libxcb-glx0", "libxcb"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libXdmcp.so.6": ("libxdmcp6", "libxdmcp"),
    "libXext.so.6": ("libxext6", "libxext"),
    "libXrender.so.1": ("libxrender1", "libxrender"),
    "libzstd.so.1": ("libzstd1", "zstd"),
}
"""Where the libraries are; rpm's systems need no table, for there a package can ask for the soname itself."""

DATA = ("xkb-data", "xkeyboard-config", "xkeyboard-config")
"""The keyboard layouts that Qt's X11 and Wayland plugins read: package of Debian, of rpm's systems, of Arch."""

_ELF = b"\x7fELF"
_NEEDED = re.compile(r"^\s+NEEDED\s+(\S+)$", re.MULTILINE)
_GLIBC = re.compile(r"\bGLIBC_(\d+)\.(\d+)\b")


def headers(bundle):
    """What objdump says about each program and library of the bundle."""
    files = [path for path in sorted(bundle.rglob("*")) if path.is_file() and not path.is_symlink() and is_elf(path)]
    asked = ["objdump", "-p", *map(str, files)]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout


def is_elf(path):
    """Whether a file is a program or a library."""
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


def wanted(bundle, text):
    """The sonames that the bundle needs from outside, from what `headers` said."""
    brought = {path.name for path in bundle.rglob("*")}
    return sorted(set(_NEEDED.findall(text)) - brought)


def oldest_glibc(text):
    """The version of glibc that is new enough for all, such as "2.34"."""
    major, minor = max((int(major), int(minor)) for major, minor in _GLIBC.findall(text))
    return f"{major}.{minor}"


def dependencies(bundle):
    """The dependencies for .deb, .rpm and Arch packages, each a list of what the package format takes.

    Raises:
        LookupError: a library is needed for which the table has no package.
    """
    text = headers(bundle)
    names = wanted(bundle, text)
    if unknown := [name for name in names if name not in PACKAGES]:
        raise LookupError(f"no package is known for {', '.join(unknown)}: see packaging/linux_libraries.py")
    glibc = oldest_glibc(text)
    debian = sorted({PACKAGES[name][0] for name in names} | {DATA[0]})
    rpm = [f"{name}()(64bit)" for name in names if not name.startswith("ld-linux")]
    arch = sorted({PACKAGES[name][1] for name in names} | {DATA[2]})
    return {
        "deb": [f"libc6 (>= {glibc})" if name == "libc6" else name for name in debian],
        "rpm": [f"libc.so.6(GLIBC_{glibc})(64bit)", *rpm, DATA[1]],
        "archlinux": [f"glibc>={glibc}" if name == "glibc" else name for name in arch],
    }
