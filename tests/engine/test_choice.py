import json

import pytest

from app.dialects import openai_chat, openai_embeddings, responses
from app.domain.chat import ApiRequest
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.models import ModelInfo
from app.engine.bus import Bus
from app.engine.choice import Chooser, longer
from app.engine.provider import Provider
from app.engine.quotas import Limits
from app.engine.router import Routing
from app.providers.registry import Registry
from app.store.settings import Settings
from engine.rig import make_provider

USER = {"role": "user", "content": "hello"}
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def provider(provider_id: str, *capabilities: str, context: int | None = None, **settings: object) -> Provider:
    made = make_provider(Bus(), provider_id, "http://127.0.0.1:9/v1", **settings)
    made.catalogue.replace((ModelInfo("m", context_length=context, capabilities=capabilities),))
    return made


def chat(*messages: object, **more: object) -> ApiRequest:
    return openai_chat.parse_request(json.dumps({"model": "m", "messages": list(messages) or [USER]} | more).encode())


def ids(chooser: Chooser, request: ApiRequest) -> list[str]:
    choice = chooser.choose(request, "client")
    choice.asked(choice.candidates[0])
    return [c.provider.id for c in choice.candidates]


def choosing(*providers: Provider, **routing: object) -> Chooser:
    rules = Routing(providers, **routing)
    return Chooser(lambda: rules)


def test_keys_of_equal_priority_share_the_load_whatever_the_strategy() -> None:
    for strategy in ("priority", "round_robin", "weighted", "least_busy", "least_latency", "lowest_cost"):
        chooser = choosing(provider("a"), provider("b"), strategy=strategy)
        assert [ids(chooser, chat())[0] for _ in range(4)] == ["a", "b", "a", "b"], strategy


def test_one_that_is_down_costs_the_others_no_fairness() -> None:
    down = provider("b")
    chooser = choosing(provider("a"), down, provider("c"))
    down.failed(Fault(FaultKind.UNREACHABLE, "down"))
    firsts = [ids(chooser, chat())[0] for _ in range(6)]
    assert (firsts.count("a"), firsts.count("c")) == (3, 3)
    assert ids(chooser, chat())[-1] == "b"


def test_the_turn_is_used_up_by_whoever_is_asked_not_by_who_was_to_be() -> None:
    chooser = choosing(provider("a"), provider("b"), provider("c"))
    asked = []
    for _ in range(6):
        choice = chooser.choose(chat())
        first = next(c for c in choice.candidates if c.provider.id != "a")
        choice.asked(first)
        choice.asked(choice.candidates[-1])
        asked.append(first.provider.id)
    assert "".join(asked) == "bcbcbc"


def turn(chooser: Chooser, *messages: object) -> str:
    choice = chooser.choose(chat(*messages), "client")
    choice.asked(choice.candidates[0])
    choice.answered(choice.candidates[0], 10.0)
    return choice.candidates[0].provider.id


ANSWER = {"role": "assistant", "content": "hi"}


def test_a_conversation_stays_with_the_provider_that_answered_it_last() -> None:
    chooser = choosing(provider("a"), provider("b"))
    first = turn(chooser, USER)
    assert [turn(chooser, USER, ANSWER, *[USER] * n) for n in range(1, 6)] == [first] * 5
    assert chooser.choose(chat(USER, ANSWER), "client").candidates[0].reason == "it answered this conversation last"


def test_without_affinity_it_takes_turns_like_everything_else() -> None:
    chooser = choosing(provider("a"), provider("b"), affinity=False)
    assert [turn(chooser, USER, ANSWER) for _ in range(4)] == ["a", "b", "a", "b"]


def test_a_conversation_leaves_a_provider_that_is_down_and_stays_with_the_next() -> None:
    a, b = provider("a"), provider("b")
    chooser = choosing(a, b)
    assert turn(chooser, USER) == "a"
    a.failed(Fault(FaultKind.UNREACHABLE, "down"))
    assert turn(chooser, USER, ANSWER) == "b"
    a.answered(1.0)
    assert turn(chooser, USER, ANSWER) == "b"


def test_a_conversation_never_holds_on_to_a_lower_priority() -> None:
    a, b = provider("a", priority=1), provider("b", priority=2)
    chooser = choosing(a, b)
    a.failed(Fault(FaultKind.UNREACHABLE, "down"))
    assert turn(chooser, USER) == "b"
    a.answered(1.0)
    assert turn(chooser, USER, ANSWER) == "a"


def test_who_says_it_has_no_tools_or_no_vision_is_not_asked_for_them() -> None:
    chooser = choosing(provider("blind", "chat", "tools"), provider("seeing", "chat", "tools", "vision"))
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}]}
    assert set(ids(chooser, chat())) == {"blind", "seeing"}
    choice = chooser.choose(chat(picture))
    assert [c.provider.id for c in choice.candidates] == ["seeing"]
    assert [(s.candidate.provider.id, s.why) for s in choice.skipped] == [("blind", "its list says it has no vision")]
    toolless = choosing(provider("plain", "vision"), provider("able", "tools"))
    assert ids(toolless, chat(tools=TOOLS)) == ["able"]


def test_a_list_that_says_little_excludes_nobody() -> None:
    assert set(ids(choosing(provider("a", "chat"), provider("b", "tools")), chat(tools=TOOLS))) == {"a", "b"}
    assert set(ids(choosing(provider("a"), provider("b", "tools")), chat(tools=TOOLS))) == {"a", "b"}


def test_when_nobody_claims_it_everybody_is_asked_all_the_same() -> None:
    chooser = choosing(provider("a", "vision"), provider("b", "vision"))
    assert set(ids(chooser, chat(tools=TOOLS))) == {"a", "b"}


def test_embeddings_and_chat_do_not_mix() -> None:
    chooser = choosing(provider("talks", "chat", "tools"), provider("embeds", "embeddings"))
    assert ids(chooser, chat()) == ["talks"]
    assert ids(chooser, openai_embeddings.parse_request(b'{"model":"m","input":"x"}')) == ["embeds"]


def test_a_long_prompt_goes_to_a_longer_context_first() -> None:
    chooser = choosing(provider("short", context=1000, priority=1), provider("long", context=100_000, priority=2))
    assert ids(chooser, chat()) == ["short", "long"]
    assert ids(chooser, chat({"role": "user", "content": "word " * 2000})) == ["long", "short"]


def test_those_with_a_longer_context_are_known() -> None:
    found = choosing(provider("a", context=10), provider("b", context=20), provider("c")).choose(chat()).candidates
    a = next(c for c in found if c.provider.id == "a")
    assert [c.provider.id for c in longer(found, a)] == ["b"]
    c = next(c for c in found if c.provider.id == "c")
    assert longer(found, c) == []


async def test_a_provider_at_its_own_limit_is_asked_last_and_waited_for_only_then() -> None:
    limits = Limits()
    row = {"kind": "x", "limits": {"requests_per_minute": 1}}
    limits.apply(Settings.model_validate({"limits": {"queue_s": 0.01}, "providers": [{"id": "a"} | row]}))
    chooser = choosing(provider("a"), provider("b", priority=2), limits=limits)
    choice = chooser.choose(chat())
    assert [c.provider.id for c in choice.candidates] == ["a", "b"]
    turn = await choice.turn(choice.candidates[0])
    assert turn is not None
    turn.settle(None)
    assert await choice.turn(choice.candidates[1]) is None
    assert ids(chooser, chat()) == ["b", "a"]
    with pytest.raises(FaultError) as caught:
        await choice.turn(choice.candidates[0])
    assert (caught.value.fault.kind, caught.value.fault.provider) == (FaultKind.RATE_LIMITED, "a")


def test_what_a_provider_keeps_is_asked_of_it_alone() -> None:
    chooser = choosing(*(provider(one, kind="openai-compatible") for one in ("a", "b")))
    for one in chooser._routing().providers:
        one.spec = Registry.load(lambda: ()).get("responses-compatible")
    asked = responses.parse_request(b'{"model":"m","input":"x","previous_response_id":"resp_1"}')
    assert ids(chooser, asked) == ["a", "b"]
    chooser.kept.keep(("resp_1",), "b")
    choice = chooser.choose(asked)
    assert [c.provider.id for c in choice.candidates] == ["b"]
    assert [(one.candidate.provider.id, "keeps" in one.why) for one in choice.skipped] == [("a", True)]
    chooser.kept.keep(("resp_1",), "gone")
    with pytest.raises(FaultError, match="does not offer m") as refused:
        chooser.choose(asked)
    assert refused.value.fault.kind is FaultKind.INVALID_REQUEST


def test_nobody_keeps_responses() -> None:
    asked = responses.parse_request(b'{"model":"m","input":"x","previous_response_id":"resp_1"}')
    with pytest.raises(FaultError, match="whole conversation as `input`") as refused:
        choosing(provider("a")).choose(asked)
    assert refused.value.fault.status == 404
