"""Who has no token learns nothing (S7, S8)."""

import pytest

from app.server.gate import Gate
from server.serving import CHAT_BODY, GET_PATHS, POST_PATHS, TOKEN

PROBES = [
    *POST_PATHS,
    *GET_PATHS,
    "/",
    "/v1",
    "/v1/messages",
    "/v1/responses",
    "/v1beta/models",
    "/api/tags",
    "/api/version",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/favicon.ico",
    "/robots.txt",
    "/.git/config",
    "/admin",
    "/%2e%2e/etc/passwd",
    "//v1/models",
    "/health/",
    "/healthz",
    "/v1/status/x",
    "/v1/models/" + "x" * 2000,
    *(f"/probe/{number}" for number in range(30)),
]


async def test_every_path_is_refused_with_the_same_bytes(served):
    answers = set()
    for path in PROBES:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            if (method, path) in (("GET", "/health"), ("HEAD", "/")):
                continue
            body = CHAT_BODY if method == "POST" else b""
            reply = await served.request(method, path, body, authorization=None, x_request_id="mine")
            answers.add((reply.status, tuple(reply.headers), reply.body))
    assert len(answers) == 1
    ((status, headers, body),) = answers
    assert status == 401
    assert b"switchtower" not in (repr(headers).encode() + body).lower()


async def test_every_stranger_is_refused_with_the_same_bytes(served):
    answers = set()
    for path in PROBES:
        for headers in ({"host": "evil.test"}, {"origin": "https://evil.com"}, {"sec_fetch_site": "cross-site"}):
            reply = await served.request("GET", path, **headers)
            answers.add((reply.status, tuple(reply.headers), reply.body))
    assert len(answers) == 1
    assert b"0.1.0" not in answers.pop()[2]


async def test_health_tells_no_name_and_no_version(served):
    reply = await served.request("GET", "/health", authorization=None)
    assert reply.body == b'{"status":"ok"}'
    assert {name for name, _ in reply.headers} <= {
        "content-type",
        "content-length",
        "cache-control",
        "x-content-type-options",
        "x-request-id",
    }


async def test_wrong_tokens_are_all_401_and_slowed_down_after_a_while(served, monkeypatch):
    delays = []

    async def sleep(seconds):
        delays.append(seconds)

    monkeypatch.setattr("app.server.gate.asyncio.sleep", sleep)
    for number in range(1000):
        wrong = TOKEN[: number % len(TOKEN)] + "x" * 8
        reply = await served.request("POST", "/v1/chat/completions", CHAT_BODY, authorization=f"Bearer {wrong}")
        assert reply.status == 401
    assert delays == [0.05] * 980
    assert served.relay.count == 0


async def test_the_right_token_is_never_slowed_down_and_a_missing_one_never_counts(served, monkeypatch):
    delays = []

    async def sleep(seconds):
        delays.append(seconds)

    monkeypatch.setattr("app.server.gate.asyncio.sleep", sleep)
    for _ in range(30):
        assert (await served.request("GET", "/v1/models", authorization=None)).status == 401
    for _ in range(20):
        assert (await served.request("GET", "/v1/models", authorization="Bearer wrong")).status == 401
    assert (await served.request("GET", "/v1/models")).status == 200
    assert delays == []


@pytest.mark.parametrize(("pause_s", "delayed"), [(59.0, True), (61.0, False)])
async def test_wrong_tokens_are_forgotten_after_a_minute(served, monkeypatch, pause_s, delayed):
    now, delays = [1000.0], []

    async def sleep(seconds):
        delays.append(seconds)

    monkeypatch.setattr("app.server.gate.asyncio.sleep", sleep)
    gate = Gate(served.gate._inside, lambda: served.rules, clock=lambda: now[0])
    for _ in range(20):
        await gate._slow_down([b"wrong"])
    now[0] += pause_s
    await gate._slow_down([b"wrong"])
    assert bool(delays) is delayed


async def test_refusals_do_not_show_what_was_sent(served):
    reply = await served.request("GET", "/v1/models?key=sk-local-planted-canary-value", authorization=None)
    assert reply.status == 401
    assert b"canary" not in reply.body
