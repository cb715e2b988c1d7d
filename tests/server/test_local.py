"""What the server answers by itself to Anthropic's clients; the rest is in test_routes.py."""

import json

from server.serving import CHAT_BODY

VERSION = {"anthropic_version": "2023-06-01"}


async def test_models_come_in_anthropics_shape_to_who_says_its_version(served):
    listing = (await served.request("GET", "/v1/models?limit=1", **VERSION)).json()
    assert [(model["type"], model["id"]) for model in listing["data"]] == [("model", "gpt-5-mini")]
    assert (listing["has_more"], listing["last_id"]) == (True, "gpt-5-mini")
    model = (await served.request("GET", "/v1/models/openai/gpt-5-mini", **VERSION)).json()
    assert model == listing["data"][0]


async def test_so_do_its_errors(served):
    for path, status, kind in (
        ("/v1/models/none", 404, "not_found_error"),
        ("/v1/models?limit=x", 400, "invalid_request_error"),
    ):
        reply = await served.request("GET", path, **VERSION)
        assert (reply.status, reply.json()["error"]["type"]) == (status, kind)


async def test_a_count_is_an_estimate_that_asks_nobody(served):
    reply = await served.request("POST", "/v1/messages/count_tokens", CHAT_BODY)
    assert reply.status == 200
    assert reply.header("x-switchtower-token-source") == "estimate"
    assert 3 < reply.json()["input_tokens"] < 15
    assert served.relay.count == 0


async def test_a_count_grows_with_the_text_and_stops_at_no_limit_of_a_model(served):
    counted = []
    for size in (10_000, 100_000):
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * (size // 5)}]}).encode()
        counted.append((await served.request("POST", "/v1/messages/count_tokens", body)).json()["input_tokens"])
    assert counted[0] * 9 < counted[1] < counted[0] * 11


async def test_what_cannot_be_counted_is_refused_in_anthropics_envelope(served):
    reply = await served.request("POST", "/v1/messages/count_tokens", b'{"model":"m"}', x_request_id="mine")
    assert (reply.status, reply.json()["type"], reply.json()["request_id"]) == (400, "error", "mine")
    assert reply.json()["error"]["type"] == "invalid_request_error"
