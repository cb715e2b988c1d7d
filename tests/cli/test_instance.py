import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from app.cli import instance as asking
from app.cli.instance import NoAnswerError, fetch_status, is_ours, listens, runs
from app.cli.output import CommandError
from app.cli.session import Session


@contextlib.contextmanager
def mute() -> Iterator[str]:
    """A program that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives the same answer to everybody, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    talk, _ = server.accept()
                    with talk:
                        asked.append(talk.recv(65536))
                        talk.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1", asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def at(environ: dict[str, str], write_settings: Callable, address: str) -> Session:
    write_settings(f"[server]\nport = {address.split(':')[2].removesuffix('/v1')}\n")
    return Session(environ)


async def test_a_running_instance(instance: str, environ: dict[str, str]) -> None:
    assert await listens(instance)
    assert is_ours(instance)
    assert (await fetch_status(Session(environ)))["listening"] == instance


async def test_another_token_is_explained(instance: str, environ: dict[str, str]) -> None:
    session = Session({**environ, "SWITCHTOWER_TOKEN": "another-token-0123456789"})
    with pytest.raises(CommandError, match="refused our token"):
        await fetch_status(session)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_a_stranger_on_the_port(environ: dict[str, str], write_settings: Callable, answer: bytes) -> None:
    with answering(answer) as (address, _), pytest.raises(CommandError, match="does not answer as Switchtower does"):
        await fetch_status(at(environ, write_settings, address))


@pytest.mark.parametrize("stranger", [mute, lambda: answering(b"SSH-2.0-OpenSSH_9.6\r\n")])
async def test_who_does_not_answer_in_http_is_waited_for_shortly(
    environ: dict[str, str], write_settings: Callable, monkeypatch: pytest.MonkeyPatch, stranger: Callable
) -> None:
    monkeypatch.setattr(asking, "ANSWER_S", 0.3)
    with stranger() as found:
        session = at(environ, write_settings, found if isinstance(found, str) else found[0])
        with pytest.raises(NoAnswerError, match="does not answer as Switchtower does") as caught:
            await fetch_status(session)
        assert not await runs(session)
    assert "server.port" in caught.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says whose program listens")
async def test_the_token_is_not_shown_to_another_users_program(
    environ: dict[str, str], write_settings: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.port.owner_uids", lambda *_: {os.geteuid() + 1})
    with (
        answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as (address, asked),
        pytest.raises(CommandError, match="belongs to another user"),
    ):
        await fetch_status(at(environ, write_settings, address))
    assert environ["SWITCHTOWER_TOKEN"].encode() not in b"".join(asked)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hides it")
async def test_an_instance_that_lets_nobody_read_its_memory_is_ours(
    instance: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.port._holds", lambda *_: False)  # as /proc answers, but to root, after `harden()`
    assert is_ours(instance)
    assert (await fetch_status(Session(environ)))["listening"] == instance


def test_our_own_listening_socket_is_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert is_ours(f"http://127.0.0.1:{server.getsockname()[1]}/v1")
