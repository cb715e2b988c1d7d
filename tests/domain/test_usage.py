from app.domain.usage import NO_USAGE, Usage, UsageRow, UsageSource


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
