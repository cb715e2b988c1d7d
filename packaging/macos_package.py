"""Make the disk image for macOS: build the .app, sign it from the inside out, pack it, have it notarised.

SWITCHTOWER_SIGN_IDENTITY: the name of the certificate ("Developer ID Application: …"); without one the .app is signed
    ad hoc, which macOS needs to start it at all, and the steps that need an identity are left out.
SWITCHTOWER_NOTARY_KEY, _KEY_ID, _ISSUER: an App Store Connect key (file, its name, its issuer), for notarytool.
"""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import icon_files
import workbench

HERE = Path(__file__).resolve().parent / "macos"
ROOT = HERE.parents[1]
ICON = ROOT / "build" / "switchtower.icns"
ENTITLEMENTS = HERE / "entitlements.plist"
AD_HOC = "-"
MACH_O = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
DRY_RUN = "--dry-run"


class Runner:
    """Runs commands, or only prints them."""

    def __init__(self, *, dry=False):
        """With `dry` nothing is done."""
        self.dry = dry

    def run(self, *command):
        """Run one command.

        Raises:
            workbench.SetupError: it is missing or failed.
        """
        line = [str(part) for part in command]
        if self.dry:
            print(shlex.join(line))
            return
        if not shutil.which(line[0]):
            raise workbench.SetupError(
                f"{line[0]} is missing. Install Xcode's command line tools: xcode-select --install"
            )
        if subprocess.call(line):
            raise workbench.SetupError(f"{line[0]} failed; its message stands above.")


def build(arguments):
    """What `build_macos.py` does: build and pack into [FOLDER]; with --dry-run only print the commands.

    Raises:
        bundle.BuildError: the bundle cannot be made.
        workbench.SetupError: a later step failed.
    """
    import bundle  # noqa: PLC0415 - a dry run needs nothing of it but the version

    dry = DRY_RUN in arguments
    rest = [argument for argument in arguments if argument != DRY_RUN]
    destination = Path(rest[0] if rest else ROOT / "dist").resolve()
    runner = Runner(dry=dry)
    if dry:
        app = destination / "Switchtower.app"
        print(f"# PyInstaller makes {app}, which is checked and tests itself")
    else:
        prepare()
        app = bundle.build(destination)
    image = pack(app, destination / image_name(bundle.version()), runner)
    if not dry:
        bundle.self_test(bundle.program(app))
        summed = f"{hashlib.sha256(image.read_bytes()).hexdigest()}  {image.name}\n"
        (destination / f"SHA256SUMS-macos-{platform.machine()}").write_text(summed, encoding="utf-8")
        print(image)


def image_name(version):
    """The file that is handed out; each processor has its own."""
    return f"Switchtower-{version}-macos-{platform.machine()}.dmg"


def prepare():
    """Write the icon that PyInstaller puts into the .app."""
    import icon_images  # noqa: PLC0415 - needs Qt, which the environment has

    ICON.parent.mkdir(exist_ok=True)
    svg = ROOT / "resources" / "icons" / "switchtower.svg"
    ICON.write_bytes(icon_files.icns({size: icon_images.png(svg, size) for size in icon_files.ICNS_TYPES}))


def pack(app, image, runner, environ=os.environ):
    """Sign `app`, make `image` of it and have that notarised; return `image`."""
    identity = environ.get("SWITCHTOWER_SIGN_IDENTITY") or AD_HOC
    sign_app(app, identity, runner)
    make_image(app, image, runner)
    if identity == AD_HOC:
        print("SWITCHTOWER_SIGN_IDENTITY is not set: signed ad hoc, not notarised. Gatekeeper will warn.", flush=True)
        return image
    runner.run("codesign", "--force", "--timestamp", "--sign", identity, image)
    notarise(image, runner, environ)
    return image


def sign_app(app, identity, runner):
    """Sign every library and program in `app`, the deepest first, then the whole, and check it."""
    for file in mach_o_files(app):
        runner.run(*signing(identity), file)
    entitled = [] if identity == AD_HOC else ["--entitlements", ENTITLEMENTS]
    runner.run(*signing(identity), *entitled, app)
    runner.run("codesign", "--verify", "--deep", "--strict", app)


def signing(identity):
    """The beginning of every signing command; the hardened runtime would refuse libraries that are signed ad hoc."""
    hardened = [] if identity == AD_HOC else ["--options", "runtime", "--timestamp"]
    return ["codesign", "--force", *hardened, "--sign", identity]


def mach_o_files(app):
    """The machine code in `app` but the main program, the deepest first; links are signed where they lead to."""
    main = app / "Contents" / "MacOS" / "switchtower"
    files = (path for path in app.rglob("*") if path.is_file() and not path.is_symlink() and path != main)
    return sorted((path for path in files if is_mach_o(path)), key=lambda path: (-len(path.parts), path))


def is_mach_o(path):
    """Whether a file holds machine code for macOS."""
    with path.open("rb") as file:
        return file.read(4) in MACH_O


def make_image(app, image, runner):
    """Make the disk image: the .app beside a link to the folder it is dragged to."""
    with tempfile.TemporaryDirectory(prefix="switchtower-dmg-") as name:
        folder = Path("FOLDER" if runner.dry else name)
        runner.run("ditto", app, folder / app.name)
        runner.run("ln", "-s", "/Applications", folder / "Applications")
        format_ = ["-fs", "HFS+", "-format", "UDZO", "-ov"]
        runner.run("hdiutil", "create", "-volname", "Switchtower", "-srcfolder", folder, *format_, image)


def notarise(image, runner, environ=os.environ):
    """Send `image` to Apple, wait, and staple the ticket to it; without a key say so."""
    names = ("SWITCHTOWER_NOTARY_KEY", "SWITCHTOWER_NOTARY_KEY_ID", "SWITCHTOWER_NOTARY_ISSUER")
    key, key_id, issuer = (environ.get(name, "") for name in names)
    if not (key and key_id and issuer):
        print(f"{', '.join(names)} are not all set: signed, not notarised.", file=sys.stderr)
        return
    login = ["--key", key, "--key-id", key_id, "--issuer", issuer]
    runner.run("xcrun", "notarytool", "submit", image, *login, "--wait")
    runner.run("xcrun", "stapler", "staple", image)
    runner.run("spctl", "--assess", "--type", "open", "--context", "context:primary-signature", image)
