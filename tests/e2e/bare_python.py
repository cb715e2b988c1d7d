"""An interpreter that has what the headless lock file names and nothing else: PySide6 cannot be imported there.

A real virtual environment is made and the packages are linked into it from the one that runs the tests, which is done
in a moment and needs no network.
"""

import re
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from e2e.program import ROOT

LOCK = ROOT / "packaging" / "requirements-headless.lock"


def pins() -> list[str]:
    """The names of the packages in the headless lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)


def make_bare_python(folder: Path) -> str:
    """Make the environment in `folder`; return its interpreter."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    where = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    )
    for name in pins():
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue  # a package for another system
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            link = Path(where.stdout.strip()) / top
            if not link.exists():
                link.symlink_to(Path(str(metadata.distribution(name).locate_file(top))).resolve())
    return str(python)


if __name__ == "__main__":
    print(make_bare_python(Path(sys.argv[1])))
