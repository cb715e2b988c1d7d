"""Names of users and ids of calls that are longer than OpenAI takes them."""

import re

from app.dialects.openai_lengths import short_id, user_of

LONG = "user_" + "a" * 64 + "_account__session_0b9d"


def test_a_long_user_is_a_digest_always_the_same_and_its_own() -> None:
    assert user_of("u" * 64) == "u" * 64
    assert re.fullmatch("[0-9a-f]{64}", user_of(LONG))
    assert user_of(LONG) == user_of(LONG) != user_of(LONG + "e")
    assert len(user_of("\ud800" * 65)) == 64


def test_a_long_id_is_cut_always_the_same_and_its_own() -> None:
    one, other = short_id("x" * 80 + "a", 64), short_id("x" * 80 + "b", 64)
    assert len(one) == len(other) == 64
    assert one != other
    assert one == short_id("x" * 80 + "a", 64)
    assert short_id("y" * 64, 64) == "y" * 64
    assert len(short_id("chatcmpl-tool-" + "0" * 32, 40)) == 40
