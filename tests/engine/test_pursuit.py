"""Who is asked, asked again, waited for and passed over; what the client is told of it is in test_relay.py."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.domain.chat import Answer
from app.domain.faults import Fault, FaultKind
from app.domain.models import ModelInfo
from app.domain.status import BreakerState
from app.domain.usage import NO_USAGE
from app.engine import guard as guard_module
from app.engine.retries import Retries
from app.engine.router import Candidate
from app.store.ledger_rows import spent_nothing
from app.store.settings import Routing as RoutingSettings
from engine.rig import Rig, read
from faults import plays
from faults.play import Play
from faults.upstream import FaultyUpstream

MakeRig = Callable[..., Rig]


def header(answer: Answer, name: str) -> str | None:
    return next((value.decode() for key, value in answer.headers if key.decode() == name), None)


def code(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"]["code"])


async def test_the_breaker_counts_attempts_and_leaves_a_failing_provider_alone(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.script(plays.SERVER_ERROR)
    for _ in range(10):
        rig.providers[0].answered(1.0)  # a probe, which shows no more than that it can be reached
        assert (await rig.ask()).status == 200
    assert rig.providers[0].status().breaker is BreakerState.OPEN
    assert len(first.posts) == 5, "each attempt counts, not each request"
    assert len(second.posts) == 10
    assert rig.finished[-1].skipped[0].provider == "first"


@pytest.mark.parametrize(
    ("play", "latency_ms"),
    [(plays.SERVER_ERROR, None), (plays.BAD_REQUEST, 100.0), (plays.CONTEXT_LENGTH, 100.0)],
    ids=str,
)
async def test_what_only_the_client_can_mend_says_nothing_of_how_fast_a_provider_is(
    rig: Rig, first: FaultyUpstream, play: Play, latency_ms: float | None
) -> None:
    balance, call = rig.relay.chooser.balance, rig.call()
    fast = Candidate(rig.providers[0], "demo", "")
    balance.answered(fast, call.request, 100.0)
    first.script(play)
    await rig.relay.handle(call)
    assert balance.latency_ms(fast, stream=False) == latency_ms


@pytest.mark.parametrize(("wanted", "status", "asked"), [(False, 400, 0), (True, 200, 1)])
async def test_what_a_content_filter_refuses_goes_on_only_if_the_user_says_so(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, wanted: bool, status: int, asked: int
) -> None:
    rig.settings = RoutingSettings(content_filter_next=wanted)
    first.script(plays.CONTENT_FILTER)
    assert (await rig.ask()).status == status
    assert (len(first.posts), len(second.posts)) == (1, asked)


async def test_the_filter_of_the_only_provider_has_the_last_word(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    rig.settings = RoutingSettings(content_filter_next=True)
    first.script(plays.CONTENT_FILTER)
    answer = await rig.ask()
    assert (answer.status, code(answer)) == (400, "content_filter")


async def test_never_a_wall_the_first_to_recover_is_asked_but_at_most_once_per_15_s(
    make_rig: MakeRig, first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(first)
    first.script(plays.SERVER_ERROR)
    for _ in range(5):
        await rig.ask()
    asked = len(first.posts)
    refused = await rig.ask()
    assert (refused.status, code(refused), len(first.posts)) == (503, "provider_unavailable", asked)
    assert 1 <= int(header(refused, "retry-after") or "0") <= 15
    monkeypatch.setattr(guard_module, "PROBE_S", 0.0)
    first.script(plays.OK)
    assert (await rig.ask()).status == 200
    assert rig.providers[0].guard.breaker.state is BreakerState.HALF_OPEN
    assert (await rig.ask()).status == 200
    assert rig.providers[0].guard.breaker.state is BreakerState.CLOSED


async def test_a_reset_far_ahead_is_no_wall(
    make_rig: MakeRig, first: FaultyUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(first)
    first.script(plays.rate_limit(str(18 * 24 * 3600)), plays.OK)
    assert (await rig.ask()).status == 429
    refused = await rig.ask()
    assert (refused.status, len(first.posts)) == (429, 1)
    monkeypatch.setattr(guard_module, "PROBE_S", 0.0)
    assert (await rig.ask()).status == 200
    assert rig.providers[0].status().cooling_until is None


async def test_a_retry_after_is_waited_for_when_nobody_else_can_answer(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first)
    rig.settings = RoutingSettings()
    first.script(plays.rate_limit("0.5"), plays.OK)
    answer = await rig.ask()
    assert answer.status == 200
    assert first.posts[1].at_s - first.posts[0].at_s >= 1.0, "never less than a second"


async def test_a_retry_after_is_not_waited_for_when_somebody_else_can_answer(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    rig.settings = RoutingSettings()
    first.script(plays.RATE_LIMIT)
    for _ in range(3):
        answer = await rig.ask()
        assert header(answer, "x-switchtower-provider") == "second"
    assert len(first.posts) == 1


@pytest.mark.parametrize(
    ("play", "waits_s"),
    [
        (plays.rate_limit("3"), 3.0),
        (plays.rate_limit("0.5"), 1.0),
        (plays.rate_limit(retry_after_ms="1500"), 1.5),
        (plays.rate_limit("-1"), None),
        (plays.rate_limit("soon"), None),
        (plays.rate_limit("Wed, 21 Oct 2015 07:28:00 GMT"), None),
        (plays.rate_limit("99999"), None),
        (plays.rate_limit(), None),
    ],
)
async def test_every_form_of_retry_after(
    make_rig: MakeRig, first: FaultyUpstream, play: Any, waits_s: float | None
) -> None:
    rig = make_rig(first)
    rig.settings = RoutingSettings()
    slept: list[float] = []
    rig.retries._sleep = sleeper(slept)
    first.script(play)
    assert (await rig.ask()).status == 429
    if waits_s is None:
        assert slept == []
    else:
        assert slept[0] == pytest.approx(waits_s, abs=0.3)
        assert min(slept) >= 0


async def test_whoever_recovers_while_another_is_tried_is_asked_after_all(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    guard, slept = rig.providers[0].guard, []
    guard.failed(guard.enter("demo"), Fault(FaultKind.RATE_LIMITED, "x", provider="first", retry_after_s=30.0))

    async def sleep(s: float) -> None:
        slept.append(s)
        guard.try_now()

    rig.retries._sleep = sleep
    second.script(plays.SERVER_ERROR)
    answer = await rig.ask()
    assert (answer.status, header(answer, "x-switchtower-provider")) == (200, "first")
    assert [attempt.provider for attempt in rig.finished[0].attempts] == ["second", "second", "first"]
    assert (len(slept), len(rig.retries._retries_s)) == (1, 1), "the second one's pause and retry, and no more"


async def test_a_provider_that_is_retired_while_it_is_waited_for_is_not_asked_again(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first)
    rig.settings = RoutingSettings()

    async def sleep(s: float) -> None:
        await rig.providers[0].retire()

    rig.retries._sleep = sleep
    first.script(plays.rate_limit("1"))
    answer = await rig.ask()
    assert (answer.status, len(first.posts)) == (429, 1)
    assert rig.providers[0]._client is None
    assert "was removed" in rig.finished[0].skipped[0].reason


def sleeper(slept: list[float]) -> Callable[[float], Any]:
    async def sleep(s: float) -> None:
        slept.append(s)
        await asyncio.sleep(0)

    return sleep


async def test_a_herd_that_waits_for_one_provider_does_not_come_back_as_one(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first, retry={"base_s": 0.5})
    rig.settings = RoutingSettings()
    slept: list[float] = []
    rig.retries._sleep = sleeper(slept)
    provider = rig.providers[0]
    limited = Fault(FaultKind.RATE_LIMITED, "x", provider="first", retry_after_s=3.0)
    provider.guard.failed(provider.guard.enter("demo"), limited)
    await asyncio.gather(*(rig.ask() for _ in range(100)))
    first_waits = slept[:100]
    bins = [int(s / 0.05) for s in first_waits]
    assert max(bins.count(number) for number in set(bins)) <= 15


async def test_retries_stay_within_their_budget(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first, breaker={"consecutive_failures": 1000, "minimum_calls": 1000})
    first.script(plays.SERVER_ERROR)
    for _ in range(40):
        await rig.ask()
    assert len(first.posts) == 40 + 8


async def test_a_conversation_that_is_too_long_goes_to_a_larger_model_only(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.script(plays.CONTEXT_LENGTH)
    rig.providers[0].catalogue.replace((ModelInfo("demo", context_length=8192),))
    rig.providers[1].catalogue.replace((ModelInfo("demo", context_length=4096),))
    small = await rig.ask()
    assert (small.status, code(small), len(second.posts)) == (400, "context_length_exceeded", 0)
    rig.providers[1].catalogue.replace((ModelInfo("demo", context_length=200_000),))
    large = await rig.ask()
    assert (large.status, header(large, "x-switchtower-provider")) == (200, "second")


async def test_when_the_larger_model_fails_too_the_client_hears_of_the_length(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream
) -> None:
    first.script(plays.CONTEXT_LENGTH)
    second.script(plays.SERVER_ERROR)
    rig.providers[0].catalogue.replace((ModelInfo("demo", context_length=8192),))
    rig.providers[1].catalogue.replace((ModelInfo("demo", context_length=200_000),))
    answer = await rig.ask()
    assert (answer.status, code(answer)) == (400, "context_length_exceeded")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_parameter_is_left_out_once_and_remembered(
    make_rig: MakeRig, first: FaultyUpstream, stream: bool
) -> None:
    rig = make_rig(first)
    first.script(plays.UNSUPPORTED_PARAMETER, plays.OK)
    answer = await rig.ask(temperature=0.5, seed=7, stream=stream)
    assert answer.status == 200
    assert header(answer, "x-switchtower-dropped-params") == "temperature"
    if stream:
        await read(answer)
    assert "temperature" not in first.posts[1].json
    assert first.posts[1].json["seed"] == 7
    again = await rig.ask(temperature=0.5)
    assert header(again, "x-switchtower-dropped-params") == "temperature"
    assert len(first.posts) == 3
    assert header(await rig.ask(), "x-switchtower-dropped-params") is None


async def test_only_one_repair_per_request(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    first.script(plays.UNSUPPORTED_PARAMETER, plays.UNSUPPORTED_PARAMETER.but(
        body=plays.UNSUPPORTED_PARAMETER.body.replace(b"temperature", b"seed"))
    )  # fmt: skip
    answer = await rig.ask(temperature=0.5, seed=7)
    assert (answer.status, code(answer), len(first.posts)) == (400, "unsupported_parameter", 2)


async def test_a_parameter_that_is_not_optional_is_not_left_out(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    first.script(plays.UNSUPPORTED_PARAMETER.but(
        body=plays.UNSUPPORTED_PARAMETER.body.replace(b"temperature", b"tools"))
    )  # fmt: skip
    answer = await rig.ask(tools=[])
    assert (answer.status, len(first.posts)) == (400, 1)


async def test_stream_options_of_our_own_are_left_out_when_they_are_refused(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first)
    refused = plays.error(400, "Unrecognized request argument supplied: stream_options", None)
    first.script(refused, plays.OK)
    answer = await rig.ask(stream=True)
    assert b"[DONE]" in await read(answer)
    assert "stream_options" in first.posts[0].json
    assert "stream_options" not in first.posts[1].json
    assert header(answer, "x-switchtower-dropped-params") is None, "the client had not sent it"


async def test_a_parameter_under_its_other_name(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    first.script(
        plays.error(400, "Use 'max_completion_tokens' instead.", "unsupported_parameter", param="max_tokens"), plays.OK
    )
    assert (await rig.ask(max_tokens=5)).status == 200
    assert first.posts[1].json["max_completion_tokens"] == 5


async def test_comments_after_the_first_content_do_not_keep_a_stream_alive_for_ever(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first, timeouts={"idle_s": 0.3})
    first.script(plays.COMMENTS.but(after=2))
    text = await read(await rig.ask(stream=True))
    assert b"upstream_stalled" in text
    assert b"[DONE]" not in text
    first.script(plays.DRIP.but(after=2))
    assert b"upstream_stalled" in await read(await rig.ask(stream=True))


async def test_a_request_that_comes_back_to_us_is_refused(rig: Rig, first: FaultyUpstream) -> None:
    import dataclasses

    from app.engine import hops

    call = dataclasses.replace(rig.call(), hops=f"other, {hops.MARK}")
    answer = await rig.relay.handle(call)
    assert (answer.status, code(answer), len(first.posts)) == (503, "provider_config_error", 0)
    await rig.relay.handle(dataclasses.replace(rig.call(), hops="other"))
    assert first.posts[0].header(hops.HEADER) == f"other, {hops.MARK}"


async def test_a_provider_without_the_model_has_its_list_fetched_again(rig: Rig, first: FaultyUpstream) -> None:
    first.script(plays.MODEL_NOT_FOUND)
    await rig.ask()
    await rig.ask()
    assert rig.refreshed == [rig.providers[0]]
    assert len(first.posts) == 1, "it is not asked for that model again for a while"


async def test_many_clients_that_go_away_open_no_breaker(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    first.script(plays.HANG)
    for _ in range(12):
        seen = len(first.posts)
        task = asyncio.get_running_loop().create_task(rig.ask())
        await first.wait(lambda seen=seen: len(first.posts) == seen + 1)
        task.cancel()
        await asyncio.wait({task})
    assert rig.providers[0].guard.breaker.state is BreakerState.CLOSED
    assert not rig.means.running


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("retry_after", "status"), [("5", 429), (None, 500)])
async def test_a_client_that_leaves_while_we_wait_or_pause_pays_nothing_for_the_refusal(
    make_rig: MakeRig, first: FaultyUpstream, retry_after: str | None, status: int, stream: bool
) -> None:
    rig, waiting = make_rig(first), asyncio.Event()
    rig.settings = RoutingSettings()

    async def sleep(s: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    rig.retries._sleep = sleep
    first.script(plays.rate_limit(retry_after) if status == 429 else plays.SERVER_ERROR)
    asking = asyncio.get_running_loop().create_task(rig.ask(stream=stream))
    await waiting.wait()
    asking.cancel()
    await asyncio.wait({asking})
    event = rig.finished[0]
    assert (event.outcome, event.provider, event.usage, event.estimate) == ("cancelled", "first", NO_USAGE, None)
    assert spent_nothing(event)


async def test_a_client_that_leaves_while_a_provider_works_is_charged_an_estimate(
    make_rig: MakeRig, first: FaultyUpstream
) -> None:
    rig = make_rig(first)
    first.script(plays.HANG)
    asking = asyncio.get_running_loop().create_task(rig.ask())
    await first.wait(lambda: len(first.posts) == 1)
    asking.cancel()
    await asyncio.wait({asking})
    assert rig.finished[0].estimate is not None
    assert not spent_nothing(rig.finished[0])


def test_the_means_share_one_budget(rig: Rig) -> None:
    assert isinstance(rig.means.retries, Retries)


@pytest.mark.parametrize("retry_after", ["3600", "2"])
async def test_a_used_up_quota_is_never_waited_for_and_its_end_is_told(
    make_rig: MakeRig, first: FaultyUpstream, retry_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(first)
    rig.settings = RoutingSettings()
    monkeypatch.setattr(rig.retries, "wait", lambda *_: pytest.fail("it was waited for"))
    first.script(plays.QUOTA.but(headers=(("retry-after", retry_after),)))
    for _ in range(2):
        answer = await rig.ask()
        assert (answer.status, code(answer)) == (429, "insufficient_quota")
        assert header(answer, "x-should-retry") == "false"
        assert int(retry_after) - 1 <= int(header(answer, "retry-after") or 0) <= int(retry_after)
    assert len(first.posts) == 1


async def test_the_end_of_a_quota_that_nobody_named_is_not_told(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    first.script(plays.QUOTA)
    for _ in range(2):
        assert header(await rig.ask(), "retry-after") is None


@pytest.mark.parametrize(("repeated", "calls"), [(False, 2), (True, 1)])
async def test_what_a_client_repeats_is_not_tried_twice_by_us_too(
    rig: Rig, first: FaultyUpstream, repeated: bool, calls: int
) -> None:
    first.script(plays.SERVER_ERROR)
    answer = await rig.relay.handle(replace(rig.call(), repeated=repeated))
    assert (answer.status, header(answer, "x-switchtower-provider")) == (200, "second")
    assert len(first.posts) == calls


async def test_a_fresh_connection_is_tried_for_repeated_ones_too(make_rig: MakeRig, first: FaultyUpstream) -> None:
    rig = make_rig(first)
    first.script(plays.DISCONNECT, plays.OK)
    assert (await rig.relay.handle(replace(rig.call(), repeated=True))).status == 200
