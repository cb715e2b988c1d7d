"""The gate lets in what it must, refuses the rest with the right error, and reads no more than it has to."""

import asyncio
from urllib.parse import quote

import pytest

from app.domain.secret import Secret
from app.server.gate import GateRules
from app.server.routes import TABLE
from server.serving import ANSWER, CHAT_BODY, OTHER_TOKEN, TOKEN, Served, read_reply

CHAT = "/v1/chat/completions"
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("headers", "query", "client"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, "", "default"),
        ({"authorization": f"bearer  {TOKEN} "}, "", "default"),
        ({"authorization": None, "x_api_key": OTHER_TOKEN}, "", "editor"),
        ({"authorization": None, "api_key": TOKEN}, "", "default"),
        ({"authorization": None, "x_goog_api_key": TOKEN}, "", "default"),
        ({"authorization": None}, f"?alt=sse&key={TOKEN}", "default"),
        ({"authorization": "Bearer wrong", "x_api_key": TOKEN}, "", "default"),
    ],
)
async def test_the_token_may_come_in_every_way_clients_send_it(served, headers, query, client):
    reply = await served.request("POST", CHAT + query, CHAT_BODY, **headers)
    assert reply.status == 200
    assert [call.client for call in served.relay.calls] == [client]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": None},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN.upper()}"},
        {"authorization": f"Bearer {TOKEN}, Bearer {TOKEN}"},
        {"authorization": None, "x_api_key": "ä"},
    ],
)
async def test_a_missing_or_wrong_token_is_401(served, headers):
    reply = await served.request("POST", CHAT, CHAT_BODY, **headers)
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
    assert reply.header("www-authenticate") == "Bearer"
    assert reply.header("x-should-retry") == "false"
    assert served.relay.count == 0


@pytest.mark.parametrize("query", ["key=%ff", "key=%ed%a0%80", "key=%C3%A4", "%ff&key=x", "key=x%", "key=%"])
async def test_any_bytes_in_a_query_are_a_wrong_token_or_none(served, query, caplog):
    refused = await served.request("POST", f"{CHAT}?{query}", CHAT_BODY, authorization=None)
    assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")
    assert (await served.request("GET", f"/health?{query}", authorization=None)).status == 200
    assert (await served.request("POST", f"{CHAT}?{query}", CHAT_BODY)).status == 200
    assert not caplog.records


async def test_a_token_of_any_letters_is_known_in_a_query():
    token = "sk-local-größer-als-zwanzig"
    async with Served(tokens={"default": Secret(token)}) as served:
        assert (await served.request("GET", f"/v1/status?key={quote(token)}", authorization=None)).status == 200


async def test_every_answer_is_kept_from_caches_and_sniffing(served):
    for path, headers in (
        ("/health", {}),
        ("/v1/models", {}),
        ("/v1/status", {}),
        ("/nothing", {}),
        ("/v1/models", {"authorization": None}),
        ("/v1/models", {"host": "evil.com"}),
    ):
        reply = await served.request("GET", path, **headers)
        assert reply.header("x-content-type-options") == "nosniff"
        assert reply.header("cache-control") == "no-store"
        assert reply.header("content-type") == "application/json"
        assert reply.header("server") is None


async def test_new_rules_are_in_force_with_the_next_request(served):
    assert (await served.request("GET", "/v1/status")).status == 200
    served.rules = GateRules({"default": Secret(OTHER_TOKEN)}, hosts=("box.lan",))
    assert (await served.request("GET", "/v1/status")).status == 401
    reply = await served.request("GET", "/v1/status", host="box.lan", authorization=f"Bearer {OTHER_TOKEN}")
    assert reply.status == 200


@pytest.mark.parametrize(
    "declared", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF8"']
)
async def test_json_in_utf8_is_taken(served, declared):
    assert (await served.request("POST", CHAT, CHAT_BODY, content_type=declared)).status == 200


@pytest.mark.parametrize("path", sorted(path for path, route in TABLE.items() if "POST" in route.methods))
async def test_what_has_no_body_needs_no_type(served, path):
    for length in (None, "0"):
        reply = await served.request("POST", path.format(model="m"), content_type=None, content_length=length)
        assert reply.status in (400, 404)


async def test_a_chunked_body_needs_its_type_though_it_has_no_length(served):
    chunked = {"content_type": None, "content_length": None, "transfer_encoding": "chunked"}
    head = served.raw("POST", CHAT, **chunked)
    assert (await served.ask(head + b"0\r\n\r\n")).status == 415


async def test_a_compressed_body_is_415(served):
    reply = await served.request("POST", CHAT, CHAT_BODY, content_encoding="gzip")
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")


async def test_a_declared_body_over_the_limit_is_413_before_it_is_sent():
    async with Served(max_body_bytes=1000) as served:
        reader, writer = await served.send(served.raw("POST", CHAT, content_length="1001"))
        reply = await read_reply(reader)
        assert (reply.status, reply.error["code"]) == (413, "request_too_large")
        assert served.relay.count == 0
        writer.close()


async def test_a_body_at_the_limit_is_taken():
    async with Served(max_body_bytes=1000) as served:
        assert (await served.request("POST", CHAT, CHAT_BODY.ljust(1000))).status == 200


async def test_65_mib_are_413_and_the_client_sees_it_after_sending_all(served):
    head = served.raw("POST", CHAT, content_length=str(65 * MIB))
    reply = await served.ask(head + bytes(65 * MIB))
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert "64 MiB" in reply.error["message"]


async def test_a_chunked_body_is_counted_while_it_comes():
    async with Served(max_body_bytes=1000) as served:
        head = served.raw("POST", CHAT, content_length=None, transfer_encoding="chunked")
        reader, writer = await served.send(head + b"1f4\r\n" + bytes(500) + b"\r\n")
        writer.write(b"1f5\r\n" + bytes(501) + b"\r\n")
        assert (await read_reply(reader)).status == 413
        assert served.relay.count == 0
        writer.close()


async def test_a_chunked_body_is_put_together(served):
    head = served.raw("POST", CHAT, content_length=None, transfer_encoding="chunked")
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in CHAT_BODY)
    assert (await served.ask(head + chunks + b"0\r\n\r\n")).body == ANSWER
    assert served.relay.calls[0].request.body == CHAT_BODY


async def test_a_body_that_stalls_is_408_and_the_connection_ends():
    async with Served(body_s=0.05) as served:
        reader, writer = await served.send(served.raw("POST", CHAT, content_length="100") + b'{"model"')
        reply = await read_reply(reader)
        assert (reply.status, reply.error["code"]) == (408, "request_timeout")
        assert await reader.read() == b""
        assert served.relay.count == 0
        writer.close()


async def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind(served):
    _, writer = await served.send(served.raw("POST", CHAT, content_length="100") + b'{"model"')
    writer.close()
    await writer.wait_closed()
    assert (await served.request("GET", "/health")).status == 200
    assert served.relay.count == 0


async def test_a_refused_body_that_never_ends_is_cut_off():
    class Hasty(Served.connection_type):
        headers_s = 0.05

    async with Served(connection=Hasty, max_body_bytes=10) as served:
        reader, writer = await served.send(served.raw("POST", CHAT, content_length="1000000") + b"{}")
        assert (await read_reply(reader)).status == 413
        writer.write(b"x")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_connection_goes_on_after_a_refusal(served):
    reader, writer = await served.send(served.raw("POST", CHAT, CHAT_BODY, content_type="text/plain"))
    assert (await read_reply(reader)).status == 415
    writer.write(served.raw("POST", CHAT, CHAT_BODY))
    assert (await read_reply(reader)).status == 200
    writer.close()


async def test_a_client_that_offers_http2_is_served_with_its_body(served):
    reply = await served.request("POST", CHAT, CHAT_BODY, connection="Upgrade, HTTP2-Settings", upgrade="h2c")
    assert reply.status == 200
    assert served.relay.calls[0].request.body == CHAT_BODY


async def test_a_client_that_waits_for_100_continue_is_told_so(served):
    reader, writer = await served.send(
        served.raw("POST", CHAT, content_length=str(len(CHAT_BODY)), expect="100-continue")
    )
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(CHAT_BODY)
    assert (await read_reply(reader)).status == 200
    writer.close()
