"""A web page in the user's browser gets nothing and spends nothing (S3 to S6)."""

import pytest

from server.serving import CHAT_BODY, POST_PATHS, TOKEN, Served

CHAT = "/v1/chat/completions"
GOOD = "https://chat.example"
FOREIGN_ORIGINS = [
    "https://evil.com",
    "http://127.0.0.1:PORT",
    "http://localhost:PORT",
    "http://localhost",
    "null",
    "",
    "chrome-extension://abcdefgh",
    "moz-extension://abcdefgh",
    "vscode-webview.evil.com",
    "https://vscode-webview://x",
    "vscode-webview://x\ty",
    "xapp://localhost",
    "https://chat.example.evil.com",
    "https://chat.example, https://evil.com",
]
EDITORS = ["vscode-webview://0f1e2d3c", "vscode-file://vscode-app", "app://obsidian.md", "tauri://localhost", "file://"]


@pytest.fixture
async def listed():
    async with Served(origins=(GOOD,)) as running:
        yield running


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_foreign_origin_is_refused_with_and_without_a_token(listed, origin):
    origin = origin.replace("PORT", str(listed.port))
    for token in (None, f"Bearer {TOKEN}"):
        for kind in ("application/json", "text/plain"):
            reply = await listed.request("POST", CHAT, CHAT_BODY, origin=origin, authorization=token, content_type=kind)
            assert (reply.status, reply.error["code"]) == (403, "forbidden")
            assert reply.header("access-control-allow-origin") is None
    assert listed.relay.count == 0


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none,none", "", "Cross-Site"])
async def test_a_browser_request_from_elsewhere_is_refused_even_without_an_origin(served, site):
    for method, path, body in (("POST", CHAT, CHAT_BODY), ("GET", "/v1/models", b""), ("GET", "/health", b"")):
        reply = await served.request(method, path, body, sec_fetch_site=site)
        assert reply.status == 403
    assert served.relay.count == 0


@pytest.mark.parametrize(
    "headers", [{"sec_fetch_mode": "cors"}, {"sec_fetch_site": "none"}, {"sec_fetch_site": "same-origin"}]
)
async def test_programs_that_fetch_like_browsers_are_let_in(served, headers):
    assert (await served.request("POST", CHAT, CHAT_BODY, **headers)).status == 200


async def test_two_origins_are_refused(listed):
    raw = listed.raw("POST", CHAT, CHAT_BODY, origin=GOOD).replace(
        b"origin:", b"Origin: https://evil.com\r\norigin:", 1
    )
    assert (await listed.ask(raw)).status == 403
    assert listed.relay.count == 0


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
        "text/json",
        "application/json; foo=bar",
    ],
)
async def test_a_body_that_is_not_declared_as_json_is_415(served, kind):
    for path in POST_PATHS:
        reply = await served.request("POST", path, CHAT_BODY, content_type=kind)
        assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")
    assert served.relay.count == 0


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_ollamas_clients_declare_nothing_but_send_a_token_in_a_header(served, kind):
    reply = await served.request("POST", "/api/chat", CHAT_BODY, content_type=kind)
    assert reply.status == 200
    asked = {"authorization": None, "content_type": kind}
    for more in ({}, {"x_api_key": TOKEN}):
        assert (await served.request("POST", "/api/chat", CHAT_BODY, **asked, **more)).status in (401, 415)
    assert (
        await served.request("POST", "/api/chat", CHAT_BODY, content_type=kind, content_encoding="gzip")
    ).status == 415
    assert served.relay.count == 1


async def test_two_content_types_are_415(served):
    raw = served.raw("POST", CHAT, CHAT_BODY).replace(b"content-type", b"Content-Type: text/plain\r\ncontent-type", 1)
    assert (await served.ask(raw)).status == 415
    assert served.relay.count == 0


async def preflight(served, origin: str, **headers: str | None):
    headers = {"authorization": None, "access_control_request_method": "POST"} | headers
    return await served.request("OPTIONS", CHAT, origin=origin, **headers)


async def test_the_preflight_of_a_listed_origin_is_answered(listed):
    reply = await preflight(listed, GOOD, access_control_request_headers="authorization,content-type")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("access-control-allow-origin") == GOOD
    assert reply.header("access-control-allow-headers") == "authorization,content-type"
    assert reply.header("access-control-allow-credentials") is None
    assert reply.header("vary") == "origin"


@pytest.mark.parametrize("origin", [*FOREIGN_ORIGINS, *EDITORS])
async def test_no_other_preflight_is(listed, origin):
    reply = await preflight(listed, origin.replace("PORT", str(listed.port)))
    assert reply.status in (401, 403)
    assert not [name for name, _ in reply.headers if name.startswith("access-control-")]


async def test_a_listed_origin_still_needs_the_token(listed):
    reply = await listed.request("POST", CHAT, CHAT_BODY, origin=GOOD, authorization=None, sec_fetch_site="cross-site")
    assert reply.status == 401
    reply = await listed.request("POST", CHAT, CHAT_BODY, origin=GOOD, sec_fetch_site="cross-site")
    assert reply.status == 200
    assert reply.header("access-control-allow-origin") == GOOD
    assert reply.header("access-control-allow-credentials") is None


async def test_a_listed_origin_may_read_its_errors(listed):
    reply = await listed.request("POST", CHAT, b"{", origin=GOOD)
    assert (reply.status, reply.header("access-control-allow-origin")) == (400, GOOD)
    reply = await listed.request("GET", "/nothing", origin=GOOD)
    assert (reply.status, reply.header("access-control-allow-origin")) == (404, GOOD)


@pytest.mark.parametrize("origin", EDITORS)
async def test_editors_come_in_only_with_a_token(served, origin):
    reply = await served.request("POST", CHAT, CHAT_BODY, origin=origin, sec_fetch_site="cross-site")
    assert (reply.status, reply.header("access-control-allow-origin")) == (200, origin)
    for token in (None, "Bearer wrong"):
        for method, path in (("POST", CHAT), ("GET", "/v1/models"), ("GET", "/health")):
            reply = await served.request(method, path, origin=origin, authorization=token)
            assert reply.status in (401, 403)
            assert reply.header("access-control-allow-origin") is None
    assert served.relay.count == 1


@pytest.mark.parametrize("origin", ["https://evil.com", "null", None])
@pytest.mark.parametrize("path", ["/", "/v1/models", *POST_PATHS, "/v1/realtime"])
async def test_no_web_socket_is_opened(served, path, origin):
    reply = await served.request(
        "GET",
        path,
        origin=origin,
        connection="Upgrade",
        upgrade="websocket",
        sec_websocket_version="13",
        sec_websocket_key="AAAAAAAAAAAAAAAAAAAAAA==",
    )
    assert reply.status in ((403,) if origin else (200, 404, 405))
    assert served.relay.count == 0


@pytest.mark.parametrize("path", POST_PATHS)
async def test_get_spends_nothing(served, path):
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert (await served.request(method, path)).status == 405
    assert served.relay.count == 0
