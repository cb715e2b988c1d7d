"""Make the bundle from the locked environment: build it reproducibly, check what is in it, let it test itself.

`build(destination)` does it all and returns the folder (the .app on macOS); run it with the environment's Python.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bundle_contents as contents
import bundle_sizes
import icu_data
import licences
import workbench

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "packaging" / "switchtower.spec"
SELF_TEST_LIMIT_S = 120
GIT = ("git", "-c", "safe.directory=*", "-C", str(ROOT))  # root may build what belongs to somebody else
ZIP_EPOCH = 315532800  # 1980, the first moment a zip file can name: for a source folder without git
ON_LINUX, ON_MAC, ON_WINDOWS = sys.platform.startswith("linux"), sys.platform == "darwin", os.name == "nt"


class BuildError(Exception):
    """The build cannot go on; the text says what is wrong, with the remedy."""


def version():
    """The version of the program, from its one place."""
    text = (ROOT / "app" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'__version__ = "(.+)"', text)[1]


def commit_time():
    """When every file of a build is dated, in seconds since 1970: SOURCE_DATE_EPOCH, or else the time of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    asked = [*GIT, "log", "-1", "--format=%ct"]
    try:
        told = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()
    except OSError:
        told = ""
    return int(told) if told.isdigit() else ZIP_EPOCH


def environ():
    """The environment of every step: nothing of the caller's Python, nothing left to chance."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYINSTALLER", "QT_"))}
    fixed = {
        "SOURCE_DATE_EPOCH": str(commit_time()),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "UTC",
    }
    return kept | fixed | ({} if ON_WINDOWS else {"LC_ALL": "C.UTF-8"})


def enter_environment(script, arguments):
    """Make the environment from the lock file and go on in it: `script` starts anew unless it runs there already.

    Raises:
        workbench.SetupError: the environment cannot be made, or Qt lacks a library of the system.
    """
    workbench.set_up(headless=False)
    if Path(sys.prefix).resolve() == workbench.VENV.resolve():
        return
    workbench.provide_qt_libraries()
    sys.stdout.flush()
    raise SystemExit(subprocess.call([str(workbench.PYTHON), str(script), *arguments], env=environ()))


def build(destination):
    """Make the bundle below `destination`, check it and let it test itself; return its folder.

    Raises:
        BuildError: PyInstaller failed, something is in the bundle that must not be, or the program does not work.
    """
    if commit_time() == ZIP_EPOCH:
        print("No commit is known here, so the files are dated 1980. SOURCE_DATE_EPOCH can say otherwise.")
    bundle = freeze(Path(destination))
    trim(bundle)
    licences.collect(resources(bundle), bundle)
    settle(bundle)
    verify(bundle)
    print(bundle_sizes.table(bundle), flush=True)
    self_test(program(bundle))
    return bundle


def see_tools():
    """See that what PyInstaller and the next steps start is there.

    Raises:
        BuildError: something is not, with the line to type.
    """
    missing = [tool for tool in ("as", "ld", "objdump", "strip") if ON_LINUX and not shutil.which(tool)]
    if missing:
        raise BuildError(f"{', '.join(missing)} missing. Type: sudo apt-get install -y binutils")
    asked = "from PyInstaller.depend.bindepend import get_python_library_path as look; look()"
    if subprocess.run([str(workbench.PYTHON), "-c", asked], check=False, capture_output=True).returncode:
        name = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        raise BuildError(
            f"This Python has no shared library. On Debian and Ubuntu type: sudo apt-get install -y {name}. "
            "With pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install …"
        )


def freeze(destination):
    """Run PyInstaller; return the bundle."""
    see_tools()
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="switchtower-build-") as work:
        command = [workbench.PYTHON, "-m", "PyInstaller", SPEC, "--noconfirm", "--clean", "--log-level", "ERROR"]
        own = {**environ(), "PYINSTALLER_CONFIG_DIR": work}
        print("Freezing the program …", flush=True)
        where = ["--distpath", destination, "--workpath", work]
        if subprocess.call([str(part) for part in [*command, *where]], cwd=ROOT, env=own):
            raise BuildError("PyInstaller failed; its message stands above.")
    if ON_MAC:
        shutil.rmtree(destination / "switchtower")
        return destination / "Switchtower.app"
    return destination / "switchtower"


def resources(bundle):
    """The folder of the program's own resources in a bundle."""
    return next(iter(sorted(path.resolve().parent for path in bundle.rglob("config.example.toml"))))


def trim(bundle):
    """Take the languages out of ICU's data, which only Linux brings.

    Raises:
        BuildError: the data is not as expected.
    """
    for library in sorted(bundle.rglob("libicudata.so.*")):
        if not library.is_symlink():
            try:
                saved = icu_data.trim(library)
            except icu_data.DataError as error:
                raise BuildError(f"ICU cannot be trimmed: {error}") from None
            print(f"Took {saved / bundle_sizes.MB:.0f} MB of languages out of {library.name}.", flush=True)


def settle(bundle):
    """Give every file the time of the commit and one of two modes."""
    when = commit_time()
    for path in sorted(bundle.rglob("*"), reverse=True):
        if path.is_symlink():
            continue
        if not ON_WINDOWS:
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (when, when))
    os.utime(bundle, (when, when))


def program(bundle):
    """The executable for terminals."""
    if ON_MAC:
        return bundle / "Contents" / "MacOS" / "switchtower"
    return bundle / ("switchtower.exe" if ON_WINDOWS else "switchtower")


def modules(bundle):
    """The name of every Python module in the bundle's archive."""
    from PyInstaller.archive.readers import CArchiveReader  # noqa: PLC0415 - is there in the environment only

    return set(CArchiveReader(str(program(bundle))).open_embedded_archive("PYZ.pyz").toc)


def verify(bundle):
    """See that the whole program is in the bundle and nothing that does not belong there.

    Raises:
        BuildError: with one line for each thing that is wrong.
    """
    problems = module_problems(modules(bundle)) + file_problems(bundle)
    if problems:
        raise BuildError("The bundle is not as it should be:\n  " + "\n  ".join(problems))


def module_problems(names):
    """What is wrong with the modules of a bundle: ours that are missing, and those of others that are there."""
    missing = [name for name in contents.app_modules() if name != "app.__main__" and name not in names]
    banned = {*contents.foreign_modules(), *contents.NOT_BUNDLED}
    present = {name for name in names if name in banned or name.partition(".")[0] in banned}
    return [f"{name} is missing" for name in missing] + [f"{name} is in it" for name in sorted(present)]


def file_problems(bundle):
    """What is wrong with the files of a bundle."""
    places = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
    found = [f"{place} is in it" for place in places if contents.FORBIDDEN.search(place)]
    icons = sorted(path.name for path in (ROOT / "resources" / "icons").glob("*.svg"))
    present = {place.rpartition("/")[2] for place in places}
    return found + [f"the icon {name} is missing" for name in icons if name not in present]


def self_test(executable):
    """Let a frozen program test itself in an empty home without a screen; print what it says and how long it took.

    Raises:
        BuildError: it failed or hung.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="switchtower-home-") as home:
        own = {"HOME": home, "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
        if ON_WINDOWS:
            own = {**environ(), "QT_QPA_PLATFORM": "offscreen"}
        command = [str(executable), "--self-test"]
        try:
            code = subprocess.run(command, check=False, env=own, cwd=home, timeout=SELF_TEST_LIMIT_S).returncode
        except subprocess.TimeoutExpired:
            raise BuildError(f"The self-test did not end within {SELF_TEST_LIMIT_S} s.") from None
    if code:
        raise BuildError(f"The self-test failed with exit code {code}; its message stands above.")
    print(f"The frozen program tested itself in {time.monotonic() - began:.1f} s.", flush=True)


def main(script, arguments, make):
    """What each `build_*.py` does: enter the environment, then `make(arguments)`; return the exit code."""
    try:
        enter_environment(script, arguments)
        make(arguments)
    except (BuildError, workbench.SetupError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
