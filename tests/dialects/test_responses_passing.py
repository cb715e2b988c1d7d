"""What is looked at in a Responses request that passes through, and the little that is taken out of it."""

import json
from typing import Any

import pytest

from app.dialects import responses
from app.dialects.responses_passing import foreign_thoughts, kept_ids
from app.domain.chat import ApiRequest, Operation

OURS = {"type": "reasoning", "id": "rs_chatcmpl2_0", "summary": [], "encrypted_content": "switchtower.e30="}


def request(**more: Any) -> ApiRequest:
    return responses.parse_request(json.dumps({"model": "m", "input": "Hi", **more}).encode())


@pytest.mark.parametrize(
    ("more", "refers"),
    [
        ({"previous_response_id": "resp_1"}, "resp_1"),
        ({"conversation": "conv_1"}, "conv_1"),
        ({"conversation": {"id": "conv_1"}}, "conv_1"),
        ({"prompt": {"id": "pmpt_1"}}, "pmpt_1"),
        ({"background": True}, ""),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, ""),
    ],
)
def test_what_leans_on_a_provider_is_marked(more: dict[str, Any], refers: str) -> None:
    found = request(**more)
    assert (found.operation, found.refers) == (Operation.RESPONSES, refers)


@pytest.mark.parametrize("more", [{}, {"previous_response_id": None}, {"background": False}, {"store": True}])
def test_everything_else_may_be_translated(more: dict[str, Any]) -> None:
    found = request(**more)
    assert (found.operation, found.refers) == (Operation.CHAT, "")


def test_the_kinds_of_tools_are_told() -> None:
    assert request().tools == frozenset()
    tools = [{"type": "function", "name": "f"}, {"type": "custom", "name": "g"}, {"name": "h"}]
    assert request(tools=tools).tools == {"function", "custom"}
    assert request(tools=7).tools == {""}


def test_thoughts_of_other_providers_are_taken_out() -> None:
    theirs = {"type": "reasoning", "id": "rs_0a1b2c", "encrypted_content": "gAAAA"}
    words = {"role": "user", "content": "about rs_chatcmpl2_0 and switchtower.e30="}
    mine = request(input=[words, OURS, {**OURS, "encrypted_content": None}, {**theirs, "id": "rs_x_1"}, theirs])
    assert json.loads(responses.build_request(mine, "m"))["input"] == [words, theirs]


@pytest.mark.parametrize("given", ["rs_chatcmpl2_0", ["rs_chatcmpl2_0"], [{"id": "rs_chatcmpl2_0", "type": "message"}]])
def test_nothing_else_is_taken_for_a_thought(given: Any) -> None:
    mine = request(input=given)
    assert foreign_thoughts(mine) == []
    assert responses.build_request(mine, "m") == mine.body


def test_what_a_provider_keeps() -> None:
    assert kept_ids({"id": "resp_1"}) == ("resp_1",)
    assert kept_ids({"id": "resp_1", "store": True, "conversation": {"id": "conv_1"}}) == ("resp_1", "conv_1")
    assert kept_ids({"id": "resp_1", "store": False}) == ()
    assert kept_ids({"id": "resp_1", "store": False, "background": True}) == ("resp_1",)
    assert kept_ids({"id": 1}) == ()


def test_every_recorded_request_passes_byte_for_byte_but_for_the_model(
    responses_exchanges: list[dict[str, Any]], client_requests: list[dict[str, Any]]
) -> None:
    sent = [exchange["req"] for exchange in responses_exchanges if exchange["req"]]
    sent += [recorded["body"] for recorded in client_requests if recorded["path"] == "/v1/responses"]
    assert len(sent) > 160
    for body in sent:
        for text in (json.dumps(body, indent=1), json.dumps(body, ensure_ascii=False, separators=(",", ":"))):
            data = text.encode("utf-8", "surrogatepass")
            found = responses.parse_request(data)
            name = json.dumps(body["model"]).encode()
            assert responses.build_request(found, "a/b") in (
                data.replace(b'"model": ' + name, b'"model": "a/b"', 1),
                data.replace(b'"model":' + name, b'"model":"a/b"', 1),
            )
            assert responses.build_request(found, body["model"]) == data
