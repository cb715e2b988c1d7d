from app.domain.models import Alias, ModelInfo, ModelRef


def test_a_reference_is_spelled_as_in_the_contract() -> None:
    assert str(ModelRef("groq", "meta/llama")) == "groq/meta/llama"


def test_what_is_not_known_of_a_model_is_none() -> None:
    info = ModelInfo("m")
    assert (info.created, info.context_length, info.max_output_tokens, info.capabilities) == (None, None, None, ())
    assert Alias("fast", (ModelRef("a", "m"),)).strategy == "priority"
