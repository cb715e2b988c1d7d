"""The server of a running program; the keyring is in memory."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.domain.chat import Answer
from app.domain.events import ServerChanged
from app.domain.secret import Secret
from app.engine.bus import Bus
from app.engine.tasks import TaskOwner
from app.server import service as service_module
from app.server.service import Service
from app.store.memory_keyring import MemoryKeyring
from app.store.secrets import KeyStore
from app.store.settings import Server
from server.serving import STREAM_BODY, Program

TOKEN = "a-token-of-the-environment"


async def nothing() -> None:
    return None


class ClosableKeyring(MemoryKeyring):
    """Fails while it is closed."""

    closed = False

    def get_password(self, service: str, username: str, /) -> str | None:
        if self.closed:
            raise RuntimeError("closed")
        return super().get_password(service, username)


class Rig(TaskOwner):
    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        super().__init__()
        self.bus, self.heard = Bus(), []
        self.bus.subscribe(self.heard.append)
        self.instance = folder / "instance.json"
        self.ring = ClosableKeyring()
        self.keys = KeyStore(environ, backend=self.ring)
        self.program = Program()
        self.service = Service(self.program, self.keys, self.instance, self.bus, self.spawn)
        self.release = asyncio.Event()

    async def apply(self, **server: object) -> None:
        await self.service.apply(Server.model_validate({"port": 1} | server))

    async def serve(self, **server: object) -> None:
        await self.service.read_tokens()
        await self.apply(**server)

    @property
    def unfinished(self) -> int:
        """How many listeners that have moved still have requests to finish."""
        return len(self._tasks)

    async def long_stream(self, _call: object) -> Answer:
        """A stream of which half is held back until `release`."""
        return Answer(200, ((b"content-type", b"text/event-stream"),), stream=self._halves())

    async def _halves(self) -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        self.program.relay.begun.set()
        await self.release.wait()
        yield b"data: [DONE]\n\n"

    async def read_stream(self, address: str) -> str:
        token = self.service.token
        headers = {"content-type": "application/json", "authorization": f"Bearer {token.reveal() if token else ''}"}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return (await client.post(f"{address}/chat/completions", content=STREAM_BODY, headers=headers)).text

    async def begin_stream(self, address: str) -> asyncio.Task[str]:
        """A client that reads such a stream; it has begun."""
        self.program.relay.script = self.long_stream
        self.program.relay.begun.clear()
        reading = self.spawn("client", self.read_stream(address))
        await self.program.relay.begun.wait()
        return reading


async def status(address: str, token: Secret | None = None) -> int:
    headers = {"authorization": f"Bearer {token.reveal()}"} if token else {}
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{address}/models", headers=headers)).status_code


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


def port_of(address: str) -> int:
    return int(address.removesuffix("/v1").rpartition(":")[2])


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path, {})
    yield made
    made.release.set()
    await made.service.stop(nothing)
    await made.end_tasks()


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


# -- moving while requests are under way


async def test_streams_on_both_ports_finish_when_the_keyless_one_is_switched_off(
    rig: Rig, unused_tcp_port: int
) -> None:
    rig.service.fix_address("", 0)
    await rig.serve(keyless_port=unused_tcp_port)
    keyless = rig.service.keyless
    streams = [await rig.begin_stream(address) for address in (rig.service.listening, keyless)]
    async with asyncio.timeout(3):
        await rig.apply(keyless_port=0)
    assert rig.service.keyless == ""
    with pytest.raises(httpx.ConnectError):
        await status(keyless)
    assert await status(rig.service.listening, rig.service.token) == 200
    rig.release.set()
    assert [await each for each in streams] == ["data: first\n\ndata: [DONE]\n\n"] * 2
    await until(lambda: not rig.unfinished)


async def test_a_stream_finishes_on_the_old_port_while_the_new_one_serves(rig: Rig, unused_tcp_port: int) -> None:
    rig.service.fix_address("", 0)
    await rig.serve()
    before = rig.service.listening
    reading = await rig.begin_stream(before)
    rig.service.fix_address("", unused_tcp_port)
    async with asyncio.timeout(3):
        await rig.apply()
    assert rig.service.listening == f"http://127.0.0.1:{unused_tcp_port}/v1"
    assert await status(rig.service.listening, rig.service.token) == 200
    with pytest.raises(httpx.ConnectError):
        await status(before)
    rig.release.set()
    assert (await reading).endswith("[DONE]\n\n")
    await until(lambda: not rig.unfinished)


async def test_stopping_interrupts_what_still_runs_on_an_old_port(
    rig: Rig, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "GRACE_S", 0.05)
    rig.service.fix_address("", 0)
    await rig.serve()
    reading = await rig.begin_stream(rig.service.listening)
    rig.service.fix_address("", unused_tcp_port)
    await rig.apply()
    interrupted: list[bool] = []

    async def interrupt() -> None:
        interrupted.append(True)
        rig.release.set()

    await rig.service.stop(interrupt)
    assert interrupted == [True]
    assert (await reading).endswith("[DONE]\n\n")


async def test_after_stopping_nothing_is_opened_again(rig: Rig) -> None:
    rig.service.fix_address("", 0)
    await rig.serve()
    await rig.service.stop(nothing)
    await rig.apply()
    assert rig.service.listening == ""


async def test_a_port_that_is_taken_leaves_the_old_one_open_until_it_is_free(rig: Rig, unused_tcp_port: int) -> None:
    await rig.serve(port=unused_tcp_port)
    listening = rig.service.listening
    squatter = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    taken = squatter.sockets[0].getsockname()[1]
    await rig.apply(port=taken)
    assert rig.service.listening == listening
    assert await status(listening, rig.service.token) == 200
    assert f":{taken} is taken" in rig.service.problem
    assert rig.service.problem.endswith(f"{listening} is used until then.")
    assert rig.service.lacks_port
    assert rig.heard[-1] == ServerChanged(listening, rig.service.problem)
    heard = len(rig.heard)
    await rig.apply(port=taken)
    assert len(rig.heard) == heard, "the same is not told again"
    squatter.close()
    await squatter.wait_closed()
    await rig.apply(port=taken)
    assert (port_of(rig.service.listening), rig.service.problem, rig.service.lacks_port) == (taken, "", False)
    assert json.loads(rig.instance.read_text()) == {"listening": rig.service.listening}


async def test_another_host_on_the_same_port_takes_over_while_a_stream_finishes(rig: Rig, unused_tcp_port: int) -> None:
    await rig.serve(port=unused_tcp_port)
    reading = await rig.begin_stream(rig.service.listening)
    await rig.apply(port=unused_tcp_port, host="0.0.0.0", lan=True)
    assert rig.service.problem == ""
    assert await status(rig.service.listening, rig.service.token) == 200
    rig.release.set()
    assert (await reading).endswith("[DONE]\n\n")


async def test_a_host_that_is_not_ours_on_the_same_port_leaves_the_old_one_open(rig: Rig, unused_tcp_port: int) -> None:
    await rig.serve(port=unused_tcp_port)
    listening = rig.service.listening
    reading = await rig.begin_stream(listening)
    await rig.apply(port=unused_tcp_port, host="192.0.2.1", lan=True)
    assert "192.0.2.1" in rig.service.problem
    assert rig.service.listening == listening
    assert await status(listening, rig.service.token) == 200
    rig.release.set()
    assert (await reading).endswith("[DONE]\n\n")


async def test_two_changes_at_once_open_one_port(rig: Rig, unused_tcp_port: int) -> None:
    await rig.service.read_tokens()
    await asyncio.gather(*(rig.apply(port=unused_tcp_port) for _ in range(3)))
    assert rig.service.problem == ""


# -- tokens


async def test_a_revoked_token_is_let_in_only_while_the_keyring_cannot_be_read_and_that_is_said(rig: Rig) -> None:
    rig.service.fix_address("", 0)
    revoked = await rig.keys.add_client("agent")
    await rig.serve()
    assert await status(rig.service.listening, revoked) == 200
    await rig.keys.revoke_client("agent")
    rig.ring.closed = True
    await rig.serve()
    assert await status(rig.service.listening, rig.service.token) == 200
    assert await status(rig.service.listening, revoked) == 200
    assert "The system keyring failed" in rig.service.problem
    assert "revoked or replaced meanwhile are still accepted" in rig.service.problem
    assert rig.heard[-1] == ServerChanged(rig.service.listening, rig.service.problem)
    rig.ring.closed = False
    await rig.serve()
    assert await status(rig.service.listening, revoked) == 401
    assert rig.service.problem == ""
    assert rig.heard[-1] == ServerChanged(rig.service.listening)


async def test_named_clients_stay_beside_a_fixed_token_while_the_keyring_cannot_be_read(tmp_path: Path) -> None:
    made = Rig(tmp_path, {"SWITCHTOWER_TOKEN": TOKEN})
    made.service.fix_address("", 0)
    made.ring.closed = True
    await made.serve()
    assert made.service.problem == "", "without a keyring nothing is missed: that is how servers run"
    made.ring.closed = False
    agent = await made.keys.add_client("agent")
    await made.serve()
    made.ring.closed = True
    await made.serve()
    assert await status(made.service.listening, agent) == 200
    assert "still accepted" in made.service.problem
    await made.service.stop(nothing)


async def test_a_replaced_token_counts_at_once_even_if_the_keyring_closes(rig: Rig) -> None:
    rig.service.fix_address("", 0)
    await rig.serve()
    old = rig.service.token
    rig.service.replace_token(await rig.keys.rotate_token())
    rig.ring.closed = True
    await rig.serve()
    assert await status(rig.service.listening, old) == 401
    assert await status(rig.service.listening, rig.service.token) == 200
