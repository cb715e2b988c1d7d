"""The parts of a complete program: which there are here, and what happens when one is missing."""

import sys

import pytest

from app.cli import parts

HERE = [(part, name) for part in parts.here() for name in part.modules]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_system_has_its_keyring_and_its_loop(platform: str) -> None:
    names = [part.name for part in parts.here(platform)]
    assert sum(name.startswith("keyring of") for name in names) == 1
    assert names.count("fast loop") == 1


@pytest.mark.parametrize(("part", "module"), HERE, ids=lambda value: value if isinstance(value, str) else "")
def test_a_build_without_any_one_module_is_not_complete(
    part: parts.Part, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=module.rpartition(".")[0] or module):
        parts.is_complete(part, built=True)


def test_an_extra_may_be_missing_where_nothing_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = parts.Part("spare wheel", ("no_such_module",), extra="wheel")
    assert not parts.is_complete(extra, built=False)
    with pytest.raises(ImportError):
        parts.is_complete(extra, built=True)
    with pytest.raises(ImportError):
        parts.is_complete(parts.Part("engine", ("no_such_module",)), built=False)
