"""The faulty upstream does what its plays say, seen by a client that is nothing but a socket."""

import json
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme

from faults import plays
from faults.answers import CONTENT_EVENTS, DONE
from faults.play import Play, Then
from faults.upstream import FaultyUpstream, closed_port, unanswering_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Seen:
    """What the socket saw: all bytes, and how the connection ended (`closed`, `reset` or `open`)."""

    data: bytes
    end: str

    @property
    def status(self) -> int:
        return int(self.data.split(b" ")[1])

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def content_events(self) -> int:
        return self.data.count(b'"content":"') - self.data.count(b'"content":"",')


@pytest.fixture
def upstream() -> "Iterator[FaultyUpstream]":
    with FaultyUpstream("alpha") as upstream:
        yield upstream


def connect(upstream: FaultyUpstream) -> socket.socket:
    return socket.create_connection(("127.0.0.1", upstream.port), timeout=5)


def send(link: socket.socket, path: str = "/v1/chat/completions", **fields: object) -> None:
    body = json.dumps({"model": "test-small", **fields}).encode()
    link.sendall(b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (path.encode(), len(body)) + body)


def read(link: socket.socket, until: bytes = b"", limit: int = 1 << 20) -> Seen:
    """Read to the end, to `until`, or to `limit` bytes."""
    data = b""
    while not until or until not in data:
        try:
            piece = link.recv(65536)
        except ConnectionResetError:
            return Seen(data, "reset")
        if not piece:
            return Seen(data, "closed")
        data += piece
        if len(data) >= limit:
            break
    return Seen(data, "open")


def ask(upstream: FaultyUpstream, until: bytes = b"", *, stream: bool = False, **fields: object) -> Seen:
    with closing(connect(upstream)) as link:
        send(link, stream=stream, **fields)
        return read(link, until)


def test_chat_answers_with_usage_and_keeps_the_connection(upstream: FaultyUpstream) -> None:
    with closing(connect(upstream)) as link:
        for _ in range(2):
            send(link, messages=[])
            seen = read(link, b"}}}")
            answer = json.loads(seen.body)
            assert answer["choices"][0]["message"]["content"].startswith("alpha says")
            assert answer["usage"]["total_tokens"] == 20
    assert [r.connection for r in upstream.posts] == [0, 0]
    assert upstream.posts[0].json["model"] == "test-small"
    assert upstream.posts[0].header("Host") == "x"


@pytest.mark.parametrize(("path", "kind"), [("/v1/chat/completions", "chat.completion.chunk"), ("/v1/completions", "")])
def test_a_stream_ends_with_usage_only_if_asked_for(upstream: FaultyUpstream, path: str, kind: str) -> None:
    for options in ({}, {"stream_options": {"include_usage": True}}):
        with closing(connect(upstream)) as link:
            send(link, path, stream=True, **options)
            seen = read(link, b"0\r\n\r\n")
        assert kind.encode() in seen.data
        assert seen.data.count(DONE) == 1
        assert (b'"usage"' in seen.data) is bool(options)


def test_completions_embeddings_and_models(upstream: FaultyUpstream) -> None:
    with closing(connect(upstream)) as link:
        send(link, "/v1/completions", prompt="x")
        assert json.loads(read(link, b"}}}").body)["choices"][0]["text"].startswith("alpha")
        send(link, "/v1/embeddings", input=["a", "b"])
        assert len(json.loads(read(link, b"}}").body)["data"]) == 2
        link.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        assert [m["id"] for m in json.loads(read(link, b"]}").body)["data"]] == ["test-small", "test-large"]
    assert len(upstream.posts) == 2


def test_plays_follow_each_other_and_the_last_repeats(upstream: FaultyUpstream) -> None:
    upstream.script(plays.SERVER_ERROR, plays.RATE_LIMIT, plays.OK)
    assert [ask(upstream, b"}}").status for _ in range(4)] == [500, 429, 200, 200]


STATUSES = [p for row in (*range(10, 23), 24) for p in plays.ROWS[row]]


@pytest.mark.parametrize("play", STATUSES, ids=str)
def test_statuses_come_with_their_headers_and_body(upstream: FaultyUpstream, play: Play) -> None:
    upstream.script(play)
    with closing(connect(upstream)) as link:
        send(link, stream=True)
        head = read(link, b"\r\n\r\n")
        assert head.status == play.status
        for name, value in play.headers:
            assert f"{name}: {value}\r\n".encode() in head.data
        body = head.body
        while len(body) < len(play.body or b""):
            body += link.recv(65536)
    assert body == play.body


@pytest.mark.parametrize(
    ("play", "end"), [(plays.DISCONNECT, "closed"), (plays.RESET, "reset")], ids=["closed", "reset"]
)
def test_nothing_comes_before_a_disconnect_or_a_reset(upstream: FaultyUpstream, play: Play, end: str) -> None:
    upstream.script(play)
    assert ask(upstream) == Seen(b"", end)


def test_a_hang_lasts_until_the_client_goes(upstream: FaultyUpstream) -> None:
    upstream.script(plays.HANG)
    with closing(connect(upstream)) as link:
        send(link)
        upstream.wait_until(lambda: len(upstream.posts) == 1)
        link.setblocking(False)
        with pytest.raises(BlockingIOError):
            link.recv(1)
        assert upstream.open_connections == 1
    upstream.wait_until(lambda: upstream.open_connections == 0)


def test_garbage_and_oversized_headers_are_sent_as_they_are(upstream: FaultyUpstream) -> None:
    upstream.script(plays.GARBAGE, plays.OVERSIZED_HEADERS)
    assert ask(upstream).data == plays.GARBAGE.raw
    oversized = ask(upstream).data
    assert len(oversized) > 256_000
    assert b"\r\n\r\n" not in oversized


MID_STREAM = [
    (plays.ERROR_FIRST, "open"),
    (plays.ERROR_LATER, "open"),
    (plays.TRUNCATED_CHUNKED, "closed"),
    (plays.TRUNCATED_LENGTH, "closed"),
    (plays.EOF_WITHOUT_FRAMING, "closed"),
    (plays.NO_FINISH, "open"),
    (plays.RESET_LATER, "reset"),
]


@pytest.mark.parametrize("after", [-1, 0, 1, 7, CONTENT_EVENTS])
@pytest.mark.parametrize(("play", "end"), MID_STREAM, ids=str)
def test_a_stream_breaks_after_k_content_events(upstream: FaultyUpstream, play: Play, end: str, after: int) -> None:
    upstream.script(play.but(after=after))
    seen = ask(upstream, b"0\r\n\r\n", stream=True)
    assert seen.end == end
    if end != "reset":  # a reset may overtake what was sent before it
        assert seen.content_events == max(after, 0)
    assert DONE not in seen.data
    assert (b'data: {"error"' in seen.data) is (play.then is Then.ERROR_EVENT)
    assert (b"\r\n0\r\n\r\n" in seen.data) is (end == "open")


def test_a_stall_sends_its_events_and_then_nothing(upstream: FaultyUpstream) -> None:
    upstream.script(plays.STALL)
    with closing(connect(upstream)) as link:
        send(link, stream=True)
        seen = read(link, b'" one"')
        assert seen.content_events == 3
        link.setblocking(False)
        assert upstream.connections[0].open


def test_a_malformed_event_stands_between_good_ones(upstream: FaultyUpstream) -> None:
    upstream.script(plays.MALFORMED_EVENT)
    seen = ask(upstream, b"0\r\n\r\n", stream=True)
    assert seen.content_events == CONTENT_EVENTS
    assert b'"conte\n\n' in seen.data


@pytest.mark.parametrize(
    ("play", "sign"), [(plays.COMMENTS, b": still"), (plays.DRIP, b"1\r\n "), (plays.ENDLESS, b"x" * 200_000)], ids=str
)
def test_some_streams_never_end(upstream: FaultyUpstream, play: Play, sign: bytes) -> None:
    upstream.script(play)
    with closing(connect(upstream)) as link:
        send(link, stream=True)
        data = b""
        while data.count(sign[:5000]) < 3:
            data += link.recv(65536)
    upstream.wait_until(lambda: upstream.open_connections == 0)


def test_an_endless_answer_waits_for_a_slow_reader(upstream: FaultyUpstream) -> None:
    upstream.script(plays.ENDLESS)
    with closing(connect(upstream)) as link:
        send(link)
        assert read(link, limit=1000).status == 200
        upstream.wait_until(lambda: upstream.connections[0].paused)
        assert upstream.connections[0].sent_bytes < 64 << 20


@pytest.mark.parametrize("play", [plays.STALL, plays.TRUNCATED_LENGTH, plays.TRUNCATED_CHUNKED], ids=str)
def test_plain_answers_break_half_way(upstream: FaultyUpstream, play: Play) -> None:
    upstream.script(play)
    seen = ask(upstream, b"object" if play.then is Then.HANG else b"")
    assert b'"usage"' not in seen.data
    assert seen.status == 200


@pytest.mark.parametrize("play", [plays.ERROR_LATER, plays.ERROR_FIRST, plays.MALFORMED_EVENT], ids=str)
def test_in_band_errors_of_plain_answers(upstream: FaultyUpstream, play: Play) -> None:
    upstream.script(play)
    seen = ask(upstream, b"}}")
    assert (b'"error"' in seen.body) is (play.then is Then.ERROR_EVENT)


def test_encodings_extra_bytes_and_early_hints(upstream: FaultyUpstream) -> None:
    upstream.script(plays.BAD_GZIP, plays.UNKNOWN_ENCODING, plays.EXTRA_BYTES, plays.BOTH_FRAMINGS, plays.EARLY_HINTS)
    assert b"content-encoding: gzip" in ask(upstream, b"at all").data
    assert b"content-encoding: x-zap" in ask(upstream, b"zap").data
    assert ask(upstream, b"stolen").data.count(b"HTTP/1.1 200 OK") == 2
    both = ask(upstream, b"0\r\n\r\n").data
    assert b"content-length" in both
    assert b"chunked" in both
    assert ask(upstream, b"}}}").data.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert len(plays.gzip_bomb(2).body or b"") < 20_000


def test_a_waiting_answer_comes_with_its_release(upstream: FaultyUpstream) -> None:
    upstream.script(plays.WAIT)
    with closing(connect(upstream)) as link:
        send(link)
        upstream.wait_until(lambda: bool(upstream.posts))
        upstream.release()
        assert read(link, b"}}}").status == 200


def test_a_killed_upstream_refuses_and_comes_back_on_its_port(upstream: FaultyUpstream) -> None:
    with closing(connect(upstream)) as link:
        send(link)
        read(link, b"}}}")
        port = upstream.port
        upstream.kill()
        assert read(link).end in ("closed", "reset")
        with pytest.raises(ConnectionRefusedError):
            connect(upstream)
        upstream.restart()
    assert upstream.port == port
    assert ask(upstream, b"}}}").status == 200


async def test_it_can_be_used_and_awaited_in_a_loop() -> None:
    async with FaultyUpstream() as upstream:
        with closing(connect(upstream)) as link:
            send(link)
            await upstream.wait(lambda: len(upstream.posts) == 1)
            link.close()
            assert await upstream.wait_closed_connection() > 0


def test_every_row_that_a_server_can_play_has_its_plays() -> None:
    assert set(plays.ROWS) == set(range(6, 37))


def test_it_speaks_tls_too() -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    with FaultyUpstream(tls=server) as upstream, closing(connect(upstream)) as plain:
        assert upstream.base_url.startswith("https://127.0.0.1:")
        with closing(client.wrap_socket(plain, server_hostname="127.0.0.1")) as link:
            send(link)
            assert read(link, b"}}}").status == 200
            upstream.script(plays.RESET)
            send(link)
            assert read(link).data == b""  # Python's TLS shows a reset as an end


def test_ports_that_refuse_and_that_hang() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port()), timeout=5)
    with unanswering_port() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.3)
