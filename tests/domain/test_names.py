from app.domain.names import nearest


def test_nearest_ignores_case_and_says_nothing_when_nothing_is_near() -> None:
    assert nearest("GPT-5-mni", ["gpt-5", "gpt-5-mini", "claude"])[0] == "gpt-5-mini"
    assert nearest("zzz", ["gpt-5"]) == []
    assert len(nearest("gpt", ["gpt-1", "gpt-2", "gpt-3", "gpt-4"])) == 3


def test_a_cutoff_of_0_takes_the_best_there_is() -> None:
    assert nearest("zzz", ["gpt-5", "claude"], 1, 0.0) != []


def test_among_thousands_of_names_the_near_ones_are_found_as_well() -> None:
    many = [f"vendor-{number}/model-{number % 97}" for number in range(10_000)]
    assert nearest("GPT-5-mni", [*many, "gpt-5", "gpt-5-mini"])[0] == "gpt-5-mini"
    assert nearest("zzz", many) == []
    assert nearest("zzz", many, 1, 0.0) != []
