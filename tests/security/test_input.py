"""Odd names get through as they are or are refused (S28), and a client's headers stay outside (S18)."""

import dataclasses
import json

import pytest

from server.serving import TOKEN

CHAT = "/v1/chat/completions"
NAMES = [
    "'; DROP TABLE requests;--",
    "%",
    "%s%n",
    "x" * 10_240,
    "\u202egpt",
    "a\x00b",
    "a\r\nb",
    "\x1b[31m",
    "<img src=x>",
    "../x",
]


@pytest.mark.parametrize("name", NAMES)
async def test_an_odd_model_name_is_taken_literally_or_refused(served, name):
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hi"}]}).encode()
    reply = await served.request("POST", CHAT, body)
    assert reply.status in (200, 400)
    assert served.relay.count == 1
    if reply.status == 200:
        assert served.relay.calls[0].request.model == name
    else:
        assert len(reply.body) < 1000
        assert reply.error["param"] == "model"


@pytest.mark.parametrize(
    "name", ["'%3B%20DROP%20TABLE--", "%00", "%0d%0aSet-Cookie:%20x", "x" * 10_240, "%ff", "..%2f..%2fetc"]
)
async def test_an_odd_model_path_is_not_found(served, name):
    reply = await served.request("GET", f"/v1/models/{name}")
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert reply.header("set-cookie") is None
    assert len(reply.body) < 1000


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"\xff","messages":[]}',
        b'{"model":"m","messages":["\xff"]}',
        b'{"\xff":1,"model":"m","messages":[]}',
        b'{"model":"m","messages":[],"stream":' + b"9" * 5000 + b"}",
        b'{"model":"m","messages":' + b"[" * 100_000,
        b"\x00",
    ],
)
async def test_bytes_that_are_no_json_are_400_and_accounted_for(served, body):
    reply = await served.request("POST", CHAT, body)
    assert (reply.status, reply.error["code"]) == (400, "invalid_request")
    assert served.relay.count == 1


async def test_nothing_of_the_clients_headers_is_handed_on(served):
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"api_base":"http://evil.test","extra_headers":{"a":"b"}}'
    reply = await served.request("POST", CHAT, body, cookie="canary=1", x_portkey_custom_host="evil.test")
    assert reply.status == 200
    (call,) = served.relay.calls
    handed_on = repr(dataclasses.asdict(call.request)) + call.request_id + call.client
    assert TOKEN not in handed_on
    assert "canary" not in handed_on
    assert "portkey" not in handed_on


@pytest.mark.parametrize("theirs", ["a\x0bb", "x" * 129, "a;b", "<script>"])
async def test_an_odd_request_id_is_not_repeated(served, theirs):
    reply = await served.request("GET", "/nothing", x_request_id=theirs)
    assert reply.status in (400, 404)
    assert theirs not in str(reply.headers)
