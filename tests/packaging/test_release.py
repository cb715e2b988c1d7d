"""The release: notes for a tag, and what the workflow must hold to, read as text since nothing here runs it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app import __version__

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
CHANGES = (
    "# Changelog\n\n## Unreleased\n\n- soon\n\n## 1.2.3 - 2026-11-24\n\n### Added\n\n- this\n\n## [1.2.2]\n\n- that\n"
)


@pytest.fixture
def release_notes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`packaging/release_notes.py`."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import release_notes

    return release_notes


def test_the_notes_are_the_section_of_the_version(release_notes: ModuleType) -> None:
    assert release_notes.notes("v1.2.3", "1.2.3", CHANGES) == "### Added\n\n- this"
    assert release_notes.notes("v1.2.2", "1.2.2", CHANGES) == "- that"


@pytest.mark.parametrize(
    ("tag", "version", "says"),
    [("v1.2.4", "1.2.3", "The tag is v1.2.4"), ("1.2.3", "1.2.3", "The tag is 1.2.3"), ("v2.0", "2.0", "no section")],
)
def test_a_wrong_tag_or_a_missing_section_stops_it(
    release_notes: ModuleType, tag: str, version: str, says: str
) -> None:
    with pytest.raises(release_notes.ReleaseError, match=says):
        release_notes.notes(tag, version, CHANGES)


def test_it_looks_at_the_program_and_the_real_changelog(
    release_notes: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release_notes.main([]) == 2
    assert release_notes.main(["v0.0.0"]) == 1
    assert __version__ in capsys.readouterr().err


@pytest.fixture(scope="module")
def workflow() -> str:
    return WORKFLOW.read_text()


def test_every_action_is_pinned_to_a_commit_and_names_its_version(workflow: str) -> None:
    used = re.findall(r"uses: (.*)", workflow)
    assert len(used) > 10
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    assert [line for line in used if not pinned.match(line)] == []
    by_action: dict[str, set[str]] = {}
    for line in used:
        by_action.setdefault(line.partition("@")[0], set()).add(line)
    assert [lines for lines in by_action.values() if len(lines) > 1] == [], "one commit for each action"
    assert {action.partition("/")[0] for action in by_action} == {"actions"}


def test_nothing_is_allowed_but_where_it_is_needed(workflow: str) -> None:
    assert "\npermissions: {}\n" in workflow
    granted = re.findall(r"^      ([\w-]+): write", workflow, re.MULTILINE)
    assert granted == ["contents", "id-token", "attestations"]
    before, release = workflow.split("\n  release:\n")
    assert ": write" not in before
    assert "if: github.ref_type == 'tag'" in release
    checkouts = workflow.count("actions/checkout@")
    assert workflow.count("persist-credentials: false") == checkouts
    assert "pull_request" not in workflow


def test_no_expression_stands_in_a_script(workflow: str) -> None:
    scripts = re.findall(r"run: (?:\|\n((?: {10}.*\n|\n)+)|(.*)\n)", workflow)
    assert len(scripts) > 10
    assert [text for pair in scripts for text in pair if "${{" in text] == []


def test_what_it_runs_is_there(workflow: str) -> None:
    named = set(re.findall(r"(?:python3? |^ +)((?:packaging/|build_)[\w./]+)", workflow, re.MULTILINE))
    assert {"build_linux.py", "build_windows.py", "build_macos.py", "packaging/dev.py"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_actionlint_and_zizmor_find_nothing() -> None:
    commands = (["actionlint", str(WORKFLOW)], ["zizmor", "--offline", "--persona=auditor", str(WORKFLOW)])
    missing = [command[0] for command in commands if not shutil.which(command[0])]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the script is for the build of Linux")
def test_notes_from_the_command_line_are_one_line_when_they_cannot_be_had() -> None:
    script = ROOT / "packaging" / "release_notes.py"
    done = subprocess.run([sys.executable, script, "v99.0.0"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
