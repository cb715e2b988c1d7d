from app.domain.names import nearest


def test_nearest_ignores_case_and_says_nothing_when_nothing_is_near() -> None:
    assert nearest("GPT-5-mni", ["gpt-5", "gpt-5-mini", "claude"])[0] == "gpt-5-mini"
    assert nearest("zzz", ["gpt-5"]) == []
    assert len(nearest("gpt", ["gpt-1", "gpt-2", "gpt-3", "gpt-4"])) == 3


def test_a_cutoff_of_0_takes_the_best_there_is() -> None:
    assert nearest("zzz", ["gpt-5", "claude"], 1, 0.0) != []
