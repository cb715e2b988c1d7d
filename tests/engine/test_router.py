import pytest

from app.domain.chat import ApiRequest, Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.models import Alias, ModelInfo, ModelRef
from app.engine.bus import Bus
from app.engine.choice import Chooser
from app.engine.provider import Provider
from app.engine.router import Candidate, Routing
from engine.rig import make_provider

CHAT = Operation.CHAT


def provider(provider_id: str, *models: str, lists: tuple[str, ...] | None = None, **settings: object) -> Provider:
    made = make_provider(Bus(), provider_id, "http://127.0.0.1:9/v1", models=list(models), **settings)
    if lists is not None:
        made.catalogue.replace(tuple(ModelInfo(name) for name in lists))
    return made


def candidates(model: str, operation: Operation, routing: Routing) -> list[Candidate]:
    request = ApiRequest(operation, model, stream=False, body=b"{}")
    return Chooser(lambda: routing).choose(request).candidates


def chosen(model: str, *providers: Provider, **routing: object) -> list[tuple[str, str]]:
    return [(c.provider.id, c.model) for c in candidates(model, CHAT, Routing(providers, **routing))]


def refused(model: str, *providers: Provider, **routing: object) -> Fault:
    with pytest.raises(FaultError) as caught:
        candidates(model, CHAT, Routing(providers, **routing))
    return caught.value.fault


def test_a_bare_name_goes_to_everybody_who_lists_it_by_priority() -> None:
    a, b, c = provider("a", "m", priority=2), provider("b", "m", priority=1), provider("c", "other")
    assert chosen("m", a, b, c) == [("b", "m"), ("a", "m")]


def test_equal_priorities_make_one_tier_in_the_order_of_the_settings() -> None:
    assert chosen("m", provider("z", "m"), provider("a", "m")) == [("z", "m"), ("a", "m")]
    tiers = Routing((provider("z", "m"), provider("b", "m", priority=0), provider("a", "m"))).plan("m", CHAT).tiers
    assert [[c.provider.id for c in tier.candidates] for tier in tiers] == [["b"], ["z", "a"]]


def test_an_alias_with_a_strategy_of_its_own_shares_among_all_its_targets() -> None:
    alias = Alias("fast", (ModelRef("a", "x"), ModelRef("b", "y")), "round_robin")
    routing = Routing((provider("a", "x", priority=2), provider("b", "y")), {"fast": alias})
    (tier,) = routing.plan("fast", CHAT).tiers
    assert [c.model for c in tier.candidates] == ["x", "y"]


def test_a_plan_is_made_once_and_again_when_a_list_changes() -> None:
    a, b = provider("a", lists=("m",)), provider("b", lists=())
    routing = Routing((a, b))
    first = routing.plan("m", CHAT)
    assert routing.plan("m", CHAT) is first
    b.catalogue.replace((ModelInfo("m"),))
    assert [c.provider.id for c in routing.plan("m", CHAT).tiers[0].candidates] == ["a", "b"]


def test_a_refusal_is_kept_until_a_list_changes() -> None:
    a = provider("a", lists=())
    routing = Routing((a,))
    for _ in range(2):
        with pytest.raises(FaultError, match="No provider has the model"):
            routing.plan("m", CHAT)
    a.catalogue.replace((ModelInfo("m"),))
    assert routing.plan("m", CHAT).tiers[0].candidates[0].model == "m"


def test_a_provider_whose_models_are_unknown_is_asked_last() -> None:
    assert chosen("m", provider("unknown", priority=0), provider("sure", "m")) == [("sure", "m"), ("unknown", "m")]


def test_a_provider_that_is_down_is_asked_last_but_never_refused() -> None:
    a, b = provider("a", "m", priority=0), provider("b", "m", priority=1)
    a.failed(Fault(FaultKind.UNREACHABLE, "down"))
    assert chosen("m", a, b) == [("b", "m"), ("a", "m")]
    b.failed(Fault(FaultKind.UNREACHABLE, "down"))
    assert chosen("m", a, b) == [("a", "m"), ("b", "m")]


def test_a_pinned_name_goes_to_that_provider_only_even_when_it_does_not_list_it() -> None:
    assert chosen("a/new", provider("a", lists=("old",)), provider("b", "a/new")) == [("a", "new")]


def test_a_name_with_a_slash_that_pins_nobody_is_a_bare_name() -> None:
    assert chosen("meta/llama", provider("a", "meta/llama")) == [("a", "meta/llama")]


def test_a_pinned_name_outside_the_models_of_the_settings_is_refused() -> None:
    fault = refused("a/other", provider("a", "mine"))
    assert fault.kind is FaultKind.MODEL_NOT_FOUND
    assert "a/mine" in fault.remedy


def test_names_are_mapped_to_what_the_provider_calls_them() -> None:
    a = provider("a", lists=("real",), model_map={"mine": "real"})
    assert chosen("mine", a) == [("a", "real")]
    assert chosen("a/mine", a) == [("a", "real")]


def test_an_alias_is_expanded_in_its_own_order() -> None:
    alias = Alias("fast", (ModelRef("b", "y"), ModelRef("gone", "z"), ModelRef("a", "x")))
    assert chosen("fast", provider("a", "x"), provider("b", "y"), aliases={"fast": alias}) == [("b", "y"), ("a", "x")]


def test_an_alias_skips_targets_that_are_off_and_says_why_when_none_is_left() -> None:
    alias = Alias("fast", (ModelRef("a", "x"), ModelRef("b", "y")))
    off, on = provider("a", "x", enabled=False), provider("b", "y")
    assert chosen("fast", off, on, aliases={"fast": alias}) == [("b", "y")]
    assert refused("fast", off, aliases={"fast": alias}).kind is FaultKind.PROVIDER_DISABLED


def test_an_alias_whose_providers_are_all_gone_is_not_found() -> None:
    alias = Alias("fast", (ModelRef("gone", "x"),))
    assert refused("fast", provider("a", "m"), aliases={"fast": alias}).kind is FaultKind.MODEL_NOT_FOUND


def test_a_disabled_provider_gets_nothing_and_the_error_names_the_remedy() -> None:
    off = provider("a", "m", enabled=False)
    assert chosen("m", off, provider("b", "m")) == [("b", "m")]
    for asked in ("m", "a/m"):
        fault = refused(asked, off)
        assert fault.kind is FaultKind.PROVIDER_DISABLED
        assert "switchtower providers enable a" in fault.remedy


def test_a_provider_with_a_problem_says_so() -> None:
    keyless = provider("a", "m")
    keyless.problem = Fault(FaultKind.NEEDS_KEY, "a has no key.", "Paste one.")
    assert refused("m", keyless) == keyless.problem
    assert refused("a/m", keyless) == keyless.problem
    assert chosen("m", keyless, provider("b", "m")) == [("b", "m")]


def test_when_everybody_is_off_the_first_reason_is_told_whatever_the_model() -> None:
    assert refused("unheard", provider("a", enabled=False)).kind is FaultKind.PROVIDER_DISABLED


def test_the_forced_provider_alone_is_asked() -> None:
    a, b = provider("a", "m", priority=0), provider("b", "m", priority=1)
    assert chosen("m", a, b, forced="b") == [("b", "m")]
    fault = refused("a/m", a, b, forced="b")
    assert fault.kind is FaultKind.PROVIDER_DISABLED
    assert "Automatic" in fault.remedy


def test_a_name_that_only_others_have_names_the_remedy_for_the_forced_provider() -> None:
    fault = refused("gpt-5", provider("a", "gpt-4"), provider("b", "gpt-5"), forced="a")
    assert fault.kind is FaultKind.MODEL_NOT_FOUND
    assert fault.message == "Only a is in use, which does not have the model 'gpt-5'."
    assert fault.remedy == "Choose Use only ▸ Automatic in the tray. Nearest names: gpt-4."


def test_a_name_nobody_has_names_the_three_nearest_and_who_is_not_in_use() -> None:
    fault = refused("gpt-5-mni", provider("a", "gpt-5-mini", "gpt-5", "gpt-4"), provider("b", "x", enabled=False))
    assert fault.kind is FaultKind.MODEL_NOT_FOUND
    assert fault.param == "model"
    assert fault.remedy.startswith("Nearest names: gpt-5-mini")
    assert "Not in use: b." in fault.remedy


def test_without_any_provider_the_remedy_is_to_add_one() -> None:
    fault = refused("m")
    assert fault.kind is FaultKind.NO_PROVIDER
    assert "providers add" in fault.remedy


def test_a_provider_that_does_not_offer_the_operation_is_passed_over() -> None:
    import dataclasses

    chat_only = provider("a", "m")
    chat_only.spec = dataclasses.replace(chat_only.spec, operations=frozenset({Operation.CHAT}))
    both = provider("b", "m")
    found = candidates("m", Operation.EMBEDDINGS, Routing((chat_only, both)))
    assert [c.provider.id for c in found] == ["b"]
    with pytest.raises(FaultError, match="does not offer embeddings"):
        candidates("a/m", Operation.EMBEDDINGS, Routing((chat_only, both)))
