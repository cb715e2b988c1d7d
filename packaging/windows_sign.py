"""Sign a Windows program or installer with the key that the environment names; without one say so and leave it.

SWITCHTOWER_SIGN_PFX and SWITCHTOWER_SIGN_PASSWORD_FILE: a key in a file, by osslsigncode, on every system.
SWITCHTOWER_SIGN_THUMBPRINT: a certificate of the Windows store or of a token in it, by signtool, on Windows.
SWITCHTOWER_SIGN_TIMESTAMP: the address of a timestamp service, without which a signature ends with its certificate.
Run as a program it signs the file that is named, which is how the NSIS compiler has the uninstaller signed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import workbench

NAME = "Switchtower"


def wanted(environ=os.environ):
    """Whether the environment names a key."""
    return bool(environ.get("SWITCHTOWER_SIGN_PFX") or environ.get("SWITCHTOWER_SIGN_THUMBPRINT"))


def command(file, signed, environ=os.environ):
    """The command that signs `file`; osslsigncode writes to `signed`, signtool into the file itself.

    Raises:
        workbench.SetupError: no key is named, or the password of one.
    """
    stamp = environ.get("SWITCHTOWER_SIGN_TIMESTAMP", "")
    if thumbprint := environ.get("SWITCHTOWER_SIGN_THUMBPRINT"):
        stamped = ["/tr", stamp, "/td", "sha256"] if stamp else []
        return ["signtool", "sign", "/sha1", thumbprint, "/fd", "sha256", "/d", NAME, *stamped, str(file)]
    key, password = environ.get("SWITCHTOWER_SIGN_PFX"), environ.get("SWITCHTOWER_SIGN_PASSWORD_FILE")
    if not key or not password:
        raise workbench.SetupError(
            "To sign, set SWITCHTOWER_SIGN_PFX and SWITCHTOWER_SIGN_PASSWORD_FILE, or SWITCHTOWER_SIGN_THUMBPRINT."
        )
    stamped = ["-ts", stamp] if stamp else []
    keys = ["-pkcs12", key, "-readpass", password]
    return ["osslsigncode", "sign", *keys, "-n", NAME, "-h", "sha256", *stamped, "-in", str(file), "-out", str(signed)]


def sign(file, environ=os.environ):
    """Sign `file` where it lies.

    Raises:
        workbench.SetupError: the signing tool is missing or failed.
    """
    signed = file.with_name(file.name + ".signed")
    line = command(file, signed, environ)
    if not shutil.which(line[0]):
        raise workbench.SetupError(f"{line[0]} is not installed. It is needed to sign {file.name}.")
    if subprocess.call(line, stdout=subprocess.DEVNULL):
        signed.unlink(missing_ok=True)
        raise workbench.SetupError(f"{line[0]} could not sign {file.name}; its message stands above.")
    if signed.exists():
        signed.replace(file)


def sign_programs(stage):
    """Sign the programs of ours in a folder; other people's libraries keep the signatures they have."""
    for file in sorted(stage.glob("switchtower*.exe")):
        sign(file)


def main(argv):
    """Sign the files named; return the exit code."""
    try:
        for name in argv:
            sign(Path(name))
    except workbench.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
