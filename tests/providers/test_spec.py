"""A row says what is wrong with it: the row, the field and the rule."""

from dataclasses import replace

import pytest

from app.domain.chat import Operation
from app.providers.spec import ANTHROPIC, GEMINI, OPENAI, Auth, ProviderSpec, check

ROW = ProviderSpec("acme", "Acme", OPENAI, "https://api.acme.example/v1", Auth.BEARER)


@pytest.mark.parametrize(
    ("auth", "header"),
    [(Auth.BEARER, ("authorization", "Bearer ")), (Auth.API_KEY_HEADER, ("api-key", "")), (Auth.NONE, None)],
)
def test_auth_says_which_header_carries_the_key(auth: Auth, header: tuple[str, str] | None) -> None:
    assert auth.header == header


def test_a_good_row_passes_and_knows_its_host() -> None:
    check(ROW)
    assert (ROW.host, ROW.needs_base_url, ROW.needs_key) == ("api.acme.example", False, True)
    assert replace(ROW, auth=Auth.NONE).needs_key is False


def test_a_row_without_base_url_asks_the_user_for_one() -> None:
    row = replace(ROW, base_url="")
    check(row)
    assert row.needs_base_url
    assert row.host == ""


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.acme.example",
        "https://api.acme.example:8443/v1",
        "http://127.0.0.1:8000/v1",
        "http://localhost:1234/v1",
        "http://[::1]:8000/v1",
        "http://192.168.1.20:8000/v1",
        "http://10.0.0.3/v1",
    ],
)
def test_good_base_urls(base_url: str) -> None:
    check(replace(ROW, base_url=base_url))


@pytest.mark.parametrize(
    "base_url",
    [
        "api.acme.example/v1",
        "http://api.acme.example/v1",
        "http://8.8.8.8/v1",
        "ftp://api.acme.example",
        "https://",
        "https://api.acme.example/v1/",
        "https://api.acme.example/v1?key=x",
        "https://api.acme.example/v1#x",
        "https://user:secret@api.acme.example/v1",
        "https://api.acme.example/v 1",
        "https://api.acme.example/\nv1",
        "https://äpi.acme.example/v1",
        "https://api.acme.example:port/v1",
        "https://[::1/v1",
    ],
)
def test_bad_base_urls(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"'acme': base_url: must be https"):
        check(replace(ROW, base_url=base_url))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "Acme"),
        ("id", "a/b"),
        ("id", "-acme"),
        ("id", "acme-"),
        ("id", "a" * 33),
        ("id", "acmé"),
        ("id", "acme\n"),
        ("name", ""),
        ("name", " Acme"),
        ("name", "Ac\x1bme"),
        ("name", "x" * 61),
        ("dialect", "klingon"),
        ("models_path", "models"),
        ("models_path", "/mod els"),
        ("static_models", ("acme-1",)),
        ("docs", "http://acme.example"),
        ("key_url", "acme.example/keys"),
        ("operations", frozenset()),
        ("operations", frozenset({"dance"})),
        ("quirks", "../acme"),
        ("paths", (("chat", "no slash"),)),
        ("paths", (("talk", "/x"),)),
        ("address", "https://RESOURCE.example.com/v1"),
        ("about", "two\nlines"),
        ("headers", (("x acme", "1"),)),
        ("headers", (("x-acme", "1\r\nx: y"),)),
        ("headers", (("Authorization", "Bearer sk-1"),)),
        ("headers", (("x-acme", 1),)),
    ],
)
def test_bad_values_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f": {field}: "):
        check(replace(ROW, **{field: value}))


@pytest.mark.parametrize("models", [(), ("a", "a"), ("a b",), (7,)])
def test_a_provider_that_lists_no_models_needs_good_names(models: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="static_models"):
        check(replace(ROW, lists_models=False, static_models=models))
    check(replace(ROW, lists_models=False, static_models=("acme-1", "acme/2:free")))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 7),
        ("base_url", None),
        ("auth", "bearer"),
        ("lists_models", "yes"),
        ("static_models", ["a"]),
        ("operations", {Operation.CHAT}),
        ("quirks", 7),
        ("paths", {}),
        ("address", None),
        ("about", 1),
        ("api_version", None),
        ("headers", {"x": "y"}),
    ],
)
def test_wrong_types_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f": {field}: .* wrong type"):
        check(replace(ROW, **{field: value}))


@pytest.mark.parametrize(
    ("dialect", "given", "taken"),
    [
        (OPENAI, "http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1"),
        (ANTHROPIC, "http://127.0.0.1:1/v1", "http://127.0.0.1:1"),
        (ANTHROPIC, "http://127.0.0.1:1/v1/", "http://127.0.0.1:1"),
        (ANTHROPIC, "http://127.0.0.1:1/proxy", "http://127.0.0.1:1/proxy"),
        (GEMINI, "http://127.0.0.1:1/v1beta", "http://127.0.0.1:1"),
    ],
)
def test_what_the_paths_begin_with_does_no_harm(dialect: str, given: str, taken: str) -> None:
    assert replace(ROW, dialect=dialect).root_of(given) == taken


CLOUD = replace(ROW, base_url="", address="https://RESOURCE.example.com/openai/v1", about="RESOURCE is yours.")


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("https://mine.example.com", "https://mine.example.com/openai/v1"),
        ("https://mine.example.com/openai/", "https://mine.example.com/openai/v1"),
        ("https://mine.example.com/openai/v1/", "https://mine.example.com/openai/v1"),
        ("https://mine.example.com/openai/v2", "https://mine.example.com/openai/v2"),
        ("https://gateway.example.com/azure", "https://gateway.example.com/azure"),
    ],
)
def test_what_is_left_out_of_an_address_is_put_there(given: str, root: str) -> None:
    check(CLOUD)
    assert CLOUD.root_of(given) == root
    assert ROW.root_of(given) == given.rstrip("/")


def test_a_path_with_words_of_the_users_own_is_not_put_there() -> None:
    row = replace(CLOUD, address="https://api.example.com/v1/projects/PROJECT")
    assert row.root_of("https://api.example.com") == "https://api.example.com"
    assert row.own_words_in("https://api.example.com/v1/projects/PROJECT") == ("PROJECT",)
    assert row.own_words_in("https://api.example.com/v1/projects/mine") == ()
