"""What is known of the packages in the lock files: `audit` asks for known vulnerabilities, `sbom` lists what ships.

Their tools come from `requirements-release.lock` into an environment of their own, so that nothing of them can end up
in the program.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import bundle_contents
import workbench

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "build" / "release-tools"
BIN = TOOLS / ("Scripts" if os.name == "nt" else "bin")
STAMP = TOOLS / "switchtower-setup.json"
AUDITED = (workbench.FULL_LOCK, workbench.RELEASE_LOCK)
ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9._-]+")
ASKED = """
import json, re, sys
from app import __version__
from app.store import licences
known = {re.sub("[-_.]+", "-", part.name).lower(): part.licence for part in licences.installed(sys.argv[1:])}
print(json.dumps({"version": __version__, "licences": known}))
"""


def provide_tools():
    """Make the environment of the tools unless it is there.

    Raises:
        workbench.SetupError: pip failed.
    """
    wanted = {"lock": workbench.digest(workbench.RELEASE_LOCK), "python": sys.version}
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found == wanted:
        return
    print(f"Setting up {TOOLS} from {workbench.RELEASE_LOCK.name} …", file=sys.stderr, flush=True)
    venv.create(TOOLS, clear=True, with_pip=True)
    pip = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if subprocess.call([*pip, "-r", workbench.RELEASE_LOCK]):
        raise workbench.SetupError(f"pip could not install {workbench.RELEASE_LOCK.name}; its message stands above.")
    STAMP.write_text(json.dumps(wanted), encoding="utf-8")


def audit(options):
    """Ask for known vulnerabilities of every locked package; what could not be asked about fails as well."""
    provide_tools()
    locks = [Path(name) for name in options.files] or AUDITED
    codes = []
    for lock in locks:
        print(f"{lock.name}:", flush=True)
        command = [BIN / "pip-audit", "--strict", "--progress-spinner", "off", "--disable-pip", "--require-hashes"]
        codes.append(subprocess.call([*command, "-r", lock]))
    return max(codes)


def sbom(options):
    """Write the bill of materials of what the bundle holds to a file, or to standard output.

    Raises:
        workbench.SetupError: cyclonedx-py failed.
    """
    provide_tools()
    told = told_by_the_environment()
    command = [BIN / "cyclonedx-py", "requirements", "-", "--pyproject", ROOT / "pyproject.toml"]
    command += ["--output-reproducible", "--of", "JSON", "--sv", "1.6"]
    done = subprocess.run(command, check=False, input=shipped(told["licences"]), capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise workbench.SetupError("cyclonedx-py failed; its message stands above.")
    text = json.dumps(completed(json.loads(done.stdout), told), indent=2) + "\n"
    if options.files:
        Path(options.files[0]).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


def entries(lock):
    """Every entry of a lock file by the name of its package."""
    found = (part for part in ENTRY.split(lock.read_text(encoding="utf-8")) if NAME.match(part))
    return {NAME.match(part)[0]: part for part in found}


def shipped(bundled):
    """The locked entries of what the headless program needs on any system, and of what is `bundled` here beside."""
    full = entries(workbench.FULL_LOCK)
    return "".join(full[name] for name in sorted({*entries(workbench.HEADLESS_LOCK), *bundled} & set(full)))


def completed(bill, told):
    """The bill with what the environment tells besides: the program's version, and licences by package."""
    bill["metadata"]["component"]["version"] = told["version"]
    for component in bill["components"]:
        if (licence := told["licences"].get(component["name"].lower())) and "licenses" not in component:
            component["licenses"] = [{"license": {"name": licence}}]
    return bill


def told_by_the_environment():
    """Ask the environment that the program is built in."""
    workbench.set_up(headless=False)
    command = [workbench.PYTHON, "-c", ASKED, *bundle_contents.EXTRAS]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return json.loads(done.stdout)


def add_to(verbs):
    """Add the verbs to the command line of `packaging/dev.py`."""
    audited = verbs.add_parser("audit", help="ask for known vulnerabilities of the locked packages (needs the network)")
    audited.add_argument("files", nargs="*", metavar="LOCK", help="instead of both lock files")
    audited.set_defaults(action=audit)
    listed = verbs.add_parser("sbom", help="write a CycloneDX bill of materials of what ships")
    listed.add_argument("files", nargs="*", metavar="FILE", help="instead of standard output")
    listed.set_defaults(action=sbom)


def main(argv):
    """Run one verb by itself; return its exit code."""
    parser = argparse.ArgumentParser(prog="packaging/supply_chain.py")
    add_to(parser.add_subparsers(dest="verb", required=True))
    options = parser.parse_args(argv)
    return options.action(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
