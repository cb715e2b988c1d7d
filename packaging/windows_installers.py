"""Make both installers for Windows around a bundle: NSIS and .msi, on Windows or wherever their compilers are."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import icon_files
import windows_msi
import windows_sign
import workbench

HERE = Path(__file__).resolve().parent / "windows"
ROOT = HERE.parents[1]
BUILD = ROOT / "build"
ICON = BUILD / "switchtower.ico"
PICTURE = BUILD / "setup.bmp"
RESOURCE = BUILD / "version_resource.txt"
PROGRAMS = ("switchtower.exe", "switchtowerw.exe")
KIB = 1024
HOW_TO_GET = {
    "makensis": "NSIS, from https://nsis.sourceforge.io or as the Debian package nsis",
    "wixl": "wixl, as the Debian packages wixl and msitools",
    "candle": "WiX 3, from https://github.com/wixtoolset/wix3/releases",
    "light": "WiX 3, from https://github.com/wixtoolset/wix3/releases",
}
RESOURCE_TEXT = """VSVersionInfo(
  ffi=FixedFileInfo(filevers={four}, prodvers={four}, mask=0x3F, flags=0x0, OS=0x40004, fileType=0x1, subtype=0x0),
  kids=[
    StringFileInfo([StringTable("040904B0", [
      StringStruct("CompanyName", "The Switchtower authors"),
      StringStruct("FileDescription", "Switchtower"),
      StringStruct("FileVersion", "{version}"),
      StringStruct("InternalName", "switchtower"),
      StringStruct("LegalCopyright", "The Switchtower authors, MIT licence"),
      StringStruct("ProductName", "Switchtower"),
      StringStruct("ProductVersion", "{version}"),
    ])]),
    VarFileInfo([VarStruct("Translation", [0x0409, 1200])]),
  ],
)
"""


def four(version):
    """A version as Windows wants it: four numbers, without what marks a pre-release."""
    numbers = [int(part) for part in re.match(r"\d+(?:\.\d+)*", version)[0].split(".")]
    return tuple((numbers + [0] * 4)[:4])


def three(version):
    """A version as an .msi wants it: three numbers."""
    return ".".join(str(number) for number in four(version)[:3])


def prepare(version):
    """Write what is put into the programs, the icon and the version resource, and the picture of the installer."""
    import icon_images  # noqa: PLC0415 - needs Qt, which the environment has
    import setup_picture  # noqa: PLC0415 - as above

    BUILD.mkdir(exist_ok=True)
    svg = ROOT / "resources" / "icons" / "switchtower.svg"
    ICON.write_bytes(icon_files.ico({size: icon_images.png(svg, size) for size in icon_files.ICO_SIZES_PX}))
    setup_picture.paint(svg, PICTURE)
    RESOURCE.write_text(RESOURCE_TEXT.format(four=four(version), version=version), encoding="utf-8")


def build(arguments):
    """What `build_windows.py` does: make the bundle, then the installers in [FOLDER].

    `--stage BUNDLE` names a bundle that was made before, `--bundle` stops when it is made.

    Raises:
        bundle.BuildError: the bundle cannot be made.
        workbench.SetupError: the installers cannot be made.
    """
    import bundle  # noqa: PLC0415 - the installers alone need nothing of it

    what, rest = (arguments[0], arguments[1:]) if arguments[:1] in (["--stage"], ["--bundle"]) else ("", arguments)
    if what == "--stage" and not rest:
        raise workbench.SetupError("--stage takes the folder of a bundle: build_windows.py --stage BUNDLE [FOLDER]")
    stage, rest = (Path(rest[0]), rest[1:]) if what == "--stage" else (None, rest)
    destination = Path(rest[0] if rest else ROOT / "dist").resolve()
    prepare(bundle.version())
    stage = stage or bundle.build(destination)
    made = [stage] if what == "--bundle" else make(stage, destination, bundle.version())
    print(*made, sep="\n")


def make(stage, destination, version):
    """Sign the programs in `stage` when there is a key, then make both installers; return their paths.

    Raises:
        workbench.SetupError: a program or a tool is missing, or a tool failed.
    """
    missing = [name for name in PROGRAMS if not (stage / name).is_file()]
    if missing:
        raise workbench.SetupError(f"{stage} holds no {' and no '.join(missing)}: it is not a bundle for Windows.")
    if windows_sign.wanted():
        windows_sign.sign_programs(stage)
    else:
        print("No key to sign with is named (SWITCHTOWER_SIGN_…): the installers are not signed.", flush=True)
    destination.mkdir(parents=True, exist_ok=True)
    made = [nsis(stage, destination, version), msi(stage, destination, version)]
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in made)
    (destination / "SHA256SUMS-windows").write_text(sums, encoding="utf-8")
    return made


def tool(name):
    """The path of a program.

    Raises:
        workbench.SetupError: it is not installed.
    """
    if found := shutil.which(name):
        return found
    raise workbench.SetupError(f"{name} is missing. Install {HOW_TO_GET[name]}.")


def run(command, what, folder=None):
    """Run one tool; its output is shown when it fails only.

    Raises:
        workbench.SetupError: it failed.
    """
    done = subprocess.run([str(part) for part in command], check=False, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise workbench.SetupError(f"{what} failed; the message stands above.")


def nsis(stage, destination, version):
    """The installer for one user; return its path."""
    out = destination / f"Switchtower-{version}-setup-x64.exe"
    size_kib = sum(path.stat().st_size for path in stage.rglob("*") if path.is_file()) // KIB
    told = {
        "VERSION": version,
        "FOUR": ".".join(str(number) for number in four(version)),
        "STAGE": stage.resolve(),
        "OUT": out.resolve(),
        "ICON": ICON,
        "PICTURE": PICTURE,
        "SIZE_KIB": size_kib,
    }
    defined = [f"-D{name}={value}" for name, value in told.items()]
    if windows_sign.wanted():
        defined.append(f'-DSIGN="{sys.executable}" "{HERE.parent / "windows_sign.py"}"')
    if os.name != "nt":  # Debian's NSIS can make 64-bit installers, which run where Wine has no 32-bit part
        defined.append("-DAMD64")
    run([tool("makensis"), "-V2", *defined, HERE / "setup.nsi"], "The NSIS compiler")
    return out


def msi(stage, destination, version):
    """The .msi; return its path."""
    out = destination / f"Switchtower-{version}-x64.msi"
    with tempfile.TemporaryDirectory(prefix="switchtower-msi-") as name:
        folder = Path(name)
        (folder / "switchtower.wxs").write_text(windows_msi.source(stage, three(version)), encoding="utf-8")
        shutil.copyfile(ICON, folder / "switchtower.ico")
        shutil.copytree(stage, folder / "stage")
        for command in msi_commands(out.resolve()):
            run(command, "The .msi compiler", folder)
    if windows_sign.wanted():
        windows_sign.sign(out)
    return out


def msi_commands(out):
    """The compiler's commands: WiX on Windows, wixl elsewhere."""
    if os.name != "nt":
        return [[tool("wixl"), "--arch", "x64", "--output", out, "switchtower.wxs"]]
    return [
        [tool("candle"), "-nologo", "-arch", "x64", "switchtower.wxs"],
        [tool("light"), "-nologo", "-sval", "-spdb", "-out", out, "switchtower.wixobj"],
    ]
