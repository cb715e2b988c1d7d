import asyncio
import json
from collections.abc import Callable

import pytest

from app.domain.chat import Operation
from app.domain.events import RequestStarted
from app.domain.faults import Fault, FaultKind
from app.domain.status import HealthState
from app.engine import relay as relay_module
from app.engine.attempt import Attempt
from engine.rig import DIALECTS, Rig, read
from faults import plays
from faults.upstream import FaultyUpstream


def header(answer: object, name: str) -> str | None:
    return next((v.decode() for k, v in answer.headers if k.decode() == name), None)


def error(body: bytes) -> dict[str, object]:
    return json.loads(body)["error"]


@pytest.mark.parametrize("operation", sorted(DIALECTS))
async def test_every_operation_is_answered_by_the_first_provider(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, operation: Operation
) -> None:
    answer = await rig.ask(operation=operation)
    assert answer.status == 200
    assert header(answer, "x-switchtower-provider") == "first"
    assert header(answer, "x-switchtower-attempts") == "1"
    assert header(answer, "x-request-id") == "req_test"
    assert json.loads(answer.body)["object"]
    assert (len(first.posts), len(second.posts)) == (1, 0)
    event = rig.finished[0]
    assert (event.operation, event.provider, event.outcome, event.status) == (operation, "first", "ok", 200)
    assert event.usage.input
    assert event.first_byte_ms is not None
    assert rig.providers[0].status().requests == 1


async def test_a_stream_is_forwarded_whole_with_its_usage(rig: Rig, first: FaultyUpstream) -> None:
    answer = await rig.ask(stream=True, stream_options={"include_usage": True})
    text = await read(answer)
    assert text.count(b"data: [DONE]") == 1
    assert b'"usage"' in text
    assert header(answer, "content-type") == "text/event-stream; charset=utf-8"
    event = rig.finished[0]
    assert (event.outcome, event.stream, event.provider) == ("ok", True, "first")
    assert event.usage.output
    assert rig.providers[0].in_flight == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_dead_first_provider_is_invisible(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, stream: bool
) -> None:
    first.kill()
    answer = await rig.ask(stream=stream)
    assert answer.status == 200
    if stream:
        assert b"[DONE]" in await read(answer)
    assert header(answer, "x-switchtower-provider") == "second"
    assert [a.provider for a in rig.finished[0].attempts] == ["first", "first", "second"]
    assert rig.providers[0].state is HealthState.UNREACHABLE
    assert rig.providers[0].status().failures == 2
    assert rig.providers[1].status().input_tokens > 0


@pytest.mark.parametrize(
    ("play", "calls", "status", "code"),
    [
        (plays.BAD_REQUEST, 1, 400, "invalid_request_error"),
        (plays.CONTEXT_LENGTH, 1, 400, "context_length_exceeded"),
        (plays.CONTENT_FILTER, 1, 400, "content_filter"),
        (plays.UNPROCESSABLE, 1, 422, "invalid_request_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_clients_own_mistake_goes_to_nobody_else(
    rig: Rig,
    first: FaultyUpstream,
    second: FaultyUpstream,
    play: object,
    calls: int,
    status: int,
    code: str,
    stream: bool,
) -> None:
    first.script(play)
    answer = await rig.ask(stream=stream)
    assert (answer.status, error(answer.body)["code"]) == (status, code)
    assert header(answer, "x-should-retry") == "false"
    assert (len(first.posts), len(second.posts)) == (calls, 0)
    assert rig.providers[0].state is not HealthState.UNREACHABLE


@pytest.mark.parametrize(
    ("play", "calls"),
    [
        (plays.INVALID_KEY, 1),
        (plays.PAYMENT, 1),
        (plays.QUOTA, 1),
        (plays.RATE_LIMIT, 1),
        (plays.SERVER_ERROR, 2),
        (plays.UNAVAILABLE, 2),
        (plays.BAD_GATEWAY, 2),
        (plays.OVERLOADED, 2),
        (plays.CONFLICT, 2),
        (plays.MODEL_NOT_FOUND, 1),
        (plays.REDIRECT, 1),
        (plays.HTML, 1),
        (plays.MALFORMED_JSON, 1),
        (plays.ERROR_BODY, 2),
        (plays.GARBAGE, 1),
        (plays.DISCONNECT, 2),
        (plays.BAD_GZIP, 1),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_providers_failure_is_mended_by_the_next(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, play: object, calls: int, stream: bool
) -> None:
    first.script(play)
    answer = await rig.ask(stream=stream)
    assert answer.status == 200
    assert header(answer, "x-switchtower-provider") == "second"
    assert (len(first.posts), len(second.posts)) == (calls, 1)


@pytest.mark.parametrize(
    ("play", "status", "code", "retry"),
    [
        (plays.INVALID_KEY, 502, "provider_auth", "false"),
        (plays.QUOTA, 429, "insufficient_quota", "false"),
        (plays.RATE_LIMIT, 429, "rate_limit_exceeded", None),
        (plays.SERVER_ERROR, 502, "provider_error", None),
        (plays.UNAVAILABLE_LATER, 503, "provider_unavailable", None),
        (plays.MODEL_NOT_FOUND, 404, "model_not_found", "false"),
        (plays.CONFLICT, 409, "provider_conflict", None),
    ],
)
async def test_alone_the_fault_is_told_in_the_clients_dialect(
    make_rig: Callable[..., Rig], first: FaultyUpstream, play: object, status: int, code: str, retry: str | None
) -> None:
    rig = make_rig(first)
    first.script(play)
    answer = await rig.ask()
    assert (answer.status, error(answer.body)["code"]) == (status, code)
    assert header(answer, "x-should-retry") == retry
    assert rig.finished[0].fault == code
    assert "first" in str(error(answer.body)["message"])
    assert len(rig.finished) == 1


async def test_the_retry_after_and_rate_limit_headers_of_the_provider_are_passed_on(
    make_rig: Callable[..., Rig], first: FaultyUpstream
) -> None:
    first.script(plays.RATE_LIMIT)
    answer = await make_rig(first).ask()
    assert header(answer, "retry-after") == "3"
    assert header(answer, "x-ratelimit-limit-requests") == "60"


async def test_when_all_fail_the_most_telling_fault_is_shown_and_the_others_named(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.script(plays.RATE_LIMIT)
    second.kill()
    answer = await rig.ask()
    assert answer.status == 429
    assert "second: provider_unreachable" in str(error(answer.body)["message"])


async def test_no_more_attempts_than_the_settings_allow(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    rig.settings = rig.settings.model_copy(update={"max_attempts": 3})
    first.script(plays.SERVER_ERROR)
    second.script(plays.SERVER_ERROR)
    await rig.ask()
    assert len(first.posts) + len(second.posts) == 3


@pytest.mark.parametrize(
    "play",
    [plays.ERROR_LATER, plays.TRUNCATED_CHUNKED, plays.EOF_WITHOUT_FRAMING, plays.NO_FINISH, plays.RESET_LATER],
)
async def test_after_the_first_content_there_is_never_a_second_provider(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, play: object
) -> None:
    first.script(play)
    answer = await rig.ask(stream=True)
    text = await read(answer)
    assert answer.status == 200
    assert b"[DONE]" not in text
    last = text.strip().split(b"\n\n")[-1]
    assert "error" in json.loads(last.removeprefix(b"data: "))
    assert len(second.posts) == 0
    event = rig.finished[0]
    assert (event.outcome, bool(event.fault)) == ("incomplete", True)


@pytest.mark.parametrize("play", [plays.ERROR_FIRST])
async def test_an_error_before_the_first_content_is_invisible(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, play: object
) -> None:
    first.script(play)
    answer = await rig.ask(stream=True)
    assert header(answer, "x-switchtower-provider") == "second"
    assert (await read(answer)).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("play", [plays.HANG, plays.COMMENTS, plays.DRIP])
async def test_a_provider_that_sends_nothing_that_counts_is_given_up(
    make_rig: Callable[..., Rig], first: FaultyUpstream, second: FaultyUpstream, play: object
) -> None:
    rig = make_rig(first, second, timeouts={"first_byte_s": 0.3})
    first.script(play)
    answer = await rig.ask(stream=True)
    assert header(answer, "x-switchtower-provider") == "second"
    await read(answer)


async def test_a_plain_answer_that_does_not_come_ends_with_a_timeout(
    make_rig: Callable[..., Rig], first: FaultyUpstream
) -> None:
    rig = make_rig(first, timeouts={"total_s": 0.2})
    first.script(plays.HANG)
    answer = await rig.ask()
    assert (answer.status, error(answer.body)["code"]) == (504, "upstream_timeout")


async def test_a_silent_stream_gets_its_headers_and_comments_and_may_still_fail_over(
    rig: Rig, first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "KEEPALIVE_S", 0.05)
    first.script(plays.WAIT)
    answer = await rig.ask(stream=True)
    assert answer.status == 200
    assert answer.stream is not None
    assert await anext(answer.stream) == b": keepalive\n\n"
    first.kill()
    rest = await read(answer)
    assert rest.count(b"[DONE]") == 1
    assert rig.finished[0].provider == "second"


async def test_a_silent_stream_that_nobody_can_answer_ends_with_an_error_event(
    make_rig: Callable[..., Rig], first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "KEEPALIVE_S", 0.05)
    rig = make_rig(first)
    first.script(plays.WAIT)
    answer = await rig.ask(stream=True)
    assert await anext(answer.stream) == b": keepalive\n\n"
    first.kill()
    assert b'"error"' in await read(answer)
    assert rig.finished[0].outcome == "failed"


async def test_an_answer_that_comes_while_the_client_leaves_is_over_too(
    make_rig: Callable[..., Rig], first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "KEEPALIVE_S", 0.05)
    rig = make_rig(first)
    provider = rig.providers[0]
    provider.guard.breaker._open()
    provider.guard.try_now()
    first.script(plays.WAIT)
    answer = await rig.ask(stream=True)
    assert await anext(answer.stream) == b": keepalive\n\n"
    first.release()
    while provider.state is not HealthState.HEALTHY:
        await asyncio.sleep(0.01)
    await answer.stream.aclose()
    assert rig.finished[0].outcome == "cancelled"
    assert not rig.means.running
    assert (provider.in_flight, provider.counters.requests) == (0, 1)
    assert provider.guard.breaker.wait_s == 0.0, "the next probe need not wait for this one"


async def test_a_pause_after_the_first_content_is_filled_with_comments(
    rig: Rig, first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "KEEPALIVE_S", 0.05)
    first.script(plays.STALL)
    answer = await rig.ask(stream=True)
    assert answer.stream is not None
    async for chunk in answer.stream:
        if chunk == b": keepalive\n\n":
            break
    await answer.stream.aclose()
    assert rig.finished[0].outcome == "cancelled"


async def test_a_stream_that_stalls_ends_with_an_error_event(
    make_rig: Callable[..., Rig], first: FaultyUpstream
) -> None:
    rig = make_rig(first, timeouts={"idle_s": 0.2})
    first.script(plays.STALL)
    text = await read(await rig.ask(stream=True))
    assert b"upstream_stalled" in text
    assert b"[DONE]" not in text


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_before_any_content_closes_the_upstream(
    rig: Rig, first: FaultyUpstream, stream: bool
) -> None:
    first.script(plays.WAIT)
    task = asyncio.get_running_loop().create_task(rig.ask(stream=stream))
    await first.wait(lambda: len(first.posts) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await first.wait(lambda: first.open_connections == 0)
    assert (rig.finished[0].outcome, rig.finished[0].status) == ("cancelled", 499)
    assert rig.providers[0].in_flight == 0
    assert rig.providers[0].state is HealthState.UNKNOWN


async def test_a_client_that_goes_away_mid_stream_closes_the_upstream(rig: Rig, first: FaultyUpstream) -> None:
    first.script(plays.STALL)
    answer = await rig.ask(stream=True)
    assert await anext(answer.stream)
    await answer.stream.aclose()
    await first.wait(lambda: first.open_connections == 0)
    assert rig.finished[0].outcome == "cancelled"
    assert rig.providers[0].state is HealthState.HEALTHY


async def test_interrupted_streams_get_an_error_event(rig: Rig, first: FaultyUpstream) -> None:
    first.script(plays.STALL)
    answer = await rig.ask(stream=True)
    assert await anext(answer.stream)
    reading = asyncio.get_running_loop().create_task(read(answer))
    await asyncio.sleep(0)
    await rig.relay.interrupt(Fault(FaultKind.SHUTTING_DOWN, "Switchtower is being stopped."))
    assert b"shutting_down" in await reading
    assert rig.finished[0].fault == "shutting_down"


async def test_a_rejected_request_is_accounted_for(rig: Rig) -> None:
    from app.dialects import openai_chat

    fault = Fault(FaultKind.INVALID_REQUEST, "The body is not JSON.", "Send JSON.")
    answer = rig.relay.reject(fault, openai_chat, request_id="r9", client="ide", operation=Operation.EMBEDDINGS)
    assert answer.status == 400
    event = rig.finished[0]
    assert (event.request_id, event.client, event.operation, event.fault) == (
        "r9", "ide", Operation.EMBEDDINGS, "invalid_request",
    )  # fmt: skip


async def test_a_client_is_never_told_to_come_back_too_early(rig: Rig) -> None:
    from app.dialects import openai_chat

    fault = Fault(FaultKind.RATE_LIMITED, "The limit is reached.", retry_after_s=1.4)
    assert header(rig.relay.reject(fault, openai_chat, request_id="r9", client="ide"), "retry-after") == "2"


async def test_an_unexpected_exception_becomes_one_clear_500_and_one_row(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: object, client: str) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(rig.relay.chooser, "choose", broken)
    answer = await rig.ask()
    assert (answer.status, error(answer.body)["code"]) == (500, "internal_error")
    assert "boom" not in answer.body.decode()
    assert len(rig.finished) == 1
    assert "request failed unexpectedly id=req_test" in caplog.text


async def test_an_unexpected_exception_in_a_stream_ends_it_with_an_error_event_and_one_row(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(attempt: Attempt, wait_s: float) -> bytes:
        raise TypeError("boom")

    monkeypatch.setattr(Attempt, "more", broken)
    text = await read(await rig.ask(stream=True))
    assert json.loads(text.rpartition(b"data: ")[2])["error"]["code"] == "internal_error"
    assert b"boom" not in text
    assert [(event.outcome, event.fault) for event in rig.finished] == [("incomplete", "internal_error")]
    assert "request failed unexpectedly id=req_test" in caplog.text
    assert rig.providers[0].in_flight == 0


async def test_a_request_is_announced_when_it_starts(rig: Rig) -> None:
    await rig.ask()
    assert isinstance(rig.events[0], RequestStarted)
