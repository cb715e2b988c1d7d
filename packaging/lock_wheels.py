"""See that every locked package has a wheel with a locked hash on each system: `lock_wheels.py [LOCK…]`.

Run with the environment's Python; it asks the package index and installs nothing.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.11"
SYSTEMS = {  # what pip calls a system, and what the lock files' conditions ask of it
    "win_amd64": ("win32", "nt", "Windows", "AMD64"),
    "macosx_13_0_arm64": ("darwin", "posix", "Darwin", "arm64"),
    "macosx_13_0_x86_64": ("darwin", "posix", "Darwin", "x86_64"),
}
ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)


def wanted(lock_text, system):
    """The entries of a lock file that apply to a system, without their conditions, which pip would ask of this one."""
    return "".join(bare(entry) for entry in ENTRY.split(lock_text) if entry.strip() and applies(entry, system))


def applies(entry, system):
    """Whether an entry is meant for a system."""
    marker = Requirement(entry.partition("\\")[0].strip()).marker
    sys_platform, os_name, platform_system, machine = SYSTEMS[system]
    environment = {
        "sys_platform": sys_platform,
        "os_name": os_name,
        "platform_system": platform_system,
        "platform_machine": machine,
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return marker is None or marker.evaluate(environment)


def bare(entry):
    """An entry without its condition."""
    head, slash, hashes = entry.partition("\\")
    return f"{head.partition(';')[0].strip()} {slash}{hashes}"


def problems(lock, system):
    """What pip says when it is asked for the wheels of a system; nothing when it finds them all."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "requirements.txt"
        file.write_text(wanted(lock.read_text(encoding="utf-8"), system), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--no-deps"]
        command += ["--only-binary", ":all:", "--require-hashes", "--platform", system, "--python-version", PYTHON]
        command += ["--implementation", "cp", "--target", f"{name}/nowhere", "-r", str(file)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if not done.returncode:
        return []
    return [line for line in done.stderr.splitlines() if "ERROR" in line] or [f"pip ended with {done.returncode}"]


def main(argv):
    """Look at the lock files named, else at what the program needs; return the exit code."""
    locks = [Path(name) for name in argv] or [ROOT / "packaging" / "requirements-headless.lock"]
    failed = 0
    for lock in locks:
        for system in SYSTEMS:
            found = problems(lock, system)
            failed |= bool(found)
            print(f"{lock.name} on {system}: {'; '.join(found) or 'a wheel for everything'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
