"""Only our own names get past the gate (S1, S2): anything else may be a web page behind a rebound DNS name."""

import pytest

from server.serving import CHAT_BODY, GET_PATHS, POST_PATHS, Served

PORT = "PORT"
OURS = ["127.0.0.1", "localhost", "[::1]", "LOCALHOST", "LocalHost:PORT", "127.0.0.1:PORT", "[::1]:PORT"]
FOREIGN = [
    "evil.test",
    "evil.test:PORT",
    "127.0.0.1.evil.test",
    "localhost.evil.test",
    "evil-localhost",
    "0.0.0.0",
    "0.0.0.0:PORT",
    "127.1",
    "127.0.0.2",
    "127.0.0.01",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost.",
    "localhost.:PORT",
    "localhost@evil.test",
    "user:password@localhost",
    "localhost:PORT@evil.test",
    "http://localhost",
    "localhost/",
    "",
    "localhost:",
    "localhost:0",
    "localhost:1",
    "localhost:0PORT",
    "localhost:PORT:PORT",
    "localhost:+PORT",
    "localhost localhost",
    "localhost,localhost",
    "local\thost",
    "localhost\t",
    "ⓛocalhost",
    "l\u043ecalhost",
    "::1",
    "[::1",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    "*",
    "null",
]
ROUTES = [*(("POST", path) for path in POST_PATHS), *(("GET", path) for path in (*GET_PATHS, "/health")), ("HEAD", "/")]
ROUTES += [("GET", "/nothing"), ("DELETE", "/v1/models"), ("OPTIONS", "/v1/models")]


def request(served, method: str, path: str, hosts: list[str], version: str = "1.1") -> bytes:
    body = CHAT_BODY if method == "POST" else b""
    raw = served.raw(method, path, body, host=None).replace(b"HTTP/1.1", b"HTTP/" + version.encode(), 1)
    line, _, rest = raw.partition(b"\r\n")
    fields = [f"Host: {host}".replace(PORT, str(served.port)).encode() for host in hosts]
    return b"\r\n".join([line, *fields, rest])


@pytest.mark.parametrize("host", OURS)
async def test_our_own_names_pass_on_every_route(served, host):
    for method, path in ROUTES:
        reply = await served.ask(request(served, method, path, [host]), head=method == "HEAD")
        assert reply.status in (200, 400, 404, 405), (method, path)


@pytest.mark.parametrize("host", FOREIGN)
async def test_other_spellings_are_refused_on_every_route_in_spite_of_a_token(served, host):
    for method, path in ROUTES:
        reply = await served.ask(request(served, method, path, [host]), head=method == "HEAD")
        assert reply.status in (400, 403), (method, path)
    assert served.relay.count == 0


@pytest.mark.parametrize(
    "hosts",
    [
        ["localhost", "localhost"],
        ["localhost", "evil.test"],
        ["evil.test", "localhost"],
        ["", "localhost"],
        ["localhost", ""],
    ],
)
async def test_two_hosts_are_refused(served, hosts):
    for method, path in ROUTES:
        reply = await served.ask(request(served, method, path, hosts), head=method == "HEAD")
        assert reply.status in (400, 403)
    assert served.relay.count == 0


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_no_host_is_refused(served, version):
    for method, path in ROUTES:
        reply = await served.ask(request(served, method, path, [], version), head=method == "HEAD")
        assert reply.status in (400, 403)
    assert served.relay.count == 0


async def test_a_rebound_name_is_refused_with_everything_else_right(served):
    reply = await served.request("POST", "/v1/chat/completions", CHAT_BODY, host=f"evil.test:{served.port}")
    assert (reply.status, reply.error["code"]) == (403, "forbidden")
    assert served.relay.count == 0


async def test_a_name_from_the_settings_passes():
    async with Served(hosts=("Switch.box",)) as served:
        for host in ("switch.box", f"switch.box:{served.port}", "switch.box:80"):
            assert (await served.request("GET", "/v1/models", host=host)).status == 200
        assert (await served.request("GET", "/v1/models", host="x.switch.box")).status == 403


@pytest.mark.parametrize(
    ("peer", "lan", "status"), [("10.0.0.5", False, 403), ("10.0.0.5", True, 200), ("127.8.8.8", False, 200)]
)
async def test_other_machines_come_in_only_when_the_settings_say_so(peer, lan, status):
    async with Served(lan=lan) as served:
        sent = []

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/models",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"x-api-key", b"sk-local-0123456789abcdefghijklmnopqrstuvwxyz")],
            "client": (peer, 5000),
            "server": ("127.0.0.1", 8484),
        }
        await served.gate(scope, None, send)
        assert sent[0]["status"] == status


async def test_a_forwarded_address_does_not_count(served):
    reply = await served.request("GET", "/v1/models", x_forwarded_for="10.0.0.5", x_forwarded_host="evil.test")
    assert reply.status == 200
