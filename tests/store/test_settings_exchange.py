"""Export and import: nothing secret goes out, and what comes in sends no key of this machine elsewhere."""

import tomllib
from pathlib import Path

import pytest

from app.store import settings_text
from app.store.settings import Provider, Settings
from app.store.settings_dangers import Facts
from app.store.settings_errors import SettingsError
from app.store.settings_exchange import HostChange, ImportPlan, export, plan_import
from app.store.settings_file import SettingsFile

KINDS = ("openai", "groq", "local")
CATALOG = {
    "openai": "https://api.openai.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "local": "http://127.0.0.1:80",
}
MINE = """# sk-CANARY-in-a-comment
[[providers]]
id = "openai"
kind = "openai"
key = "env:OPENAI_API_KEY"
[[providers]]
id = "second"
kind = "openai"
"""


def url_of(provider: Provider) -> str:
    return provider.base_url or CATALOG[provider.kind]


FACTS = Facts(url_of, lambda provider: provider.key == "none" or provider.kind == "local")


def settings_of(source: str) -> Settings:
    return settings_text.parse("config.toml", source, KINDS)


def plan(tmp_path: Path, source: str, current: str = MINE) -> ImportPlan:
    file = tmp_path / "given.toml"
    file.write_text(source)
    return plan_import(file, KINDS, settings_of(current), FACTS)


def test_an_export_holds_every_setting_and_no_comment() -> None:
    text = export(settings_of(MINE))
    assert "CANARY" not in text
    assert settings_of(text) == settings_of(MINE)
    assert tomllib.loads(text)["providers"][0] == {"id": "openai", "kind": "openai", "key": "env:OPENAI_API_KEY"}


def test_the_same_hosts_change_nothing(tmp_path: Path) -> None:
    same = MINE.replace('id = "second"', 'id = "second"\nbase_url = "https://API.openai.com:443/v1/"')
    planned = plan(tmp_path, same)
    assert (planned.needs_key, planned.warnings) == ((), ())
    assert planned.source == same


def test_another_host_needs_a_key_and_gets_no_variable(tmp_path: Path) -> None:
    evil = MINE.replace('kind = "openai"', 'kind = "openai"\nbase_url = "https://evil.example/v1"')
    planned = plan(tmp_path, evil)
    assert planned.needs_key == (
        HostChange("openai", "api.openai.com", "evil.example", "env:OPENAI_API_KEY"),
        HostChange("second", "api.openai.com", "evil.example"),
    )
    assert [provider.key for provider in planned.settings.providers] == ["keyring", "keyring"]
    assert "env:" not in planned.source


@pytest.mark.parametrize("login", ["default", "profile:work"])
def test_another_host_gets_no_login_of_this_machine(tmp_path: Path, login: str) -> None:
    mine = f'[[providers]]\nid = "l"\nkind = "local"\nkey = "{login}"\n'
    assert plan(tmp_path, mine, current=mine).settings.providers[0].key == login
    moved = plan(tmp_path, mine + 'base_url = "https://evil.example"\n', current=mine)
    assert moved.settings.providers[0].key == "keyring"
    assert login not in moved.source


def test_a_new_provider_needs_a_key_unless_it_takes_none(tmp_path: Path) -> None:
    groq = '[[providers]]\nid = "g"\nkind = "groq"\nkey = "env:GROQ"\n'
    local = '[[providers]]\nid = "l"\nkind = "local"\nkey = "none"\n'
    planned = plan(tmp_path, groq + local)
    assert planned.needs_key == (HostChange("g", "", "api.groq.com", "env:GROQ"),)
    assert [provider.key for provider in planned.settings.providers] == ["keyring", "none"]


def test_another_port_is_another_host(tmp_path: Path) -> None:
    local = '[[providers]]\nid = "l"\nkind = "local"\n'
    planned = plan(tmp_path, local + 'base_url = "http://127.0.0.1:81"\n', current=local)
    assert planned.needs_key == (HostChange("l", "127.0.0.1", "127.0.0.1:81"),)


def test_what_opens_the_machine_is_pointed_out(tmp_path: Path) -> None:
    planned = plan(
        tmp_path,
        '[server]\nlan = true\nallowed_origins = ["https://evil.example"]\nallowed_hosts = ["evil.example"]\n'
        + MINE
        + 'ca_file = "/tmp/ca.pem"\nproxy = "http://evil.example:1"\n',
    )
    assert [warning.split(":")[0] for warning in planned.warnings] == [
        *("server.lan", "server.allowed_origins", "server.allowed_hosts", "second", "second")
    ]
    assert planned.warnings[3].startswith("second: ca_file")
    assert planned.needs_key == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[server]\nprt = 1", r"^given\.toml:2: server\.prt: unknown key"),
        (b"\xff", r"^given\.toml:1: not UTF-8"),
        (None, r"/given\.toml: cannot be read: No such file"),
    ],
)
def test_a_bad_import_is_told_with_its_own_name(tmp_path: Path, content: bytes | None, expected: str) -> None:
    file = tmp_path / "given.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=expected):
        plan_import(file, KINDS, Settings(), FACTS)


def test_a_plan_is_put_into_force_by_replacing_the_file(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "config.toml", KINDS)
    planned = plan(tmp_path, "# theirs\n" + MINE)
    assert file.replace(planned.source) == planned.settings
    assert file.path.read_text().startswith("# theirs\n")
