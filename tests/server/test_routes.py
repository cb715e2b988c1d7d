"""What stands in the table is answered, and nothing else."""

import json

import pytest

from app.domain.chat import Answer
from server.serving import ANSWER, CHAT_BODY, GET_PATHS, POST_PATHS, STREAM_BODY

COUNT = b'{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}'
BODIES = {
    "/v1/chat/completions": CHAT_BODY,
    "/v1/completions": b'{"model":"gpt-5-mini","prompt":"Hi"}',
    "/v1/embeddings": b'{"model":"gpt-5-mini","input":"Hi"}',
}


@pytest.mark.parametrize("path", POST_PATHS)
async def test_a_request_goes_to_the_relay_in_its_dialect(served, path):
    reply = await served.request("POST", path, BODIES[path], x_request_id="mine-1")
    assert (reply.status, reply.body) == (200, ANSWER)
    (call,) = served.relay.calls
    assert f"/v1{call.dialect.PATH}" == path
    assert (call.request.body, call.request.model) == (BODIES[path], "gpt-5-mini")
    assert (call.request_id, call.client) == ("mine-1", "default")
    assert reply.header("x-request-id") == "mine-1"


async def test_a_stream_is_sent_chunk_by_chunk(served):
    served.relay.script = served.relay.short_stream
    reply = await served.request("POST", "/v1/chat/completions", STREAM_BODY)
    assert reply.header("content-type") == "text/event-stream"
    assert reply.body == b'data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n'


async def test_the_query_string_is_ignored(served):
    reply = await served.request("POST", "/v1/chat/completions?beta=true", CHAT_BODY)
    assert reply.status == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [(b"{", None), (b"", None), (b"[]", None), (b'{"messages":[]}', "model"), (b'{"model":5,"messages":[]}', "model")],
)
async def test_a_body_that_cannot_be_read_is_refused_and_accounted_for(served, body, param):
    reply = await served.request("POST", "/v1/chat/completions", body)
    assert reply.status == 400
    assert reply.error["param"] == param
    assert reply.error["message"]
    assert served.relay.calls == []
    ((_, request_id, client, operation),) = served.relay.rejected
    assert request_id.startswith("req_")
    assert (client, operation) == ("default", "chat")


async def test_health_says_nothing_else(served):
    for method, path in (("GET", "/health"), ("HEAD", "/health"), ("HEAD", "/")):
        reply = await served.request(method, path, authorization=None)
        assert reply.status == 200
        assert reply.body == (b'{"status":"ok"}' if method == "GET" else b"")
        assert reply.header("content-length") == "15"


async def test_the_model_list_is_in_the_shape_of_openai(served):
    reply = await served.request("GET", "/v1/models")
    assert reply.status == 200
    listing = reply.json()
    assert listing["object"] == "list"
    assert [model["owned_by"] for model in listing["data"]] == ["openai", "router"]
    await served.request("GET", "/v1/status")
    assert served.program.looked == 1, "it waits for lists that were never fetched"


async def test_every_listed_model_can_be_looked_up_by_its_id(served):
    listing = (await served.request("GET", "/v1/models")).json()
    for model in listing["data"]:
        reply = await served.request("GET", f"/v1/models/{model['id']}")
        assert reply.json() == model


@pytest.mark.parametrize(
    "name", ["gpt-5-mini", "openai/gpt-5-mini", "anthropic/claude-sonnet-4.5", "router/anthropic%2Fclaude-sonnet-4.5"]
)
async def test_a_model_may_be_called_with_or_without_its_provider(served, name):
    reply = await served.request("GET", f"/v1/models/{name}")
    assert reply.status == 200
    assert "owned_by" in reply.json()


async def test_an_unknown_model_names_the_nearest(served):
    reply = await served.request("GET", "/v1/models/openai/gpt-5-mimi")
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert "openai/gpt-5-mini" in reply.error["message"]


async def test_status_has_the_field_names_of_the_contract(served):
    reply = await served.request("GET", "/v1/status")
    status = json.loads(reply.body)
    assert list(status)[:5] == ["version", "uptime_s", "listening", "offline", "providers"]
    assert status["providers"] == [
        {
            "id": "openai",
            "kind": "openai",
            "name": "OpenAI",
            "enabled": True,
            "priority": 1,
            "state": "healthy",
            "detail": "",
            "latency_ms": None,
            "checked_at": "2026-11-23T10:00:00Z",
            "breaker": "closed",
            "cooling_until": None,
            "models": None,
            "in_flight": 0,
            "requests": 0,
            "failures": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cost_usd": None,
            "latencies_ms": [],
            "unknown_usage": 0,
            "unknown_cost": 0,
        }
    ]


@pytest.mark.parametrize("path", [*GET_PATHS, "/health"])
async def test_head_is_taken_where_get_is(served, path):
    reply = await served.request("HEAD", path)
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/chat/completions",
        "/v1/chat/completions/",
        "/v1/models/",
        "/v2",
        "//v1/models",
        "/V1/MODELS",
    ],
)
async def test_an_unknown_path_is_not_found(served, path):
    reply = await served.request("POST" if path != "/" else "PUT", path, CHAT_BODY)
    assert reply.status == (405 if path == "/" else 404)
    assert reply.error["code"] == ("method_not_allowed" if path == "/" else "not_found")
    assert reply.header("x-should-retry") == "false"
    assert path == "/" or "ends in one /v1" in reply.error["message"]
    assert served.relay.count == 0


@pytest.mark.parametrize("path", [*POST_PATHS, *GET_PATHS, "/health"])
async def test_a_wrong_method_names_the_right_one(served, path):
    method = "DELETE" if path not in POST_PATHS else "GET"
    reply = await served.request(method, path)
    assert (reply.status, reply.error["code"]) == (405, "method_not_allowed")
    assert reply.header("allow") == ("POST" if path in POST_PATHS else "GET, HEAD")
    assert served.relay.count == 0


@pytest.mark.parametrize("theirs", ["x" * 129, "a b", "ä", "a\tb", "", '"'])
async def test_an_unsafe_request_id_is_replaced(served, theirs):
    reply = await served.request("GET", "/v1/status", x_request_id=theirs)
    ours = reply.header("x-request-id")
    assert ours.startswith("req_")
    assert len(ours) == 28


async def test_a_long_path_is_not_repeated_whole(served):
    reply = await served.request("GET", "/" + "a" * 5000)
    assert reply.status == 404
    assert len(reply.body) < 600


async def test_a_client_may_name_its_conversation_in_a_header(served):
    for headers, affinity in (({}, ""), ({"x_switchtower_session": "talk-7"}, "talk-7")):
        await served.request("POST", "/v1/chat/completions", CHAT_BODY, **headers)
        assert served.relay.calls[-1].request.affinity == affinity


@pytest.mark.parametrize(("count", "repeated"), [(None, False), ("0", False), ("2", True)])
async def test_what_an_sdk_repeats_is_known_for_that(served, count, repeated):
    headers = {} if count is None else {"x_stainless_retry_count": count}
    await served.request("POST", "/v1/chat/completions", CHAT_BODY, **headers)
    assert served.relay.calls[-1].repeated is repeated


@pytest.mark.parametrize(
    ("method", "path", "body", "broken", "told"),
    [
        ("GET", "/v1/status", b"", "snapshot", lambda error: error["error"]["code"] == "internal_error"),
        ("GET", "/api/tags", b"", "models", lambda error: "failed unexpectedly" in error["error"]),
        ("GET", "/v1beta/models", b"", "models", lambda error: error["error"]["status"] == "INTERNAL"),
        ("POST", "/v1/messages/count_tokens", COUNT, "counted", lambda error: error["error"]["type"] == "api_error"),
        ("POST", "/v1/chat/completions", CHAT_BODY, "relay", lambda error: error["error"]["code"] == "internal_error"),
    ],
)
async def test_a_mistake_of_our_own_is_told_in_the_clients_dialect_and_accounted_for(
    served, monkeypatch, caplog, method, path, body, broken, told
):
    def fail(*_args):
        raise TypeError("boom")

    owner, name = (served.relay, "handle") if broken == "relay" else (served.program, broken)
    monkeypatch.setattr(owner, name, fail)
    reply = await served.request(method, path, body, x_request_id="mine-1")
    assert reply.status == 500
    assert told(reply.json())
    assert b"boom" not in reply.body
    assert reply.header("content-type") == "application/json"
    ((fault, request_id, client, _),) = served.relay.rejected
    assert (fault.kind, request_id, client) == ("internal_error", "mine-1", "default")
    (record,) = caplog.records
    assert "id=mine-1" in record.getMessage()
    caplog.clear()


async def test_a_mistake_in_a_stream_ends_it_with_an_error_event(served, caplog):
    async def broken():
        yield b'data: {"n":0}\n\n'
        raise TypeError("boom")

    async def script(_call):
        return Answer(200, ((b"content-type", b"text/event-stream"),), stream=broken())

    served.relay.script = script
    reply = await served.request("POST", "/v1/chat/completions", STREAM_BODY)
    assert reply.body.startswith(b'data: {"n":0}\n\ndata: {"error":')
    assert b"internal_error" in reply.body
    assert b"boom" not in reply.body
    assert "failed unexpectedly" in caplog.text
    caplog.clear()
