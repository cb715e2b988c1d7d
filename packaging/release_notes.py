"""See that a tag is the version of the program, and print what the changelog says of it: `release_notes.py v1.2.3`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class ReleaseError(Exception):
    """Something has to be done before the release; the text is one line."""


def notes(tag, version, changelog):
    """The section of `changelog` for `tag`.

    Raises:
        ReleaseError: `tag` is not for `version`, or there is no such section.
    """
    if tag != f"v{version}":
        raise ReleaseError(f"The tag is {tag}, but app/__init__.py says {version}. Change one of them.")
    sections = dict(re.findall(r"^## \[?([^\]\s]+)[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL))
    if version not in sections:
        raise ReleaseError(
            f"CHANGELOG.md has no section {version}. Rename Unreleased, with the date, and begin a new one."
        )
    return sections[version].strip()


def main(argv):
    """Print the notes for the tag named; return the exit code."""
    if len(argv) != 1:
        print("usage: release_notes.py TAG", file=sys.stderr)
        return 2
    text = (ROOT / "app" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.+)"', text)[1]
    try:
        print(notes(argv[0], version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
