from app.domain.history import RequestFilter, Spending


def test_a_filter_asks_for_everything_unless_told() -> None:
    assert RequestFilter() == RequestFilter(None, "", "", "", "", None, None, "")


def test_spending_is_a_value() -> None:
    assert Spending("2026-11-24", "openai", "default", 0.5) == Spending("2026-11-24", "openai", "default", 0.5)
