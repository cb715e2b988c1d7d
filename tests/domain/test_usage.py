from dataclasses import fields

from app.domain.usage import NO_USAGE, Usage, UsageRow, UsageSource, total


def test_unknown_is_not_zero() -> None:
    assert NO_USAGE.input is None
    assert Usage(fresh_input=0).input == 0
    assert UsageRow("x").cost_usd is None


def test_input_counts_what_was_read_from_and_written_to_the_cache() -> None:
    assert Usage(fresh_input=5, cache_read=3, cache_write=2).input == 10
    assert Usage(cache_read=3).input == 3


def test_cumulative_counts_are_never_added_up() -> None:
    first = Usage(fresh_input=5, output=1)
    second = Usage(fresh_input=5, output=7, source=UsageSource.PROVIDER)
    assert first.most(second) == Usage(fresh_input=5, output=7, source=UsageSource.PROVIDER)
    assert second.most(NO_USAGE) == second


def test_a_total_keeps_what_is_known_of_the_cost_and_counts_the_rest() -> None:
    rows = [
        UsageRow("a", 10, 1, 40, 3, 0, 1.5),
        UsageRow("b", 4, 0, 10, 5, 1, 0.25, 1),
        UsageRow("c", 2, 2, 0, 0, 2, None, 2),
    ]
    assert total("all", rows) == UsageRow("all", 16, 3, 50, 8, 3, 1.75, 3)
    assert total("all", []).cost_usd is None


def test_the_larger_of_every_count() -> None:
    for at, field in enumerate(fields(Usage)):
        if field.name != "source":
            small, large = Usage(**{field.name: at}), Usage(**{field.name: at + 1})
            assert small.most(large) == large.most(small) == large
            assert small.most(NO_USAGE) == NO_USAGE.most(small) == small
