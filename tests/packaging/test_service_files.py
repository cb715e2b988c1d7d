"""The systemd unit and the container file of `switchtower serve`: what can be said of them without running either."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging" / "systemd" / "switchtower.service"
CONTAINER = ROOT / "packaging" / "container"


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def test_the_unit_serves_without_rights_it_does_not_need(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["ExecStart"] == "switchtower serve"
    assert service["NoNewPrivileges"] == "yes"
    assert unit["Install"]["WantedBy"] == "default.target"
    assert {"ProtectSystem", "ProtectHome", "PrivateTmp"}.isdisjoint(service), "needs mount namespaces"


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    command = f"ExecStart={sys.executable} -m app serve"
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace("ExecStart=switchtower serve", command))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", tmp_path / UNIT.name],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_settings_of_the_container_are_valid(tmp_path: Path) -> None:
    from app.providers.registry import Registry
    from app.store.settings_file import SettingsFile

    file = tmp_path / "config.toml"
    shutil.copyfile(CONTAINER / "config.toml", file)
    file.chmod(0o600)
    settings = SettingsFile(file, Registry.load().kinds()).load()
    assert settings.server.lan
    assert [provider.key for provider in settings.providers] == ["env:OPENAI_API_KEY"]


def test_the_container_installs_from_hashes_and_runs_as_nobody_special() -> None:
    text = (CONTAINER / "Containerfile").read_text()
    assert "--no-deps --require-hashes -r packaging/requirements-headless.lock" in text
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for source in line.split()
    ]
    sources = [source for source in copied if not source.startswith("--")]
    assert "app" in sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert text.rindex("USER 10001") > text.rindex("FROM ")
