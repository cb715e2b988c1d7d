"""The verbs `audit` and `sbom`, without their tools, which are fetched only when they are asked for."""

import json
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
HASH = "--hash=sha256:"
BILL = {"metadata": {"component": {"name": "switchtower"}}, "components": [{"name": "httpx"}, {"name": "winloop"}]}


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """`packaging/supply_chain.py`, whose tools lie in a folder of the test and are there already."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import supply_chain

    monkeypatch.setattr(supply_chain, "TOOLS", tmp_path)
    monkeypatch.setattr(supply_chain, "BIN", tmp_path / "bin")
    monkeypatch.setattr(supply_chain, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(supply_chain, "provide_tools", lambda: None)
    return supply_chain


def test_every_lock_is_audited_and_what_could_not_be_asked_about_fails(
    chain: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[list[str]] = []
    codes = iter([1, 0])

    def call(command: list[object]) -> int:
        lines.append([str(part) for part in command])
        return next(codes)

    monkeypatch.setattr(chain.subprocess, "call", call)
    assert chain.main(["audit"]) == 1
    assert [Path(line[-1]).name for line in lines] == ["requirements.lock", "requirements-release.lock"]
    assert all({"--strict", "--require-hashes", "--disable-pip"} <= set(line) for line in lines)


def test_one_lock_can_be_named(chain: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(chain.subprocess, "call", lambda command: seen.append(str(command[-1])) or 0)
    assert chain.main(["audit", "other.lock"]) == 0
    assert seen == ["other.lock"]


def test_what_ships_is_everything_the_program_needs_here_with_hashes(chain: ModuleType) -> None:
    from app.store import licences

    parts = licences.installed(chain.bundle_contents.EXTRAS)
    text = chain.shipped({part.name.lower().replace("_", "-").replace(".", "-") for part in parts})
    entries = [entry for entry in chain.ENTRY.split(text) if entry]
    names = {chain.NAME.match(entry)[0] for entry in entries}
    needed = {part.name.lower().replace("_", "-").replace(".", "-") for part in parts[2:]}
    assert needed <= names
    assert {"winloop", "pywin32-ctypes"} <= names, "what other systems need is listed too"
    assert {"pytest", "pyinstaller", "openai", "python"}.isdisjoint(names)
    assert len(entries) == len(names)
    assert all(HASH in entry for entry in entries)


def test_the_bill_has_the_version_and_the_licences_that_are_known(
    chain: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(command: list[object], **how: object) -> SimpleNamespace:
        if "-c" in command:
            return subprocess.CompletedProcess([], 0, json.dumps({"version": "9", "licences": {"httpx": "BSD"}}))
        assert "--output-reproducible" in command
        return SimpleNamespace(returncode=0, stdout=json.dumps(BILL), stderr="")

    monkeypatch.setattr(chain.subprocess, "run", run)
    monkeypatch.setattr(chain.workbench, "set_up", lambda *, headless: None)
    assert chain.main(["sbom", str(tmp_path / "bill.json")]) == 0
    bill = json.loads((tmp_path / "bill.json").read_text())
    assert bill["metadata"]["component"]["version"] == "9"
    assert [component.get("licenses") for component in bill["components"]] == [[{"license": {"name": "BSD"}}], None]


def test_the_environment_tells_version_and_licences(chain: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from app import __version__

    monkeypatch.setattr(chain.workbench, "set_up", lambda *, headless: None)
    monkeypatch.setattr(chain.workbench, "PYTHON", sys.executable)
    told = chain.told_by_the_environment()
    assert told["version"] == __version__
    assert told["licences"]["httpx"] == "BSD-3-Clause"


def test_a_failing_tool_is_one_line(
    chain: ModuleType, monkeypatch: pytest.MonkeyPatch, workbench: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chain, "told_by_the_environment", lambda: {"version": "9", "licences": {}})
    failed = SimpleNamespace(returncode=2, stdout="", stderr="boom")
    monkeypatch.setattr(chain.subprocess, "run", lambda *_, **__: failed)
    assert workbench.main(["sbom"]) == 1
    assert capsys.readouterr().err.splitlines() == ["boom", "cyclonedx-py failed; its message stands above."]
