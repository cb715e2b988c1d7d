import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """
# a comment that stays at home
[server]
port = 9000
[[providers]]
id = "openai"
kind = "openai"
key = "env:OPENAI_API_KEY"
"""


def test_path(switchtower: Callable, home: Path) -> None:
    assert switchtower("config", "path").out == f"{home / 'config.toml'}\n"
    assert not home.exists()


def test_check(switchtower: Callable, write_settings: Callable) -> None:
    assert "is valid (there is no file; all defaults): 0 providers." in switchtower("config", "check").out
    file = write_settings(GOOD)
    assert switchtower("config", "check").out == f"{file} is valid: 1 provider.\n"


def test_what_has_no_effect_is_said_of_a_valid_file(
    switchtower: Callable, write_settings: Callable, tmp_path: Path
) -> None:
    file = write_settings(GOOD + '[[aliases]]\nname = "fast"\ntargets = ["opnai/gpt-5"]\n')
    lost = 'Without effect: aliases[0].targets[0]: no provider has this id, so it is left out; nearest: "openai".\n'
    done = switchtower("config", "check")
    assert (done.code, done.out) == (0, f"{file} is valid: 1 provider.\n{lost}")
    given = tmp_path / "given.toml"
    given.write_text(file.read_text())
    assert switchtower("config", "import", str(given)).out.endswith(lost)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nport = 70000\n", "config.toml:2: server.port: must be at most 65535"),
        ("[server\n", "config.toml:1: not valid TOML"),
        (
            '[[providers]]\nid = "x"\nkind = "opnai"\n',
            'config.toml:3: providers[0].kind: unknown kind; nearest: "openai"',
        ),
        ('[[providers]]\nid = "x"\nkind = "openai"\nkey = "sk-secret-in-file"\n', "config.toml:4: providers[0].key"),
    ],
)
def test_check_of_a_bad_file(switchtower: Callable, write_settings: Callable, text: str, said: str) -> None:
    write_settings(text)
    for verb in ("check", "show"):
        done = switchtower("config", verb)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"switchtower: {said}")
        assert done.err.count("\n") == 1
        assert "sk-secret" not in done.err


def test_show_and_export_and_import(
    switchtower: Callable, write_settings: Callable, home: Path, tmp_path: Path
) -> None:
    file = write_settings(GOOD)
    shown = switchtower("config", "show").out
    assert "port = 9000" in shown
    assert "comment" not in shown
    out = tmp_path / "out.toml"
    assert switchtower("config", "export", str(out)).out == f"Wrote {out}. Keys are not in it.\n"
    assert out.read_text() == shown
    assert out.stat().st_mode & 0o777 == 0o600
    file.unlink()
    done = switchtower("config", "import", str(out))
    assert (done.code, done.err) == (0, "")
    assert switchtower("config", "show").out.replace('key = "keyring"\n', "") == shown.replace(
        'key = "env:OPENAI_API_KEY"\n', ""
    )


def test_an_import_with_another_host_gets_no_key(
    switchtower: Callable, write_settings: Callable, tmp_path: Path
) -> None:
    write_settings(GOOD)
    other = tmp_path / "other.toml"
    other.write_text('[[providers]]\nid = "openai"\nkind = "openai"\nbase_url = "https://evil.example/v1"\n')
    done = switchtower("config", "import", str(other))
    assert done.code == 0
    assert "openai is at evil.example now, not at api.openai.com any more, so it has no key." in done.out


def test_an_import_of_a_new_provider_says_that_it_has_no_key(switchtower: Callable, tmp_path: Path) -> None:
    given = tmp_path / "given.toml"
    given.write_text('[[providers]]\nid = "gamma"\nkind = "openai"\nkey = "env:AK"\n')
    said = "gamma at api.openai.com is new and has no key (the file's env:AK was not taken over). Give it one if "
    assert said in switchtower("config", "import", str(given)).out
    absent = tmp_path / "absent.toml"
    done = switchtower("config", "import", str(absent))
    assert done.err.startswith(f"switchtower: {absent}: cannot be read: No such file or directory")


def test_an_export_to_standard_output(
    switchtower: Callable, write_settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(GOOD)
    monkeypatch.chdir(tmp_path)
    assert switchtower("config", "export", "-").out == switchtower("config", "show").out
    assert not (tmp_path / "-").exists()


def test_an_import_that_opens_doors_needs_a_yes(
    switchtower: Callable, write_settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_settings(GOOD)
    other = tmp_path / "other.toml"
    other.write_text("[server]\nlan = true\n")
    refused = switchtower("config", "import", str(other))
    assert refused.code == 1
    assert "Careful: server.lan" in refused.err
    assert "add --yes" in refused.err
    assert file.read_text() == GOOD
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, code in (("n", 1), ("y", 0)):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert switchtower("config", "import", str(other)).code == code
    write_settings(GOOD)
    assert switchtower("config", "import", str(other), "--yes").code == 0
    assert "lan = true" in switchtower("config", "show").out


def test_an_import_that_lets_in_sends_out_and_spends_needs_a_yes(
    switchtower: Callable, write_settings: Callable, tmp_path: Path
) -> None:
    budget = '[[budgets]]\nusd_per_day = 5.0\naction = "{}"\n'
    mine = GOOD + budget.format("stop")
    file = write_settings(mine)
    other = tmp_path / "other.toml"
    opening = '[server]\nkeyless_port = 11434\n[alerts]\nwebhook = "https://evil.example/x"\n'
    asked = '[[providers]]\nid = "lan"\nkind = "ollama"\nbase_url = "https://evil.example"\n'
    other.write_text(opening + asked + budget.format("warn"))
    refused = switchtower("config", "import", str(other))
    assert refused.code == 1
    for what in ("server.keyless_port", "alerts.webhook", "budgets", "lan: requests would go to evil.example"):
        assert f"Careful: {what}" in refused.err
    assert file.read_text() == mine


def test_what_cannot_be_done_is_one_line(switchtower: Callable, write_settings: Callable, tmp_path: Path) -> None:
    file = write_settings(GOOD)
    bad = tmp_path / "bad.toml"
    bad.write_text("[nonsense]\n")
    for argv in (
        ["import", str(tmp_path / "absent.toml")], ["import", str(bad)], ["import", str(tmp_path)],
        ["export", str(file)], ["export", str(tmp_path / "no" / "folder.toml")], ["export", str(tmp_path)],
    ):  # fmt: skip
        done = switchtower("config", *argv)
        assert (done.code, done.out) == (1, ""), argv
        assert done.err.count("\n") == 1
    assert file.read_text() == GOOD


def test_import_mends_a_broken_file_and_keeps_it(
    switchtower: Callable, write_settings: Callable, tmp_path: Path
) -> None:
    file = write_settings("[server\n")
    good = tmp_path / "good.toml"
    good.write_text("[server]\nport = 9001\n")
    done = switchtower("config", "import", str(good))
    assert done.code == 0, done.err
    assert "port = 9001" in file.read_text()
    (kept,) = file.parent.glob("config.toml.broken-*")
    assert kept.read_text() == "[server\n"
