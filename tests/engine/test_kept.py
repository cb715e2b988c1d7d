"""Which provider keeps a response."""

from app.engine.kept import Kept


def test_what_is_kept_is_known_until_it_is_deleted() -> None:
    kept = Kept()
    kept.keep(("resp_1", "conv_1"), "openai")
    assert (kept.provider_of("resp_1"), kept.provider_of("conv_1"), kept.provider_of("resp_2")) == (
        "openai",
        "openai",
        "",
    )
    kept.forget("resp_1")
    kept.forget("resp_1")
    assert (kept.provider_of("resp_1"), len(kept)) == ("", 1)


def test_the_least_recently_used_is_forgotten_first() -> None:
    kept = Kept(most=2)
    kept.keep(("a", "b"), "x")
    assert kept.provider_of("a") == "x"
    kept.keep(("c",), "y")
    assert [kept.provider_of(one) for one in "abc"] == ["x", "", "y"]


def test_endless_ids_are_not_kept() -> None:
    kept = Kept()
    kept.keep(("r" * 300,), "x")
    assert len(kept) == 0
