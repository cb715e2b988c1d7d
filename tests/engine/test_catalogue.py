from app.domain.models import ModelInfo
from app.engine.catalogue import ModelList


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
