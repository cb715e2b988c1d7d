from app.dialects.openai_models import render_models
from app.domain.models import ModelInfo
from app.engine.catalogue import ModelList, ModelPage, complete


def test_models_are_unknown_until_they_are_fetched() -> None:
    models = ModelList()
    assert models.names is None
    models.replace((ModelInfo("b"), ModelInfo("a")))
    assert models.names == {"a", "b"}
    assert [m.id for m in models.models] == ["b", "a"], "the provider's own order is kept"


def test_an_empty_list_is_not_an_unknown_one() -> None:
    models = ModelList()
    models.replace(())
    assert models.names == frozenset()


def test_a_fixed_list_only_learns_what_is_known_of_its_models() -> None:
    models = ModelList(("mine", "yours"))
    assert models.names == {"mine", "yours"}
    models.replace((ModelInfo("yours", context_length=8), ModelInfo("theirs")))
    assert models.models == (ModelInfo("mine"), ModelInfo("yours", context_length=8))


def test_a_list_is_stale_after_its_time_and_when_it_was_never_fetched() -> None:
    models = ModelList()
    assert models.is_stale(100.0, 10.0)
    models.replace((ModelInfo("a"),), 100.0)
    assert not models.is_stale(109.0, 10.0)
    assert models.is_stale(110.0, 10.0)
    assert models.is_stale(50.0, 10.0), "a clock that went back is no reason to trust it for long"


def test_it_says_whether_anything_changed() -> None:
    models = ModelList()
    assert models.replace((), 1.0)
    before = ModelList.changes
    assert not models.replace((), 2.0)
    assert ModelList.changes == before
    assert models.replace((ModelInfo("a"),), 3.0)
    assert ModelList.changes == before + 1


def test_what_the_provider_did_not_say_is_filled_in_and_what_it_said_stays() -> None:
    known = ModelInfo("x", context_length=8, max_output_tokens=4, capabilities=("tools",))
    said = (ModelInfo("a"), ModelInfo("b", context_length=9), ModelInfo("c"))
    done = complete(said, "kind", lambda kind, model: None if model == "c" else known)
    assert [(m.id, m.context_length, m.max_output_tokens, m.capabilities) for m in done] == [
        ("a", 8, 4, ("tools",)),
        ("b", 9, 4, ("tools",)),
        ("c", None, None, ()),
    ]


def test_a_page_is_what_the_dialect_would_write_and_finds_by_both_names() -> None:
    entries = [("x", ModelInfo("a/b")), ("y", ModelInfo("m")), ("z", ModelInfo("m"))]
    page = ModelPage(entries)
    assert page.body == render_models(entries)
    assert page.body is page.body
    assert list(page) == entries
    assert (page.find("m"), page.find("z/m"), page.find("x/a/b")) == (entries[1], entries[2], entries[0])
    assert page.find("q") is None
    assert ModelPage([]).body == render_models([])


def test_what_is_known_of_a_deployment_is_known_of_the_model_behind_it() -> None:
    asked: list[str] = []
    list(complete([ModelInfo("mine", base="gpt-4o"), ModelInfo("o3")], "azure", lambda kind, name: asked.append(name)))
    assert asked == ["gpt-4o", "o3"]
    models = ModelList()
    models.replace((ModelInfo("mine", base="gpt-4o"), ModelInfo("o3")))
    assert [models.real_name(name) for name in ("mine", "o3", "unknown")] == ["gpt-4o", "o3", "unknown"]
