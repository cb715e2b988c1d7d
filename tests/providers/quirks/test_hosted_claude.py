"""What all houses of Claude share."""

from app.providers.quirks.hosted_claude import betas_in, body_of


def test_what_is_kept_keeps_its_bytes() -> None:
    body = b'{"big":12345678901234567890123,"model":"a","text":"\\u00e9 model"}'
    assert body_of(body, "v", ("model", "absent")) == (
        b'{"big":12345678901234567890123,"text":"\\u00e9 model","anthropic_version":"v"}'
    )


def test_beta_features_are_found_wherever_they_stand() -> None:
    assert betas_in((("x", "y"),)) == []
    assert betas_in((("anthropic-beta", "a, b"), ("anthropic-beta", " c,"))) == ["a", "b", "c"]
