import stat
from pathlib import Path

import pytest

from app.domain.cooling import Cooling
from app.domain.faults import Cooldown, FaultKind
from app.store.cooldown_file import CooldownFile

COOLING = (
    Cooling("a", Cooldown.KEY, "0a1b2c3d4e5f", FaultKind.AUTH, 5.0, None, message="No.", remedy="Mend it."),
    Cooling("b", Cooldown.MODEL, "m", FaultKind.RATE_LIMITED, 5.0, 9.5, told=True),
)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "cooldowns.json"
    CooldownFile(path).save(COOLING)
    assert CooldownFile(path).load() == COOLING
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_no_file_is_no_cool_down(tmp_path: Path) -> None:
    assert CooldownFile(tmp_path / "none.json").load() == ()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"cooling":[{"provider":1}]}', b'{"version":2,"cooling":[]}', b"x" * 2_000_000]
)
def test_a_broken_file_is_forgotten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cooldowns.json"
    path.write_bytes(content)
    assert CooldownFile(path).load() == ()
    CooldownFile(path).save(COOLING)
    assert CooldownFile(path).load() == COOLING


def test_a_folder_that_cannot_be_written_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    CooldownFile(tmp_path / "missing" / "cooldowns.json").save(COOLING)
    assert "cool-downs not saved" in caplog.text
