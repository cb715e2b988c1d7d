from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.output import CommandError
from app.cli.session import Session

SETTINGS = """
[server]
host = "0.0.0.0"
lan = true
port = 9000
[[providers]]
id = "mine"
kind = "openai-compatible"
base_url = "http://127.0.0.1:1234/v1"
[[providers]]
id = "openai"
kind = "openai"
"""


@pytest.fixture
def session(environ: dict[str, str], write_settings: Callable[[str], Path]) -> Session:
    write_settings(SETTINGS)
    return Session(environ)


def test_base_url_and_host_of_a_provider(session: Session) -> None:
    assert session.base_url(session.provider("openai")) == "https://api.openai.com/v1"
    assert session.key_host(session.provider("openai")) == "api.openai.com"
    assert session.key_host(session.provider("mine")) == "127.0.0.1:1234"


@pytest.mark.parametrize(
    ("kind", "key", "asked"),
    [
        ("openai", "keyring", False),
        ("openai", "none", True),
        ("ollama", "keyring", True),
        ("not-loaded", "keyring", False),
        ("not-loaded", "none", True),
    ],
)
def test_who_is_asked_without_a_key(session: Session, kind: str, key: str, asked: bool) -> None:
    provider = session.provider("openai").model_copy(update={"kind": kind, "key": key})
    assert session.asks_without_key(provider) is asked


def test_an_unknown_provider_names_those_there_are(session: Session) -> None:
    with pytest.raises(CommandError, match="Those there are: mine, openai"):
        session.provider("nobody")


def test_without_an_instance_the_address_is_that_of_the_settings(session: Session) -> None:
    assert session.address() == "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize("told", ["", "no json", "[]", '{"listening": 1}', '{"listening": ""}'])
def test_a_broken_instance_file_is_passed_over(session: Session, home: Path, told: str) -> None:
    session.paths.instance_file.write_text(told)
    assert session.address() == "http://127.0.0.1:9000/v1"


def test_the_instance_file_says_where(session: Session) -> None:
    session.paths.instance_file.write_text('{"listening": "http://127.0.0.1:5/v1"}')
    assert session.address() == "http://127.0.0.1:5/v1"


async def test_a_core_that_does_not_listen(session: Session) -> None:
    async with session.core() as core:
        assert [provider.id for provider in core.fleet.providers] == ["mine", "openai"]
        assert core.snapshot().listening == ""
