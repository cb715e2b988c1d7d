"""What every row of the catalog sends to its provider: path, headers, key and body."""

import pytest

import app
from app.domain.chat import PASSED_THROUGH, Operation
from app.engine import hops
from app.providers.spec import Auth
from contract.row_rig import AUTH_HEADERS, CANARY, DIALECTS, MODEL, RowRig, asks, body_of, error_of, header
from faults.connection import Recorded

PATHS = {"azure-deployments": "/deployments/vendor%2Fsome-model%3Afree{path}?api-version=2024-10-21"}
"""Where a row says the path itself."""


def check_key(rig: RowRig, request: Recorded) -> None:
    """The key stands where the row says and nowhere else."""
    sent = {name: value for name, value in request.headers if name in AUTH_HEADERS}
    expected = {
        Auth.BEARER: {"authorization": f"Bearer {CANARY}"},
        Auth.API_KEY_HEADER: {"api-key": CANARY},
        Auth.AWS: {"authorization": f"Bearer {CANARY}"},
        Auth.NONE: {},
    }
    assert sent == expected[rig.spec.auth]
    others = [value for name, value in request.headers if name not in AUTH_HEADERS]
    assert CANARY not in "".join((request.target, *others)) + request.body.decode()


def check_headers(rig: RowRig, request: Recorded) -> None:
    """Those of the row and of our own, each once, and nothing that a client might have sent."""
    names = [name for name, _ in request.headers]
    assert sorted(names) == sorted(set(names))
    for name, value in rig.spec.headers:
        assert request.header(name) == value
    assert request.header("accept-encoding") == "identity"
    assert request.header("host") == f"127.0.0.1:{rig.upstream.port}"
    assert request.header("user-agent") == f"switchtower/{app.__version__}"
    known = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "connection"}
    known.add(hops.HEADER)  # for loopback only
    assert set(names) <= known | set(AUTH_HEADERS) | {name.lower() for name, _ in rig.spec.headers}


async def test_a_request_goes_to_the_rows_path_with_its_headers_and_the_clients_body(rig: RowRig) -> None:
    for operation, stream in asks(rig.spec):
        assert (await rig.ask(operation, stream=stream)).status == 200
        sent = rig.upstream.posts[-1]
        own = PATHS.get(rig.spec.id, "{path}").format(path=DIALECTS[operation].PATH)
        assert sent.target == rig.base_path + own
        check_key(rig, sent)
        check_headers(rig, sent)
        assert sent.header("content-type") == "application/json"
        plain = "*/*" if operation in PASSED_THROUGH else "application/json"
        assert sent.header("accept") == ("text/event-stream" if stream else plain)
        assert sent.header("content-length") == str(len(sent.body))
        assert sent.body == body_of(operation, MODEL, stream=stream)


async def test_usage_is_asked_for_in_a_stream_and_nothing_else_is_changed(rig: RowRig) -> None:
    dialect = DIALECTS[Operation.CHAT]
    plain = body_of(Operation.CHAT, f"{rig.spec.id}/{MODEL}", stream=False)
    body = plain.replace(b', "user" : null', b', "stream":true')
    assert body != plain
    request = dialect.parse_request(body)
    call = rig.call(Operation.CHAT)
    answer = await rig.relay.handle(type(call)(request, dialect, call.request_id, call.client))
    text = b"".join([chunk async for chunk in answer.stream or pytest.fail("no stream")])
    before, added, after = rig.upstream.posts[-1].body.partition(b',"stream_options":{"include_usage":true}')
    assert added
    assert before + after == body.replace(f"{rig.spec.id}/{MODEL}".encode(), MODEL.encode())
    assert b'"usage"' not in text
    assert rig.finished[-1].usage.output == rig.upstream.voice.completion_tokens


async def test_what_a_row_does_not_offer_is_refused_and_nobody_is_asked(rig: RowRig) -> None:
    for operation in DIALECTS.keys() - rig.spec.operations:
        answer = await rig.ask(operation)
        error = error_of(answer.body)
        assert (answer.status, error["code"], header(answer, "x-should-retry")) == (404, "model_not_found", "false")
        assert rig.spec.name in error["message"]
        assert operation.value in error["message"]
    assert rig.upstream.requests == []


async def test_the_users_headers_go_with_the_rows(rig: RowRig) -> None:
    await rig.fleet.close()
    await rig.build(headers={"x-title": "Switchtower"})
    await rig.ask(asks(rig.spec)[0][0])
    assert rig.upstream.posts[-1].header("x-title") == "Switchtower"
    for name, value in rig.spec.headers:
        assert rig.upstream.posts[-1].header(name) == value


async def test_the_model_list_is_asked_for_where_the_row_says(rig: RowRig) -> None:
    for provider in rig.health._take_due():
        await rig.health.probe(provider)
    if not rig.spec.lists_models:
        assert rig.upstream.requests == []
        assert tuple(model.id for model in rig.provider.catalogue.models) == rig.spec.static_models
        return
    (asked,) = rig.upstream.requests
    assert (asked.method, asked.target, asked.body) == ("GET", rig.models_path, b"")
    check_key(rig, asked)
    check_headers(rig, asked)
    assert asked.header("content-type") is None
    assert [model.id for model in rig.provider.catalogue.models] == list(rig.upstream.voice.models)
    assert rig.provider.state.up
