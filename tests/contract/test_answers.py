"""What comes back from every row of the catalog: answers byte for byte, usage, failures in the client's envelope."""

import json
from dataclasses import replace

import pytest

from app.domain.chat import Operation
from app.domain.status import HealthState
from app.domain.usage import Usage, UsageSource
from contract.row_rig import DIALECTS, MODEL, REQUEST_ID, RowRig, asks, error_of, header, whole
from faults import answers, plays
from faults.play import Play, Then


async def test_an_answer_comes_back_byte_for_byte(rig: RowRig) -> None:
    for operation, stream in asks(rig.spec):
        answer = await rig.ask(operation, stream=stream)
        body = await whole(answer)
        sent = rig.upstream.posts[-1]
        script = answers.stream(rig.upstream.voice, sent.path, sent.json)
        events = (*script.opening, *script.content, *script.finish, *script.done)
        assert body == (b"".join(events) if stream else answers.plain(rig.upstream.voice, sent.path, sent.json))
        kind = "text/event-stream; charset=utf-8" if stream else "application/json"
        assert (answer.status, header(answer, "content-type")) == (200, kind)
        assert header(answer, "x-request-id") == REQUEST_ID
        assert header(answer, "x-switchtower-provider") == rig.spec.id
        assert header(answer, "x-switchtower-model") == MODEL
        assert header(answer, "x-switchtower-attempts") == "1"


async def test_usage_is_read_along_the_way(rig: RowRig) -> None:
    voice = rig.upstream.voice
    generated = Usage(
        fresh_input=voice.prompt_tokens - voice.cached_tokens,
        cache_read=voice.cached_tokens,
        output=voice.completion_tokens,
        reasoning=voice.reasoning_tokens,
        source=UsageSource.PROVIDER,
    )
    drawn = replace(generated, images=voice.completion_tokens, images_written=voice.completion_tokens)
    embedded = Usage(fresh_input=voice.prompt_tokens, source=UsageSource.PROVIDER)
    expected = {Operation.EMBEDDINGS: embedded, Operation.IMAGES: drawn, Operation.IMAGE_EDITS: drawn}
    for operation, stream in asks(rig.spec):
        await rig.read(operation, stream=stream)
        account = rig.finished[-1]
        assert account.usage == expected.get(operation, generated)
        assert (account.provider, account.provider_model, account.outcome) == (rig.spec.id, MODEL, "ok")
        assert (account.operation, account.stream, account.model) == (operation, stream, f"{rig.spec.id}/{MODEL}")
    assert len(rig.finished) == len(asks(rig.spec)) == rig.provider.status().requests


_AUTH = (502, "provider_auth", "server_error", "false")
_QUOTA = (429, "insufficient_quota", "insufficient_quota", "false")
REFUSALS: tuple[tuple[Play, tuple[int, str, str, str | None], int, HealthState], ...] = (
    (plays.INVALID_KEY, _AUTH, 1, HealthState.NEEDS_KEY),
    (plays.FORBIDDEN, _AUTH, 1, HealthState.NEEDS_KEY),
    (plays.PAYMENT, _QUOTA, 1, HealthState.RATE_LIMITED),
    (plays.QUOTA, _QUOTA, 1, HealthState.RATE_LIMITED),
    (plays.RATE_LIMIT, (429, "rate_limit_exceeded", "rate_limit_error", None), 1, HealthState.RATE_LIMITED),
    (plays.BAD_REQUEST, (400, "invalid_request_error", "invalid_request_error", "false"), 1, HealthState.HEALTHY),
    (plays.CONTEXT_LENGTH, (400, "context_length_exceeded", "invalid_request_error", "false"), 1, HealthState.HEALTHY),
    (plays.MODEL_NOT_FOUND, (404, "model_not_found", "invalid_request_error", "false"), 1, HealthState.HEALTHY),
    (plays.PATH_NOT_FOUND, (503, "provider_config_error", "server_error", "false"), 1, HealthState.CONFIG_ERROR),
    (plays.SERVER_ERROR, (502, "provider_error", "server_error", None), 2, HealthState.UNREACHABLE),
    (plays.UNAVAILABLE_LATER, (503, "provider_unavailable", "server_error", None), 1, HealthState.UNREACHABLE),
    (plays.HTML, (502, "bad_upstream_reply", "server_error", None), 1, HealthState.UNREACHABLE),
    (plays.EMPTY, (502, "bad_upstream_reply", "server_error", None), 1, HealthState.UNREACHABLE),
    (plays.OVERLOADED, (503, "provider_overloaded", "server_error", None), 2, HealthState.UNREACHABLE),
)


@pytest.mark.parametrize(("play", "told", "calls", "state"), REFUSALS, ids=[str(row[0]) for row in REFUSALS])
async def test_a_refusal_reaches_the_client_in_its_own_envelope(
    rig: RowRig, play: Play, told: tuple[int, str, str, str | None], calls: int, state: HealthState
) -> None:
    rig.upstream.script(play)
    for asked, (operation, stream) in enumerate(asks(rig.spec), 1):
        answer = await rig.ask(operation, stream=stream)
        error = error_of(answer.body)
        assert answer.stream is None
        absent = play is plays.PATH_NOT_FOUND and operation not in (Operation.CHAT, Operation.COMPLETIONS)
        wanted = (404, "operation_not_offered", "invalid_request_error", "false") if absent else told
        assert (answer.status, error["code"], error["type"], header(answer, "x-should-retry")) == wanted
        assert header(answer, "content-type") == "application/json"
        later = None if told[3] else dict(play.headers).get("retry-after", "2")
        assert header(answer, "retry-after") == later
        assert rig.spec.name in error["message"]
        assert header(answer, "x-switchtower-attempts") == str(calls)
        assert len(rig.upstream.posts) == asked * calls
        assert (rig.finished[-1].fault, rig.finished[-1].status) == (wanted[1], wanted[0])
    assert rig.provider.state is state


async def test_what_the_provider_says_of_a_bad_request_is_passed_on(rig: RowRig) -> None:
    rig.upstream.script(plays.BAD_REQUEST)
    error = error_of(await rig.read(asks(rig.spec)[0][0]))
    assert error["param"] == "messages"
    assert "'messages' must be a list." in error["message"]


@pytest.mark.parametrize("play", [plays.INVALID_KEY, plays.RATE_LIMIT, plays.SERVER_ERROR], ids=str)
async def test_a_refused_model_list_shows_in_the_health_of_the_row(rig: RowRig, play: Play) -> None:
    rig.upstream.script_get(play)
    await rig.health.probe(rig.provider)
    if not rig.spec.lists_models:
        assert rig.provider.state is HealthState.UNKNOWN
        assert rig.upstream.requests == []
        return
    expected = {401: HealthState.NEEDS_KEY, 429: HealthState.RATE_LIMITED, 500: HealthState.UNREACHABLE}
    assert rig.provider.state is expected[play.status]
    assert rig.spec.name in rig.provider.status().detail


BROKEN = (
    (plays.ERROR_LATER, "provider_error"),
    (plays.TRUNCATED_CHUNKED, "upstream_truncated"),
    (plays.NO_FINISH, "upstream_truncated"),
    (plays.RESET_LATER, "upstream_truncated"),
    (plays.MALFORMED_EVENT, "bad_upstream_event"),
)


@pytest.mark.parametrize(("play", "code"), BROKEN, ids=[str(row[0]) for row in BROKEN])
async def test_a_broken_stream_ends_with_an_error_event_and_no_end_mark(rig: RowRig, play: Play, code: str) -> None:
    rig.upstream.script(play)
    for operation, stream in asks(rig.spec):
        if not stream:
            continue
        answer = await rig.ask(operation, stream=True)
        body = await whole(answer)
        sent = rig.upstream.posts[-1]
        script = answers.stream(rig.upstream.voice, sent.path, sent.json)
        whole_events = b"".join((*script.opening, *script.content[:3]))
        assert answer.status == 200
        assert body.startswith(whole_events)
        last = body.removeprefix(whole_events)
        assert last.startswith(b"data: ")
        assert last.endswith(b"\n\n")
        error = error_of(last.removeprefix(b"data: "))
        assert error["code"] == code
        assert rig.spec.name in error["message"]
        assert b"[DONE]" not in body
        assert (rig.finished[-1].outcome, rig.finished[-1].fault) == ("incomplete", code)
    assert rig.provider.in_flight == 0


async def test_a_plain_answer_that_breaks_off_is_an_error_not_half_an_answer(rig: RowRig) -> None:
    for operation in DIALECTS.keys() & rig.spec.operations:
        for then in (Then.CLOSE, Then.RESET):
            rig.upstream.script(Play("half an answer", after=0, then=then))
            answer = await rig.ask(operation)
            assert (answer.status, error_of(answer.body)["code"]) == (502, "upstream_truncated")


async def test_an_error_in_a_good_status_is_an_error_for_the_client_too(rig: RowRig) -> None:
    for operation, stream in asks(rig.spec):
        rig.upstream.script(plays.RATE_LIMIT_BODY)
        answer = await rig.ask(operation, stream=stream)
        assert (answer.status, error_of(answer.body)["code"]) == (429, "rate_limit_exceeded")
        rig.upstream.script(plays.ERROR_FIRST if stream else plays.ERROR_BODY)
        answer = await rig.ask(operation, stream=stream)
        assert (answer.status, error_of(answer.body)["code"]) == (502, "provider_error")


async def test_a_row_that_cannot_be_reached_says_so(rig: RowRig) -> None:
    rig.upstream.kill()
    for operation, stream in asks(rig.spec):
        answer = await rig.ask(operation, stream=stream)
        assert (answer.status, error_of(answer.body)["code"]) == (502, "provider_unreachable")
    assert json.loads(answer.body)["error"]["message"].startswith(rig.spec.name)
