"""The server of a running program; the keyring is in memory."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from app.domain.events import ServerChanged
from app.engine.bus import Bus
from app.server.service import Service
from app.store.memory_keyring import MemoryKeyring
from app.store.secrets import KeyStore
from app.store.settings import Server
from server.serving import Program


async def nothing() -> None:
    return None


class Rig:
    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.bus, self.heard = Bus(), []
        self.bus.subscribe(self.heard.append)
        self.instance = folder / "instance.json"
        keys = KeyStore(environ, backend=MemoryKeyring())
        self.service = Service(Program(), keys, self.instance, self.bus)

    async def apply(self, **server: object) -> None:
        await self.service.apply(Server.model_validate({"port": 1} | server), nothing)


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path, {})
    yield made
    await made.service.stop(nothing)


async def test_it_does_not_listen_before_there_is_a_token(rig: Rig) -> None:
    await rig.apply()
    assert rig.service.listening == ""
    assert rig.service.token is None
    assert rig.heard == []


async def test_it_listens_and_says_where(rig: Rig) -> None:
    await rig.service.read_tokens()
    rig.service.fix_address("", 0)
    await rig.apply()
    assert rig.service.listening.startswith("http://127.0.0.1:")
    assert json.loads(rig.instance.read_text()) == {"listening": rig.service.listening}
    if os.name == "posix":
        assert rig.instance.stat().st_mode & 0o777 == 0o600
    assert rig.heard == [ServerChanged(rig.service.listening)]


async def test_a_change_that_moves_nothing_keeps_the_listener(rig: Rig) -> None:
    await rig.service.read_tokens()
    rig.service.fix_address("", 0)
    await rig.apply()
    before = rig.service.listening
    await rig.apply(max_body_mib=1, allowed_hosts=["tunnel.test"])
    assert rig.service.listening == before


async def test_a_taken_port_is_a_problem_not_an_exception(rig: Rig, tmp_path: Path) -> None:
    await rig.service.read_tokens()
    rig.service.fix_address("", 0)
    await rig.apply()
    port = int(rig.service.listening.removesuffix("/v1").rpartition(":")[2])
    (tmp_path / "other").mkdir()
    other = Rig(tmp_path / "other", {})
    await other.service.read_tokens()
    await other.apply(port=port)
    assert str(port) in other.service.problem
    assert other.heard == [ServerChanged("", other.service.problem)]


async def test_a_token_that_is_too_short_is_a_problem_with_its_remedy(tmp_path: Path) -> None:
    made = Rig(tmp_path, {"SWITCHTOWER_TOKEN": "short"})
    await made.service.read_tokens()
    assert "SWITCHTOWER_TOKEN" in made.service.problem
    await made.apply()
    assert made.service.listening == ""


async def test_stopping_takes_the_note_away(rig: Rig) -> None:
    await rig.service.read_tokens()
    rig.service.fix_address("", 0)
    await rig.apply()
    await rig.service.stop(nothing)
    assert not rig.instance.exists()
    assert rig.service.listening == ""


async def test_the_keyless_port_is_opened_moved_and_closed_by_the_settings(rig: Rig, unused_tcp_port: int) -> None:
    await rig.service.read_tokens()
    rig.service.fix_address("", 0)
    await rig.apply(keyless_port=unused_tcp_port)
    assert rig.service.keyless == f"http://127.0.0.1:{unused_tcp_port}/v1"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{rig.service.keyless}/models")).status_code == 200
        assert (await client.get(f"{rig.service.listening}/models")).status_code == 401
        for header in ({"origin": "http://127.0.0.1"}, {"sec-fetch-site": "none"}, {"origin": "app://x"}):
            assert (await client.get(f"{rig.service.keyless}/models", headers=header)).status_code == 403
    await rig.apply(keyless_port=0)
    assert rig.service.keyless == ""


async def test_a_taken_keyless_port_is_a_problem_and_the_main_one_goes_on(rig: Rig) -> None:
    await rig.service.read_tokens()
    rig.service.fix_address("", 0)
    await rig.apply()
    port = int(rig.service.listening.removesuffix("/v1").rpartition(":")[2])
    await rig.apply(keyless_port=port)
    assert str(port) in rig.service.problem
    assert rig.service.listening
